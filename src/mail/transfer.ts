// Content-Transfer-Encoding undone (RFC 2045 §6) and format=flowed unwrapped (RFC 3676): by what is found, never
// failing, in linear time.
import { hexPair } from './encoded-words.ts';

/** The octets that a part stands for. An unknown encoding leaves them as they are. */
export function decodeTransfer(bytes: Uint8Array, encoding: string): Buffer {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (encoding === 'base64') return decodeBase64(buffer);
  if (encoding === 'quoted-printable') return decodeQuotedPrintable(buffer);
  return buffer;
}

/**
 * Base64 with line breaks, junk between the letters, and padding in the middle, where a gateway has joined two parts:
 * Node's decoder would end at the first padding.
 */
function decodeBase64(buffer: Buffer): Buffer {
  const text = buffer.toString('latin1').replace(/[^A-Za-z0-9+/=_-]/g, '');
  const padding = text.indexOf('=');
  if (padding < 0 || padding >= text.length - 2) return Buffer.from(text, 'base64');
  return Buffer.concat(text.split(/=+/).map((segment) => Buffer.from(segment, 'base64')));
}

function decodeQuotedPrintable(source: Buffer): Buffer {
  if (!source.includes(0x3d)) return source;
  const out = Buffer.allocUnsafe(source.length);
  let length = 0;
  for (let i = 0; i < source.length; i++) {
    const octet = source[i] as number;
    if (octet !== 0x3d) {
      out[length++] = octet;
      continue;
    }
    const code = hexPair(source[i + 1], source[i + 2]);
    if (code >= 0) {
      out[length++] = code;
      i += 2;
      continue;
    }
    const next = softBreakEnd(source, i + 1);
    if (next < 0)
      out[length++] = octet; // an equals sign that escapes nothing stands for itself
    else i = next - 1;
  }
  return out.subarray(0, length);
}

const MAX_TRAILING_BLANKS = 80; // gateways pad lines after the equals sign; a longer run is text

/** Where the line after a soft break begins, or -1 where `=` ends no line. */
function softBreakEnd(source: Buffer, from: number): number {
  let at = from;
  while (at - from < MAX_TRAILING_BLANKS && (source[at] === 0x20 || source[at] === 0x09)) at++;
  if (at >= source.length) return at;
  if (source[at] === 0x0d) at++;
  return source[at] === 0x0a ? at + 1 : -1;
}

/** Joins the soft-wrapped lines of a text with LF line ends. Lines of different quote depth are never joined. */
export function unflow(text: string, delsp: boolean): string {
  const out: string[] = [];
  let paragraph: { depth: number; pieces: string[] } | undefined;
  const flush = (): void => {
    if (paragraph) out.push(withDepth(paragraph.depth, paragraph.pieces.join('')));
    paragraph = undefined;
  };
  for (const line of text.split('\n')) {
    let depth = 0;
    while (line.charCodeAt(depth) === 0x3e) depth++;
    const content = line.slice(line[depth] === ' ' ? depth + 1 : depth); // unstuffed (RFC 3676 §4.4)
    if (content === '-- ') {
      flush(); // a signature's separator ends in a space but never flows (RFC 3676 §4.3)
      out.push(withDepth(depth, content));
      continue;
    }
    if (paragraph && paragraph.depth !== depth) flush();
    const flows = content.endsWith(' ');
    paragraph ??= { depth, pieces: [] };
    paragraph.pieces.push(flows && delsp ? content.slice(0, -1) : content);
    if (!flows) flush();
  }
  flush();
  return out.join('\n');
}

const withDepth = (depth: number, content: string): string =>
  depth === 0 ? content : `${'>'.repeat(depth)} ${content}`;
