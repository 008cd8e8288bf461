// A header block to headers (RFC 5322 §2.2): unfolded, decoded, bounded. On the hot path of ingest: a block of plain
// ASCII without encoded words is only cut into lines.
import { isAscii } from 'node:buffer';
import type { MailHeaders } from '../contracts/mail.ts';
import { decodeRaw } from './charset.ts';
import { decodeWords } from './encoded-words.ts';

/** One header as it stands in the mail: unfolded, in characters, with its encoded words still encoded. */
export interface RawHeader {
  /** In lower case. */
  name: string;
  value: string;
}

const MAX_BLOCK_OCTETS = 1024 * 1024; // servers refuse headers well below this (Postfix: 100 kB)
export const MAX_HEADERS = 2000; // mail through many relays has about 150
const MAX_VALUE_CHARS = 256 * 1024; // several thousand recipients in one To
const MAX_NAME_CHARS = 256;

/**
 * Headers whose syntax leaves no place for encoded words (RFC 2047 §5) and that decisions are made from: decoding them
 * would let the text of a sender turn into syntax, such as a second result in Authentication-Results.
 */
const VERBATIM = new Set([
  'authentication-results',
  'received',
  'received-spf',
  'return-path',
  'message-id',
  'in-reply-to',
  'references',
  'date',
  'auto-submitted',
  'precedence',
  'dkim-signature',
  'domainkey-signature',
  'mime-version',
  'content-type',
  'content-transfer-encoding',
  'content-id',
]);

/** Every header as a list under its lower-case name, in order, unfolded and decoded. The object has no prototype. */
export function readHeaderBlock(block: Buffer): MailHeaders {
  return headersOf(readRawHeaders(block));
}

/** Groups raw headers by name and decodes their encoded words. */
export function headersOf(raw: readonly RawHeader[]): MailHeaders {
  const headers: MailHeaders = Object.create(null);
  for (const { name, value } of raw) {
    const decoded = value.includes('=?') && !isVerbatim(name) ? decodeWords(value) : value;
    const list = headers[name];
    if (list) list.push(decoded);
    else headers[name] = [decoded];
  }
  return headers;
}

/** The first value of a header, also where the headers came back from JSON with a prototype. */
export function headerOf(headers: MailHeaders, name: string): string | undefined {
  return Object.hasOwn(headers, name) ? headers[name]?.[0] : undefined;
}

/** All values of a header. */
export function headerValues(headers: MailHeaders, name: string): readonly string[] {
  return (Object.hasOwn(headers, name) ? headers[name] : undefined) ?? [];
}

const isVerbatim = (name: string): boolean => VERBATIM.has(name) || name.startsWith('arc-');

/** The headers of a block up to its first empty line. Lines that are no header are passed over. */
export function readRawHeaders(block: Buffer): RawHeader[] {
  const bounded = block.length > MAX_BLOCK_OCTETS ? block.subarray(0, MAX_BLOCK_OCTETS) : block;
  const plain = isAscii(bounded);
  const text = bounded.toString('latin1');
  const headers: RawHeader[] = [];
  const eightBit: RawHeader[] = [];
  let at = 0;
  let colon = -1;
  while (at < text.length && headers.length < MAX_HEADERS) {
    let lineEnd = text.indexOf('\n', at);
    if (lineEnd < 0) lineEnd = text.length;
    if (isEmptyLine(text, at, lineEnd)) break;
    let end = lineEnd;
    let folded = false;
    // A line that begins with white space continues the one before it (RFC 5322 §2.2.3).
    while (end + 1 < text.length && isBlank(text.charCodeAt(end + 1))) {
      const next = text.indexOf('\n', end + 1);
      const nextEnd = next < 0 ? text.length : next;
      end = nextEnd;
      folded = true;
    }
    // Sought once from each to the next: lines without one would each be looked through to the end of the block.
    if (colon < at) colon = text.indexOf(':', at);
    if (colon < 0) break;
    const header = readHeader(text, at, colon, end, folded);
    at = end + 1;
    if (!header) continue;
    headers.push(header);
    if (!plain && hasEightBit(header.value)) eightBit.push(header);
  }
  if (eightBit.length > 0) decodeEightBit(headers, eightBit);
  return headers;
}

function readHeader(
  text: string,
  start: number,
  colon: number,
  end: number,
  folded: boolean,
): RawHeader | undefined {
  if (colon <= start || colon > end || colon - start > MAX_NAME_CHARS) return undefined;
  const name = fieldName(text.slice(start, colon));
  if (name === '') return undefined;
  let value = text.slice(colon + 1, Math.min(end, colon + 1 + MAX_VALUE_CHARS));
  if (folded) value = value.replace(/\r?\n[ \t]/g, ' ');
  if (value.includes('\0')) value = value.replaceAll('\0', '');
  if (value.includes('\r')) value = value.replaceAll('\r', ' ');
  return { name, value: value.trim() };
}

const MAX_NAMES_KEPT = 1000; // mail of one place has some hundred; a sender who makes them up changes nothing
const LONGEST_NAME_KEPT_CHARS = 64;
const knownNames = new Map<string, string>();

/**
 * What may stand between a name and its colon (RFC 5322 §4.5.8), folded once at most. The check of signatures reads names
 * so: any other white space would make a header here of what it takes for none, and a sender could put one in beside those
 * that are signed.
 */
const BEFORE_COLON = /[ \t]*(?:\r?\n[ \t]+)?$/;

/** In lower case; empty where it is no name. Names are few: each is looked at once. */
function fieldName(written: string): string {
  const known = knownNames.get(written);
  if (known !== undefined) return known;
  const trimmed = written.replace(BEFORE_COLON, '');
  const name = isFieldName(trimmed) ? trimmed.toLowerCase() : '';
  // A piece of the block would keep the whole of it in memory: what is kept is a copy.
  if (knownNames.size < MAX_NAMES_KEPT && written.length <= LONGEST_NAME_KEPT_CHARS) {
    const copy = Buffer.from(written, 'latin1').toString('latin1');
    knownNames.set(copy, isFieldName(trimmed) ? copy.slice(0, trimmed.length).toLowerCase() : '');
  }
  return name;
}

/** RFC 5322 §3.6.8: printable ASCII except the colon. */
function isFieldName(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code <= 32 || code >= 127) return false;
  }
  return name.length > 0;
}

/** Octets above 127 that stand bare: UTF-8 (RFC 6532), else the charset of the text part, else a guess. */
function decodeEightBit(headers: readonly RawHeader[], eightBit: readonly RawHeader[]): void {
  const type = headers.find((header) => header.name === 'content-type')?.value ?? '';
  const hint = /charset\s*=\s*"?([\w.:-]{1,64})/i.exec(type)?.[1] ?? null;
  for (const header of eightBit) header.value = decodeRaw(Buffer.from(header.value, 'latin1'), hint);
}

function hasEightBit(value: string): boolean {
  for (let i = 0; i < value.length; i++) if (value.charCodeAt(i) > 127) return true;
  return false;
}

const isBlank = (code: number): boolean => code === 32 || code === 9;

const isEmptyLine = (text: string, start: number, end: number): boolean =>
  end === start || (end === start + 1 && text.charCodeAt(start) === 13);
