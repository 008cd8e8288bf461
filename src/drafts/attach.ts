// The files of an operator's mail: those that came in the request, and those that were uploaded before.
import type { Account } from '../accounts/accounts.ts';
import type { DraftAttachment, SubmissionAttachment } from '../contracts/draft.ts';
import { PosternError } from '../kernel/errors.ts';
import { safeFilename } from '../mail/filename.ts';
import type { Blobs } from '../objects/blobs.ts';
import type { Uploads } from '../objects/uploads.ts';
import { LARGEST_MAIL_BYTES, storeFiles } from '../sessions/answer.ts';
import type { Store } from '../store/store.ts';

export interface Attached {
  /** In the order in which they were named. */
  attachments: DraftAttachment[];
  /** Those of them that were uploaded before: to be kept in the transaction that names them. */
  uploaded: DraftAttachment[];
}

/** @throws PosternError `not_found`, `attachment_invalid`, `message_too_large` */
export async function attach(
  { blobs, uploads, store }: { blobs: Blobs; uploads: Pick<Uploads, 'get'>; store: Store },
  account: Account,
  files: readonly SubmissionAttachment[],
): Promise<Attached> {
  const uploaded: DraftAttachment[] = [];
  const attachments: DraftAttachment[] = [];
  let room = LARGEST_MAIL_BYTES; // of what the request brought, which was in memory
  for (const { object_id: id, ...file } of files) {
    if (id === undefined) {
      const stored = await storeFiles([file], null, blobs, room);
      await store.write(stored.record); // composing reads it; should that fail, nothing names it
      attachments.push(...stored.attachments);
      room -= sizeOf(stored.attachments);
      continue;
    }
    const { filename, content_type, size, sha256 } = await uploads.get(id);
    const attachment = {
      object_id: id,
      filename: safeFilename(file.filename ?? filename, 'attachment'),
      content_type: file.content_type ?? content_type,
      size,
      sha256,
    };
    uploaded.push(attachment);
    attachments.push(attachment);
  }
  const limit = account.settings.max_message_bytes;
  // Told now, where somebody hears it; the mail itself is measured when it leaves.
  if (uploaded.length > 0 && sizeOf(attachments) > limit)
    throw new PosternError(
      'message_too_large',
      `The files have ${sizeOf(attachments)} bytes together, and the account sends mails of at most ${limit}.`,
    );
  return { attachments, uploaded };
}

const sizeOf = (files: readonly DraftAttachment[]): number => files.reduce((sum, { size }) => sum + size, 0);
