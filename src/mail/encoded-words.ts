// RFC 2047 encoded words, as they are found rather than as they should be: adjacent words of one charset are joined
// before their charset is decoded, because many senders split in the middle of a character.
import { decodeCharset } from './charset.ts';

interface Word {
  charset: string;
  bytes: Buffer;
  end: number;
}

const MAX_CHARSET_CHARS = 64; // no charset name is longer; keeps the search for the next question mark short

/** `value` with its encoded words decoded. What only looks like one stays as it is. Linear in the length. */
export function decodeWords(value: string): string {
  let start = value.indexOf('=?');
  if (start < 0) return value;
  const out: string[] = [];
  let done = 0;
  let pending: { charset: string; chunks: Buffer[] } | undefined;
  const flush = (): void => {
    if (!pending) return;
    out.push(decodeCharset(Buffer.concat(pending.chunks), pending.charset));
    pending = undefined;
  };
  while (start >= 0) {
    const word = readWord(value, start);
    if (!word) {
      start = value.indexOf('=?', start + 2);
      continue;
    }
    const between = value.slice(done, start);
    // White space between two encoded words is not part of the text (RFC 2047 §6.2).
    const adjacent = pending !== undefined && between.trim() === '';
    if (!adjacent) {
      flush();
      out.push(between);
    } else if (pending?.charset !== word.charset) flush();
    if (pending) pending.chunks.push(word.bytes);
    else pending = { charset: word.charset, chunks: [word.bytes] };
    done = word.end;
    start = value.indexOf('=?', done);
  }
  flush();
  out.push(value.slice(done));
  return out.join('');
}

/** The encoded word `=?charset?B|Q?text?=` that begins at `start`, or nothing. */
function readWord(value: string, start: number): Word | undefined {
  const charsetEnd = value.indexOf('?', start + 2);
  if (charsetEnd <= start + 2 || charsetEnd - start > MAX_CHARSET_CHARS) return undefined;
  if (value[charsetEnd + 2] !== '?') return undefined;
  const encoding = (value[charsetEnd + 1] ?? '').toUpperCase();
  if (encoding !== 'B' && encoding !== 'Q') return undefined;
  const textStart = charsetEnd + 3;
  const textEnd = value.indexOf('?', textStart);
  // A question mark inside Q text is not allowed, but seen: then the next `?=` ends the word.
  const end = textEnd >= 0 && value[textEnd + 1] === '=' ? textEnd : closingOf(value, textStart, encoding);
  if (end < 0) return undefined;
  const charset = value.slice(start + 2, charsetEnd).toLowerCase();
  if (!/^[\w.:*+()-]+$/.test(charset)) return undefined;
  const text = value.slice(textStart, end);
  return { charset, bytes: encoding === 'B' ? Buffer.from(text, 'base64') : decodeQ(text), end: end + 2 };
}

const MAX_STRAY_CHARS = 512; // how far a closing ?= is looked for past a stray question mark

function closingOf(value: string, from: number, encoding: string): number {
  if (encoding !== 'Q') return -1;
  const window = value.slice(from, from + MAX_STRAY_CHARS);
  const end = window.indexOf('?=');
  const next = window.indexOf('=?');
  return end < 0 || (next >= 0 && next < end - 1) ? -1 : from + end;
}

function decodeQ(text: string): Buffer {
  // Raw 8-bit characters inside a word are kept as UTF-8, which is what they nearly always were.
  const source = Buffer.from(text, 'utf8');
  const out = Buffer.allocUnsafe(source.length);
  let length = 0;
  for (let i = 0; i < source.length; i++) {
    const octet = source[i] as number;
    if (octet === 0x5f) out[length++] = 0x20;
    else if (octet === 0x3d) {
      const code = hexPair(source[i + 1], source[i + 2]);
      if (code < 0) out[length++] = octet;
      else {
        out[length++] = code;
        i += 2;
      }
    } else out[length++] = octet;
  }
  return out.subarray(0, length);
}

/** The octet that two hexadecimal digits name, or -1. */
export function hexPair(high: number | undefined, low: number | undefined): number {
  const h = hexDigit(high);
  const l = hexDigit(low);
  return h < 0 || l < 0 ? -1 : h * 16 + l;
}

function hexDigit(code: number | undefined): number {
  if (code === undefined) return -1;
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  if (code >= 0x41 && code <= 0x46) return code - 0x37;
  if (code >= 0x61 && code <= 0x66) return code - 0x57;
  return -1;
}
