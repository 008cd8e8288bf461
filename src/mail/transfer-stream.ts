// Content-Transfer-Encoding undone piece by piece, to the same octets as `decodeTransfer` does at once. Base64 is decoded
// in place and without strings: of an attachment of 100 MB those would be more garbage than all else.
import { decodeTransfer } from './transfer.ts';

/** An unknown encoding leaves the octets as they are. @param pieces are written over */
export function decodeTransferStream(pieces: AsyncIterable<Buffer>, encoding: string): AsyncIterable<Buffer> {
  if (encoding === 'base64') return decodeBase64(pieces);
  if (encoding === 'quoted-printable') return decodeQuotedPrintable(pieces);
  return pieces;
}

const [PADDING, NOTHING] = [64, 65];
const SEXTETS = new Uint8Array(256).fill(NOTHING);
for (const [value, letter] of [
  ...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
].entries())
  SEXTETS[letter.charCodeAt(0)] = value;
SEXTETS['-'.charCodeAt(0)] = 62; // of base64url, which Node's decoder takes too
SEXTETS['_'.charCodeAt(0)] = 63;
SEXTETS['='.charCodeAt(0)] = PADDING;

async function* decodeBase64(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let bits = 0;
  let held = 0; // how many of the bits are not written yet
  for await (const piece of pieces) {
    let length = 0; // never more than was read: a letter ends at most one octet
    for (let at = 0; at < piece.length; at++) {
      const sextet = SEXTETS[piece[at] as number] as number;
      if (sextet < PADDING) {
        bits = ((bits << 6) | sextet) & 0xfff;
        held += 6;
        if (held < 8) continue;
        held -= 8;
        piece[length++] = bits >> held;
      } else if (sextet === PADDING) held = 0; // what comes behind it begins anew: a gateway has joined two parts
    }
    if (length > 0) yield piece.subarray(0, length);
  }
}

const LF = 0x0a;
const LONGEST_LINE_BYTES = 1024 * 1024; // RFC 2045 has 76; only what goes on for longer is decoded in the middle

const EQUALS = 0x3d;
const LONGEST_ESCAPE_BYTES = 83; // a soft break: `=`, the blanks that decodeTransfer takes behind it, CRLF

/** Where a line is cut so that an escape stays whole. */
function beforeEscape(text: Buffer): number {
  const at = text.indexOf(EQUALS, text.length - LONGEST_ESCAPE_BYTES);
  return at < 0 ? text.length : at;
}

/** Line by line, because an escape never goes on behind a line's end. */
async function* decodeQuotedPrintable(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of pieces) {
    const text = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    const end = text.length > LONGEST_LINE_BYTES ? beforeEscape(text) : text.lastIndexOf(LF) + 1;
    rest = text.subarray(end);
    if (end > 0) yield decodeTransfer(text.subarray(0, end), 'quoted-printable');
  }
  if (rest.length > 0) yield decodeTransfer(rest, 'quoted-printable');
}
