// Looks at the octets of a mail on their way to the check of its signatures, and refuses those whose shape would make it
// take time or memory in their square: one header block, or one line, without an end, or signatures without number.
import { PosternError } from '../../kernel/errors.ts';

const MAX_HEADER_BYTES = 256 * 1024; // servers refuse headers well below this (Postfix: 100 kB)
const MAX_LINE_BYTES = 256 * 1024; // RFC 5322 §2.1.1 allows 998; what is broken has some ten thousand
const MAX_HEADER_LINES = 5_000; // those of real mail have some hundred; each is held against all of them
/** Each is looked up, and one that names a length of its own hashes the body once more. Honest mail has one or two, a list's some more. */
export const MAX_SIGNATURES = 20;
const SIGNATURE = /^dkim-signature[ \t\r\n]*:/gim;
const LF = 10;
const CR = 13;

export class MailShape {
  readonly #head: Buffer[] = [];
  #headBytes = 0;
  #headLines = 0;
  #inHeaders = true;
  #lineBytes = 0;
  /** Of the header's line so far: how many octets, and whether the last one is CR. One CR alone makes an empty line. */
  #headLineBytes = 0;
  #endsInCr = false;

  /** @throws PosternError `mail_too_complex` */
  add(piece: Buffer): void {
    if (this.#inHeaders) this.#addToHead(piece);
    for (let at = 0; at < piece.length; ) {
      const end = piece.indexOf(LF, at);
      this.#lineBytes += (end < 0 ? piece.length : end) - at;
      if (this.#lineBytes > MAX_LINE_BYTES) throw tooComplex(`a line of more than ${MAX_LINE_BYTES} octets`);
      if (end < 0) return;
      this.#lineBytes = 0;
      at = end + 1;
    }
  }

  /** The header block, with its empty line where there is one. */
  headers(): Buffer {
    return Buffer.concat(this.#head);
  }

  #addToHead(piece: Buffer): void {
    const end = this.#endOfHeaders(piece);
    this.#inHeaders = end < 0;
    const part = end < 0 ? piece : piece.subarray(0, end);
    this.#headBytes += part.length;
    if (this.#headBytes > MAX_HEADER_BYTES)
      throw tooComplex(`headers of more than ${MAX_HEADER_BYTES} octets`);
    this.#head.push(Buffer.from(part));
    if (!this.#inHeaders) this.#countSignatures();
  }

  /** As they stand in the mail: those behind more headers than are read of a mail count too. */
  #countSignatures(): void {
    const signatures = this.headers().toString('latin1').match(SIGNATURE)?.length ?? 0;
    if (signatures > MAX_SIGNATURES) throw tooComplex(`${signatures} signatures`);
  }

  /** Behind the first empty line; -1 where it is not in this piece. */
  #endOfHeaders(piece: Buffer): number {
    for (let at = 0; at < piece.length; at++) {
      const octet = piece[at];
      if (octet === LF) {
        if (++this.#headLines > MAX_HEADER_LINES)
          throw tooComplex(`headers of more than ${MAX_HEADER_LINES} lines`);
        if (this.#headLineBytes === 0 || (this.#headLineBytes === 1 && this.#endsInCr)) return at + 1;
        this.#headLineBytes = 0;
      } else {
        this.#headLineBytes++;
        this.#endsInCr = octet === CR;
      }
    }
    return -1;
  }
}

const tooComplex = (what: string): PosternError =>
  new PosternError('mail_too_complex', `The mail has ${what}.`);
