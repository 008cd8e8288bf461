// Looks at the octets of a mail on their way to the check of its signatures, and refuses those whose shape would make it
// take time or memory in their square: one header block, or one line, without an end.
import { PosternError } from '../../kernel/errors.ts';

const MAX_HEADER_BYTES = 256 * 1024; // servers refuse headers well below this (Postfix: 100 kB)
const MAX_LINE_BYTES = 256 * 1024; // RFC 5322 §2.1.1 allows 998; what is broken has some ten thousand
const LF = 10;
const CR = 13;

export class MailShape {
  readonly #head: Buffer[] = [];
  #headBytes = 0;
  #inHeaders = true;
  /** Octets of the line so far, and whether all of them are CR. */
  #lineBytes = 0;
  #lineIsEmpty = true;

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
  }

  /** Behind the first empty line; -1 where it is not in this piece. */
  #endOfHeaders(piece: Buffer): number {
    for (let at = 0; at < piece.length; at++) {
      const octet = piece[at];
      if (octet === LF) {
        if (this.#lineIsEmpty) return at + 1;
        this.#lineIsEmpty = true;
      } else if (octet !== CR) this.#lineIsEmpty = false;
    }
    return -1;
  }
}

const tooComplex = (what: string): PosternError =>
  new PosternError('mail_too_complex', `The mail has ${what}.`);
