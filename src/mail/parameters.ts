// Header values with parameters (RFC 2045 §5.1): Content-Type and Content-Disposition, with the continuations and
// charsets of RFC 2231 and the encoded words that many senders put there against RFC 2047.
import { decodeCharset } from './charset.ts';
import { decodeWords, hexPair } from './encoded-words.ts';

export interface Parameterised {
  /** The bare value in lower case, such as `text/plain`. */
  value: string;
  /** Parameters by lower-case name, decoded. */
  params: Map<string, string>;
}

const MAX_PARAMETERS = 200; // continuations of one long name included
const MAX_CHARS = 64 * 1024;

interface Segment {
  order: number;
  encoded: boolean;
  value: string;
}

/** Reads `value; name=value; name*0*=charset''value …`. Broken input gives what can be read of it, in linear time. */
export function readParameters(source: string): Parameterised {
  const text = source.slice(0, MAX_CHARS);
  const scanner = { text, at: 0 };
  const value = readToken(scanner, ';').trim().toLowerCase();
  const plain = new Map<string, string>();
  const continued = new Map<string, Segment[]>();
  for (let count = 0; scanner.at < text.length && count < MAX_PARAMETERS; count++) {
    const name = readName(scanner);
    if (text[scanner.at] !== '=') {
      scanner.at++; // a name without a value
      continue;
    }
    scanner.at++;
    const read = readToken(scanner, ';').trim();
    if (name === '') continue;
    const star = name.indexOf('*');
    if (star < 0) {
      // Duplicates are not allowed; the first is what most clients take.
      if (!plain.has(name)) plain.set(name, decodeWords(read));
      continue;
    }
    const base = name.slice(0, star);
    const match = /^\*(\d{1,3})?(\*)?$/.exec(name.slice(star));
    if (!match || base === '') continue;
    const encoded = match[2] === '*' || match[1] === undefined;
    const segments = continued.get(base) ?? [];
    segments.push({ order: Number(match[1] ?? 0), encoded, value: read });
    continued.set(base, segments);
  }
  // The extended form wins over the plain fallback beside it (RFC 6266 §4.3).
  for (const [name, segments] of continued) plain.set(name, joinSegments(segments));
  return { value, params: plain };
}

function readName(scanner: { text: string; at: number }): string {
  const { text } = scanner;
  const start = scanner.at;
  while (scanner.at < text.length && text[scanner.at] !== '=' && text[scanner.at] !== ';') scanner.at++;
  return text.slice(start, scanner.at).trim().toLowerCase();
}

/** Reads to the stop character, past it, with quoted strings unquoted and comments left out. */
function readToken(scanner: { text: string; at: number }, stop: string): string {
  const { text } = scanner;
  let out = '';
  let quoted = false;
  let depth = 0;
  for (; scanner.at < text.length; scanner.at++) {
    const char = text[scanner.at] as string;
    if (quoted) {
      if (char === '\\' && scanner.at + 1 < text.length) {
        const next = text[scanner.at + 1] as string;
        // Windows senders write paths in quotes: only quotes and backslashes are meant to be escaped.
        if (next === '"' || next === '\\') scanner.at++;
        out += text[scanner.at];
      } else if (char === '"') quoted = false;
      else out += char;
    } else if (depth > 0) {
      if (char === ')') depth--;
      else if (char === '(') depth++;
    } else if (char === '"') quoted = true;
    else if (char === '(' && isCommentStart(text, scanner.at, out)) depth = 1;
    else if (char === stop) {
      scanner.at++;
      break;
    } else out += char;
  }
  return out;
}

/** Brackets inside a bare file name are no comment: only those after which the value ends are. */
function isCommentStart(text: string, at: number, before: string): boolean {
  const close = text.indexOf(')', at);
  if (close < 0 || before.trim() === '') return false;
  let next = close + 1;
  while (next < text.length && next - close < MAX_BLANKS && text[next] === ' ') next++;
  return next === text.length || text[next] === ';';
}

const MAX_BLANKS = 10;

function joinSegments(segments: Segment[]): string {
  segments.sort((a, b) => a.order - b.order);
  const first = segments[0];
  let charset: string | null = null;
  if (first?.encoded) {
    const mark = /^([\w.:+-]{0,64})'[^']{0,64}'/.exec(first.value);
    if (mark) {
      charset = mark[1] || 'utf-8';
      first.value = first.value.slice(mark[0].length);
    }
  }
  if (!segments.some((segment) => segment.encoded)) return decodeWords(segments.map((s) => s.value).join(''));
  // The octets of all segments are joined before decoding: a character may be split between two.
  const chunks = segments.map((s) => (s.encoded ? percentDecode(s.value) : Buffer.from(s.value, 'utf8')));
  return decodeCharset(Buffer.concat(chunks), charset);
}

function percentDecode(text: string): Buffer {
  const source = Buffer.from(text, 'utf8');
  const out = Buffer.allocUnsafe(source.length);
  let length = 0;
  for (let i = 0; i < source.length; i++) {
    const code = source[i] === 0x25 ? hexPair(source[i + 1], source[i + 2]) : -1;
    if (code >= 0) {
      out[length++] = code;
      i += 2;
    } else out[length++] = source[i] as number;
  }
  return out.subarray(0, length);
}
