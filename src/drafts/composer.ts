// The port by which a draft becomes the bytes of a mail (outbound/ fills it), and the digest that an approval names.
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { DraftContent } from '../contracts/draft.ts';

/** Who the SMTP server is told the mail is from and to: MAIL FROM and every RCPT TO, in that order. */
export interface Envelope {
  from: string;
  to: string[];
}

export interface ComposerFile {
  filename: string;
  contentType: string;
  /** Of what `open` gives, in hexadecimal digits. */
  sha256: string;
  /** By which the HTML may show it; without angle brackets. */
  contentId?: string | null;
  open(): Promise<Readable>;
}

export interface Composed {
  /** The mail piece by piece, made as it is read, once. Throws where it cannot be composed, or a file not be read. */
  mail: AsyncIterable<Buffer>;
  envelope: Envelope;
}

/**
 * Makes the mail: CRLF line ends, no Bcc and no Date. The Date line is put in front when the mail is approved, so that
 * what was approved is, byte for byte, what leaves below that one line.
 * @throws PosternError `recipient_invalid`, `mail_not_composable`, also while the mail is read
 */
export type Composer = (content: DraftContent, files: readonly ComposerFile[]) => Promise<Composed>;

/** `sha256:…` over the envelope as JSON, a NUL, and the bytes. No JSON holds a NUL, so the two cannot be shifted. */
export class MailDigest {
  readonly #hash = createHash('sha256');

  constructor(envelope: Envelope) {
    this.#hash.update(JSON.stringify({ from: envelope.from, to: envelope.to }));
    this.#hash.update('\0');
  }

  /** The pieces as they are; the digest is whole once they were read to the end. */
  async *over(mail: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const piece of mail) {
      this.#hash.update(piece);
      yield piece;
    }
  }

  /** Of bytes that are at hand. */
  endWith(mail: Buffer): string {
    this.#hash.update(mail);
    return this.end();
  }

  end(): string {
    return `sha256:${this.#hash.digest('hex')}`;
  }
}

/** The digest of a mail that is read only for this. */
export async function digestOf(envelope: Envelope, mail: Buffer | AsyncIterable<Buffer>): Promise<string> {
  const digest = new MailDigest(envelope);
  if (Buffer.isBuffer(mail)) return digest.endWith(mail);
  for await (const _ of digest.over(mail));
  return digest.end();
}
