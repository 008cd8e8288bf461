// Reading ZIP files (APPNOTE.TXT): the one door of yauzl. The directory is read and judged before anything is unpacked:
// how many members, how large, how dense, and whether their bytes overlap (one kernel of data counted a thousand times).
import { isUtf8 } from 'node:buffer';
import { type Entry, fromBufferPromise, fromFdPromise, getFileNameLowLevel, type ZipFile } from 'yauzl';
import { decodeRaw, guessCharset } from '../../mail/charset.ts';
import { type Budget, MAX_RATIO, RATIO_COUNTS_FROM_BYTES, refuse } from './budget.ts';
import type { Bytes } from './bytes.ts';

const MAX_LISTED = 10_000; // a presentation with a picture on each of a thousand slides has a few thousand members
const LOCAL_HEADER_BYTES = 30; // at least; its name follows
const UTF8_NAME_FLAG = 0x800;
const UNICODE_PATH_FIELD = 0x7075;

export interface Member {
  /** As it stands in the archive, with `/` between folders. To show and to compare, never to write to. */
  name: string;
  size: number;
  packedSize: number;
  isEncrypted: boolean;
  isFolder: boolean;
  /** Can be unpacked: stored or deflated. */
  isKnownMethod: boolean;
}

export class Zip {
  readonly members: readonly Member[];
  readonly #entries: ReadonlyMap<Member, Entry>;
  readonly #byName: ReadonlyMap<string, Member>;
  readonly #file: ZipFile;
  readonly #budget: Budget;

  private constructor(file: ZipFile, entries: Map<Member, Entry>, budget: Budget) {
    this.#file = file;
    this.#entries = entries;
    this.#budget = budget;
    this.members = [...entries.keys()];
    const byName = new Map<string, Member>();
    for (const member of this.members) if (!byName.has(member.name)) byName.set(member.name, member);
    this.#byName = byName;
  }

  /** @throws PosternError `document_broken`, `archive_too_many` */
  static async open(bytes: Bytes, budget: Budget): Promise<Zip> {
    const options = { autoClose: false, decodeStrings: false, validateEntrySizes: true } as const;
    try {
      const file =
        bytes.descriptor === null
          ? await fromBufferPromise(bytes.read(0, bytes.size), options)
          : await fromFdPromise(bytes.descriptor, options);
      if (file.entryCount > MAX_LISTED) {
        throw refuse('archive_too_many', `The archive holds more than ${MAX_LISTED} files.`);
      }
      const entries = new Map<Member, Entry>();
      for await (const entry of file.eachEntry()) entries.set(memberOf(entry), entry);
      refuseOverlaps([...entries.values()], bytes.size);
      return new Zip(file, entries, budget);
    } catch (error) {
      throw clear(error);
    }
  }

  member(name: string): Member | undefined {
    return this.#byName.get(name);
  }

  /**
   * The unpacked bytes of a member, piece by piece.
   * @throws PosternError `document_encrypted`, `document_broken`, `archive_ratio`, `archive_too_large`
   */
  async *unpack(member: Member): AsyncGenerator<Buffer> {
    const entry = this.#entries.get(member);
    if (!entry) throw new Error('a member of another archive');
    if (member.isEncrypted) throw refuse('document_encrypted', 'It is protected by a password.');
    refuseRatio(member.size, member.packedSize);
    let left = member.size; // as the directory says; the reader refuses what unpacks to another size
    try {
      const stream = await this.#file.openReadStreamPromise(entry);
      try {
        for await (const piece of stream as AsyncIterable<Buffer>) {
          this.#budget.unpack(piece.length);
          left -= piece.length;
          if (left < 0) throw refuse('document_broken', 'A file in it is larger than it says.');
          yield piece;
        }
      } finally {
        stream.destroy();
      }
    } catch (error) {
      throw clear(error);
    }
  }

  /** @throws as `unpack`, and `document_too_large` above `mostBytes` */
  async load(member: Member, mostBytes: number): Promise<Buffer> {
    if (member.size > mostBytes) {
      throw refuse(
        'document_too_large',
        `Unpacked it has ${member.size} bytes; at most ${mostBytes} are read.`,
      );
    }
    const parts: Buffer[] = [];
    for await (const piece of this.unpack(member)) parts.push(piece);
    return Buffer.concat(parts);
  }
}

/** @throws PosternError `archive_ratio` where so few bytes cannot be so much of anything that people write */
export function refuseRatio(size: number, packedSize: number): void {
  if (size < RATIO_COUNTS_FROM_BYTES || size <= packedSize * MAX_RATIO) return;
  throw refuse('archive_ratio', `It unpacks to more than ${MAX_RATIO} times its size.`);
}

/** Members lie one behind the other. Where they overlap, the same bytes are counted again and again. */
function refuseOverlaps(entries: Entry[], fileSize: number): void {
  const byPlace = entries.sort((a, b) => a.relativeOffsetOfLocalHeader - b.relativeOffsetOfLocalHeader);
  let end = 0;
  for (const entry of byPlace) {
    const start = entry.relativeOffsetOfLocalHeader;
    if (start < end) throw refuse('document_broken', 'Files in the archive overlap.');
    end = start + LOCAL_HEADER_BYTES + entry.fileNameRaw.length + entry.compressedSize;
    if (end > fileSize) throw refuse('document_broken', 'The archive is cut short.');
  }
}

function memberOf(entry: Entry): Member {
  const name = nameOf(entry).replaceAll('\\', '/');
  return {
    name,
    size: entry.uncompressedSize,
    packedSize: entry.compressedSize,
    isEncrypted: entry.isEncrypted(),
    isFolder: name.endsWith('/'),
    isKnownMethod: entry.compressionMethod === 0 || entry.compressionMethod === 8,
  };
}

/** Names are UTF-8 where they say so; many programs of China and Japan write their own charset and say nothing. */
function nameOf(entry: Entry): string {
  const raw = entry.fileNameRaw;
  const hasUnicodeField = entry.extraFields.some(({ id }) => id === UNICODE_PATH_FIELD);
  if ((entry.generalPurposeBitFlag & UTF8_NAME_FLAG) !== 0 || isUtf8(raw)) return raw.toString('utf8');
  if (hasUnicodeField || guessCharset(raw) === 'windows-1252') {
    return getFileNameLowLevel(entry.generalPurposeBitFlag, raw, entry.extraFields, false);
  }
  return decodeRaw(raw, null);
}

/** What the library or zlib says of a damaged file, as ours. */
function clear(error: unknown): unknown {
  if (error instanceof Error && error.name === 'PosternError') return error;
  const message = error instanceof Error ? error.message : String(error);
  if (/encrypt/i.test(message))
    return refuse('document_encrypted', 'The archive is protected by a password.');
  return refuse('document_broken', `The archive cannot be read: ${message.slice(0, 200)}.`);
}
