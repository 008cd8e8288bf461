// The files of a winmail.dat as the attachments of its mail: named, typed, and found again by their place in it.
import type { MailPart, UnpackedFile } from '../contracts/mail.ts';
import { safeFilename } from './filename.ts';
import { type OpenedTnef, openTnef, type TnefFile } from './tnef.ts';
import { decodeTransfer } from './transfer.ts';

const MAX_TYPE_CHARS = 200;

/** @param bytes as transferred. Null where it is no winmail.dat after all. */
export const openPart = (part: MailPart, bytes: Uint8Array): OpenedTnef | null =>
  openTnef(decodeTransfer(bytes, part.encoding));

/** In the order in which they lie in it. */
export const unpackedFiles = (part: MailPart, { files }: OpenedTnef): UnpackedFile[] =>
  files.map((file, at) => ({
    path: `${part.path}-t${at + 1}`,
    filename: safeFilename(file.filename, `part-${part.path}-${at + 1}.bin`),
    content_type: typeOf(file),
    size: file.content.length,
    content_id: file.contentId?.replace(/^<|>$/g, '') || null,
  }));

/** The same as leaves of the mail, for those who read all of it. */
export const unpackedParts = (part: MailPart, opened: OpenedTnef): MailPart[] =>
  unpackedFiles(part, opened).map(({ path, filename, content_type, size, content_id }) => ({
    ...{ path, filename, size, content_id, type: content_type, charset: null, encoding: 'binary' },
    ...{ disposition: 'attachment', flowed: false, delsp: false },
  }));

const typeOf = ({ contentType }: TnefFile): string => {
  const type = (contentType ?? '').trim().toLowerCase().slice(0, MAX_TYPE_CHARS);
  return /^[a-z0-9][\w.+-]*\/[\w.+-]+$/.test(type) ? type : 'application/octet-stream';
};
