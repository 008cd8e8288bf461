// The port by which a draft becomes the bytes of a mail (outbound/ fills it), and the digest that an approval names.
import { createHash } from 'node:crypto';
import type { DraftContent } from '../contracts/draft.ts';

/** Who the SMTP server is told the mail is from and to: MAIL FROM and every RCPT TO, in that order. */
export interface Envelope {
  from: string;
  to: string[];
}

export interface ComposerFile {
  filename: string;
  contentType: string;
  bytes: Buffer;
}

/**
 * Makes the mail: CRLF line ends, no Bcc and no Date. The Date line is put in front when the mail is approved, so that
 * what was approved is, byte for byte, what leaves below that one line.
 * @throws PosternError `recipient_invalid`, `mail_not_composable`
 */
export type Composer = (
  content: DraftContent,
  files: readonly ComposerFile[],
) => Promise<{ raw: Buffer; envelope: Envelope }>;

/** `sha256:…` over the envelope as JSON, a NUL, and the bytes. No JSON holds a NUL, so the two cannot be shifted. */
export function digestOf(envelope: Envelope, raw: Buffer): string {
  const hash = createHash('sha256');
  hash.update(JSON.stringify({ from: envelope.from, to: envelope.to }));
  hash.update('\0');
  hash.update(raw);
  return `sha256:${hash.digest('hex')}`;
}
