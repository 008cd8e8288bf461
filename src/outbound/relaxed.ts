// Canonicalisation `relaxed` of DKIM (RFC 6376 §3.4), as a mail comes by: its header once it is whole, and the hash of its
// body as it goes on, so that no mail is held whole.
import { createHash } from 'node:crypto';
import { PosternError } from '../kernel/errors.ts';

const MAX_HEADER_BYTES = 1024 * 1024; // 1,500 recipients have a tenth of it
const BLANK_LINES_AT_ONCE = 4096;
const END = '\r\n\r\n';

/** A header field as it stands in the mail, folded, without its last CRLF. */
export interface HeaderField {
  /** In lower case. */
  name: string;
  text: string;
}

/** The fields of a header, in their order. Octets are read as latin1, so that none is changed. */
export function headerFields(header: string): HeaderField[] {
  return header
    .split(/\r\n(?![ \t])/)
    .filter((text) => text !== '')
    .map((text) => ({
      name: text
        .slice(0, Math.max(0, text.indexOf(':')))
        .trim()
        .toLowerCase(),
      text,
    }));
}

/** RFC 6376 §3.4.2, without a CRLF at the end. */
export function relaxedField({ name, text }: HeaderField): string {
  const value = text
    .slice(text.indexOf(':') + 1)
    .replaceAll('\r\n', '')
    .replace(/[ \t]+/g, ' ')
    .trim();
  return `${name}:${value}`;
}

/** Takes a mail with CRLF line ends in pieces. */
export class RelaxedMail {
  readonly #hash = createHash('sha256');
  #header: string | null = null;
  /** Of the header before it is whole, then what came with its end, then the line that the last piece did not end. */
  #held = '';
  /** Empty lines that count only if something follows. */
  #blank = 0;
  #isEmpty = true;

  /** The header without the empty line behind it; null until that line has come. */
  get header(): string | null {
    return this.#header;
  }

  /** @throws PosternError `mail_not_composable` where the header does not end */
  add(bytes: Buffer): void {
    const text = this.#held + bytes.toString('latin1');
    if (this.#header === null) {
      const end = text.indexOf(END);
      // The body waits: most mail leaves unsigned, and whether this one does is known by its header.
      this.#held = end < 0 ? text : text.slice(end + END.length);
      if (end >= 0) this.#header = text.slice(0, end);
      else if (text.length > MAX_HEADER_BYTES)
        throw new PosternError(
          'mail_not_composable',
          'The mail has a header that is too large to be signed.',
        );
    } else this.#body(text);
  }

  /** The hash of the body in base64, once the mail has ended. */
  end(): string {
    this.#body(this.#held);
    if (this.#held !== '') this.#lines(`${this.#held}\r\n`);
    if (!this.#isEmpty) this.#hash.update('\r\n'); // the last line's own
    return this.#hash.digest('base64');
  }

  #body(text: string): void {
    const whole = text.lastIndexOf('\r\n') + 2;
    this.#held = whole < 2 ? text : text.slice(whole);
    if (whole >= 2) this.#lines(text.slice(0, whole));
  }

  /** Whole lines. What is hashed ends without a CRLF: that comes with the next line, or at the end. */
  #lines(text: string): void {
    const lines = /[ \t]/.test(text) ? text.replace(/[ \t]+/g, ' ').replaceAll(' \r\n', '\r\n') : text;
    let end = lines.length;
    while (end >= 2 && lines.charCodeAt(end - 1) === 10 && lines.charCodeAt(end - 2) === 13) end -= 2;
    const blank = (lines.length - end) / 2;
    if (end === 0) {
      this.#blank += blank;
      return;
    }
    for (; this.#blank > 0; this.#blank -= Math.min(this.#blank, BLANK_LINES_AT_ONCE))
      this.#hash.update('\r\n'.repeat(Math.min(this.#blank, BLANK_LINES_AT_ONCE)));
    this.#hash.update(lines.slice(0, end), 'latin1');
    this.#blank = blank;
    this.#isEmpty = false;
  }
}
