// What may be said to the library that builds MIME: addresses as objects, and nothing that it would look up.
import type { Readable } from 'node:stream';
import type { Address } from '../contracts/mail.ts';

export interface MimeOptions {
  from: Address;
  to: Address[];
  cc: Address[];
  replyTo?: Address[];
  subject: string;
  messageId: string;
  inReplyTo?: string;
  references?: string[];
  headers: Record<string, string>;
  /** By their names, as they are to stand there; only to be folded. */
  exactHeaders: Record<string, string>;
  text: string;
  html?: string;
  /** iCalendar text, in UTF-8. */
  event?: { method: string; content: Buffer };
  attachments: MimeFile[];
}

export interface MimeFile {
  filename: string;
  contentType: string;
  contentDisposition: 'attachment' | 'inline';
  contentTransferEncoding: 'base64';
  /** Only of what the HTML shows. */
  cid?: string;
  content: Readable;
}
