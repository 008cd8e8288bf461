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
  text: string;
  html?: string;
  attachments: {
    filename: string;
    contentType: string;
    contentDisposition: 'attachment';
    contentTransferEncoding: 'base64';
    content: Readable;
  }[];
}
