// What this room uses of the libraries that bring no types of their own.

declare module 'html-to-text' {
  export type Formatter = (
    element: { attribs: Record<string, string> },
    walk: unknown,
    builder: { addInline(text: string, options?: { noWordTransform?: boolean }): void },
  ) => void;
  export function compile(options: {
    wordwrap?: number | false;
    limits?: { maxDepth?: number; maxInputLength?: number };
    formatters?: Record<string, Formatter>;
    selectors?: { selector: string; format?: string; options?: Record<string, unknown> }[];
  }): (html: string) => string;
}

declare module 'mailparser' {
  import type { Readable } from 'node:stream';
  import { Transform } from 'node:stream';
  import type { MimeNode, SplitterChunk } from '@zone-eu/mailsplit';

  export interface AttachmentStream {
    type: 'attachment';
    /** Transfer-decoded octets. Must be read to its end. */
    content: Readable;
    /** Lets the parser go on; called once `content` has ended. */
    release(): void;
    /** Known once `content` has ended: octets, and the hash in hexadecimal. */
    size?: number;
    checksum?: string;
  }

  export class MailParser extends Transform {
    constructor(options?: {
      ignoreEmbedded?: boolean;
      maxHeadSize?: number;
      maxChildNodes?: number;
      checksumAlgo?: string;
      skipHtmlToText?: boolean;
      skipTextToHtml?: boolean;
      skipImageLinks?: boolean;
      keepDeliveryStatus?: boolean;
    });
    /** The media types that the parser reads as text; every other leaf comes out as an attachment. */
    textTypes: string[];
    processChunk(chunk: MimeNode | SplitterChunk, done: (error?: Error | null) => void): void;
  }
}

declare module 'eld/extrasmall' {
  export interface Detector {
    /** `language` is of ISO 639-1, and empty where nothing was found. */
    detect(text: string): { language: string; isReliable(): boolean };
  }
  export const eld: Detector;
}
