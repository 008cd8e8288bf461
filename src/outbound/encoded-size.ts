// How large a mail will be, before its files are read: what stands around them is composed with nothing in them, and what
// they become in base64 is known by their size.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { DraftContent } from '../contracts/draft.ts';
import type { Composer, ComposerFile } from '../drafts/composer.ts';

const LINE_CHARS = 76; // RFC 2045 §6.8
const LINE_END_OCTETS = 2;
const SHA256_OF_NOTHING = createHash('sha256').digest('hex');
const LONGEST_CHARACTER_OCTETS = 3; // in quoted-printable, of an octet
const HEADER_OCTETS = 128 * 1024; // more than the headers of a mail of ours have
const PART_HEADER_OCTETS = 4 * 1024;

/** What so many octets become in base64, with the line ends. */
export function base64Octets(octets: number): number {
  const chars = Math.ceil(octets / 3) * 4;
  return chars + Math.ceil(chars / LINE_CHARS) * LINE_END_OCTETS;
}

/** Never less than it will be. Composes nothing, and says of most mails that they are far from any limit. */
export function mostEncodedOctets({ text, html, attachments }: DraftContent): number {
  const words = Buffer.byteLength(text) + Buffer.byteLength(html ?? '');
  const files = attachments.reduce((sum, { size }) => sum + base64Octets(size) + PART_HEADER_OCTETS, 0);
  return HEADER_OCTETS + words * LONGEST_CHARACTER_OCTETS + files;
}

/** In octets, without what is put in front when it is sent: a Date, and perhaps a signature. */
export async function encodedOctets(compose: Composer, content: DraftContent): Promise<number> {
  const files = content.attachments.map(
    ({ filename, content_type, content_id }): ComposerFile => ({
      filename,
      contentType: content_type,
      sha256: SHA256_OF_NOTHING,
      contentId: content_id ?? null,
      open: async () => Readable.from([]),
    }),
  );
  const { mail } = await compose(content, files);
  let octets = 0;
  for await (const piece of mail) octets += piece.length;
  for (const { size } of content.attachments) octets += base64Octets(size);
  return octets;
}
