// Compound files (MS-CFB): the container of the old Office formats, and of Office documents with a password. None is
// read; what lies in it is told, so that a person knows what to do.

import type { PosternError } from '../../kernel/errors.ts';
import { refuse } from './budget.ts';
import type { Bytes } from './bytes.ts';

export const COMPOUND_MAGIC = Buffer.from('d0cf11e0a1b11ae1', 'hex');
const HEADER_BYTES = 512;
const ENTRY_BYTES = 128;
const NAME_LENGTH_AT = 64;
const MAX_DIRECTORY_SECTORS = 64; // names that matter stand in the first few
const HEADER_TABLE_AT = 76; // the places of the first 109 sectors of the allocation table
const HEADER_TABLE_ENTRIES = 109;

/** Streams by which programs are known, and what they wrote. */
const KNOWN: readonly (readonly [stream: string, what: string])[] = [
  ['WordDocument', 'a Word document of the old format (.doc)'],
  ['Workbook', 'a workbook of the old format (.xls)'],
  ['Book', 'a workbook of the old format (.xls)'],
  ['PowerPoint Document', 'a presentation of the old format (.ppt)'],
  ['__properties_version1.0', 'an Outlook message (.msg)'],
];

/** Why a compound file is not read. Throws nothing, whatever the bytes are. */
export function refuseCompound(bytes: Bytes): PosternError {
  const names = streamNames(bytes);
  if (names.has('EncryptedPackage')) {
    return refuse('document_encrypted', 'The Office document is protected by a password.');
  }
  const what = KNOWN.find(([stream]) => names.has(stream))?.[1] ?? 'a compound file of an unknown program';
  return refuse('document_type_unknown', `It is ${what}, which is not read.`, 'Save it in a current format.');
}

function streamNames(bytes: Bytes): Set<string> {
  const names = new Set<string>();
  const header = bytes.read(0, HEADER_BYTES);
  if (header.length < HEADER_BYTES) return names;
  const sectorBytes = header.readUInt16LE(30) === 12 ? 4096 : 512;
  const placeOf = (sector: number): number => (sector + 1) * sectorBytes;
  let sector = header.readUInt32LE(48);
  for (let i = 0; i < MAX_DIRECTORY_SECTORS; i++) {
    const entries = bytes.read(placeOf(sector), sectorBytes);
    for (let at = 0; at + ENTRY_BYTES <= entries.length; at += ENTRY_BYTES) {
      const length = entries.readUInt16LE(at + NAME_LENGTH_AT);
      if (length >= 2 && length <= NAME_LENGTH_AT)
        names.add(entries.toString('utf16le', at, at + length - 2));
    }
    const tableIndex = Math.floor(sector / (sectorBytes / 4));
    if (tableIndex >= HEADER_TABLE_ENTRIES) break;
    const table = header.readUInt32LE(HEADER_TABLE_AT + tableIndex * 4);
    const next = bytes.read(placeOf(table) + (sector % (sectorBytes / 4)) * 4, 4);
    if (next.length < 4) break;
    sector = next.readUInt32LE(0);
  }
  return names;
}
