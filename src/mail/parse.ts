// Reading a whole mail from its bytes. The bytes are hostile: a worker thread reads them, with limits of time and
// memory, and is ended and replaced when a mail goes past them.
import type { MailContent, MailMetadata, MailPart } from '../contracts/mail.ts';
import { PosternError } from '../kernel/errors.ts';
import { type ContentHints, contentOf, type TransferredPart, withLanguage } from './content.ts';
import type { ReadMime } from './parse-mime.ts';
import { ParseThread } from './parse-thread.ts';
import { attachmentName, isInline } from './structure.ts';

export interface ParseLimits {
  /** How long the worker may take for one mail. */
  timeMs?: number;
  /** How large a mail may be. */
  maxOctets?: number;
  /** False leaves out the decoded octets of the attachments. */
  keepContent?: boolean;
}

export interface ParsedAttachment {
  part: MailPart;
  /** Safe to show and to write; made up where the mail gives none. */
  filename: string;
  content_type: string;
  /** Decoded octets. */
  size: number;
  sha256: string;
  content_id: string | null;
  inline: boolean;
  content?: Buffer;
}

export interface ParsedMail {
  metadata: MailMetadata;
  content: MailContent;
  attachments: ParsedAttachment[];
}

const TIME_LIMIT_MS = 5000; // a mail of 25 MB takes 0.4 s
const MAX_OCTETS = 64 * 1024 * 1024; // twice what large providers let through
const SMALL_OCTETS = 48 * 1024; // bodies up to here are read where they are: the worker would cost more than it saves

/** One thread for the process, warm after the first mail. It does not keep the process alive. */
const thread = new ParseThread();

/**
 * Understands a raw message. Throws `mail_too_large`, and `mail_too_complex` where the mail goes past a bound on
 * nesting, parts, headers, time or memory; both are final.
 */
export async function parseMail(raw: Buffer, limits: ParseLimits = {}): Promise<ParsedMail> {
  const maxOctets = limits.maxOctets ?? MAX_OCTETS;
  if (raw.length > maxOctets) {
    throw new PosternError(
      'mail_too_large',
      `The mail has ${raw.length} octets; at most ${maxOctets} are read.`,
    );
  }
  const request = { kind: 'mime' as const, raw, keepContent: limits.keepContent ?? true };
  const read = (await thread.run(request, limits.timeMs ?? TIME_LIMIT_MS)) as ReadMime;
  return {
    // On its way between threads the record of headers has got a prototype, whose names are no headers.
    metadata: { ...read.metadata, headers: Object.assign(Object.create(null), read.metadata.headers) },
    content: read.content,
    attachments: read.attachments.map(({ part, size, sha256, content }) => ({
      part,
      filename: attachmentName(part),
      content_type: part.type,
      size,
      sha256,
      content_id: part.content_id,
      inline: isInline(part),
      ...(content ? { content: Buffer.from(content.buffer, content.byteOffset, content.byteLength) } : {}),
    })),
  };
}

/**
 * The content of a mail from text parts that were fetched one by one (`readPartsOf` says which): the same as
 * `parseMail` makes of the whole mail. Small ones are read at once, large ones in the worker.
 */
export async function decodeBodies(
  parts: readonly TransferredPart[],
  hints: ContentHints,
): Promise<MailContent> {
  let octets = 0;
  for (const part of parts) octets += part.bytes.length;
  if (octets <= SMALL_OCTETS) return withLanguage(contentOf(parts, hints));
  return (await thread.run(
    { kind: 'content', parts: [...parts], head: headOf(hints) },
    TIME_LIMIT_MS,
  )) as MailContent;
}

/** One of the files of a winmail.dat, by its place in `unpacked`; null where it is not there. @param bytes as transferred */
export async function unpackFile(part: MailPart, bytes: Uint8Array, index: number): Promise<Buffer | null> {
  const work = { kind: 'unpack' as const, part, bytes, index };
  const octets = (await thread.run(work, TIME_LIMIT_MS)) as Uint8Array | null;
  return octets && Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
}

/** What of the head the content needs: the rest of the metadata stays where it is. */
const headOf = ({ subject, in_reply_to, references }: ContentHints): ContentHints => ({
  ...(subject === undefined ? {} : { subject }),
  ...(in_reply_to === undefined ? {} : { in_reply_to }),
  ...(references === undefined ? {} : { references }),
});

/** Ends the worker thread. What it was reading fails with `parser_stopped`; a later call starts it again. */
export const closeParser = (): Promise<void> => thread.close();
