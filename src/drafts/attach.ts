// The files of an operator's mail: those that came in the request, those that were uploaded before, and those that came
// with other mails.
import type { Account } from '../accounts/accounts.ts';
import type { DraftAttachment, SubmissionAttachment } from '../contracts/draft.ts';
import { PosternError } from '../kernel/errors.ts';
import { safeFilename } from '../mail/filename.ts';
import { imageTypeOf, isContentId } from '../mail/inline-images.ts';
import type { Blobs } from '../objects/blobs.ts';
import type { Uploads } from '../objects/uploads.ts';
import { LARGEST_MAIL_BYTES, storeFiles } from '../sessions/answer.ts';
import { type ReceivedFileParts, receivedFile } from './received-file.ts';

export interface Attached {
  /** In the order in which they were named. */
  attachments: DraftAttachment[];
  /** Those of them that were uploaded before: to be kept in the transaction that names them. */
  uploaded: DraftAttachment[];
}

export interface AttachParts extends ReceivedFileParts {
  uploads: Pick<Uploads, 'get'>;
}

/** @throws PosternError `not_found`, `attachment_invalid`, `message_too_large`, `message_gone` */
export async function attach(
  parts: AttachParts,
  account: Account,
  files: readonly SubmissionAttachment[],
): Promise<Attached> {
  const { blobs, uploads, store } = parts;
  const uploaded: DraftAttachment[] = [];
  const attachments: DraftAttachment[] = [];
  let room = LARGEST_MAIL_BYTES; // of what the request brought, which was in memory
  for (const { object_id: id, attachment_id: received, content_id, ...file } of files) {
    const shown = async (one: DraftAttachment): Promise<DraftAttachment> =>
      content_id === undefined ? one : asPicture(blobs, one, content_id);
    if (received !== undefined) {
      const { file: fetched } = await receivedFile(parts, () => true, received);
      attachments.push(await shown({ ...fetched, ...renamed(file) }));
      continue;
    }
    if (id === undefined) {
      const stored = await storeFiles([file], null, blobs, room);
      await store.write(stored.record); // composing reads it; should that fail, nothing names it
      for (const one of stored.attachments) attachments.push(await shown(one));
      room -= sizeOf(stored.attachments);
      continue;
    }
    const { filename, content_type, size, sha256 } = await uploads.get(id);
    const attachment = {
      ...{ object_id: id, filename: safeFilename(filename, 'attachment'), content_type, size, sha256 },
      ...renamed(file),
    };
    uploaded.push(attachment);
    attachments.push(await shown(attachment));
  }
  const { max_message_bytes: limit, links } = account.settings;
  // Where they cannot become links: told before they are read. The mail is measured when it is composed.
  if (links.mode === 'never' && uploaded.length > 0 && sizeOf(attachments) > limit)
    throw new PosternError(
      'message_too_large',
      `The files have ${sizeOf(attachments)} bytes together, and the account sends mails of at most ${limit}.`,
    );
  return { attachments, uploaded };
}

/** What somebody says that a file is called, and is. */
export const renamed = (
  file: Pick<SubmissionAttachment, 'filename' | 'content_type'>,
): Partial<DraftAttachment> => ({
  ...(file.filename === undefined ? {} : { filename: safeFilename(file.filename, 'attachment') }),
  ...(file.content_type === undefined ? {} : { content_type: file.content_type }),
});

/**
 * A file that the HTML may show: what it is, its bytes say.
 * @throws PosternError `attachment_invalid` for what is no picture that mail programs show
 */
export async function asPicture(
  blobs: Blobs,
  file: DraftAttachment,
  contentId: string,
): Promise<DraftAttachment> {
  const picture = await pictureOf(blobs, file, contentId);
  if (picture === null)
    throw new PosternError(
      'attachment_invalid',
      `The file ${JSON.stringify(file.filename)} cannot be shown in the HTML by its content_id.`,
      {
        hint: 'It must be PNG, JPEG, GIF or WebP, and its content_id plain ASCII, such as logo@example.org.',
      },
    );
  return picture;
}

/** Null for what is no picture that mail programs show, and for a Content-ID that cannot be written. */
export async function pictureOf(
  blobs: Blobs,
  file: DraftAttachment,
  contentId: string,
): Promise<DraftAttachment | null> {
  const type = isContentId(contentId) ? imageTypeOf(await headOf(blobs, file.object_id)) : null;
  if (type === null) return null;
  return { ...file, content_type: type, content_id: contentId, disposition: 'inline' };
}

async function headOf(blobs: Blobs, id: string): Promise<Buffer> {
  const stream = await (await blobs.find(id)).open();
  for await (const piece of stream as AsyncIterable<Buffer>) {
    stream.destroy();
    return piece;
  }
  return Buffer.alloc(0);
}

const sizeOf = (files: readonly DraftAttachment[]): number => files.reduce((sum, { size }) => sum + size, 0);
