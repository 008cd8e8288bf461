// A file that came with a mail, fetched from the server into the store, piece by piece, to leave with another one.
import type { DraftAttachment } from '../contracts/draft.ts';
import { notFound, PosternError } from '../kernel/errors.ts';
import type { Blobs } from '../objects/blobs.ts';
import type { Store } from '../store/store.ts';
import type { Messages } from '../watch/messages.ts';

const ATTACHMENT_ID = /^att_([0-9a-z]{1,64})_[0-9a-zA-Z-]{1,100}$/;

export interface ReceivedFileParts {
  store: Store;
  blobs: Blobs;
  messages: Pick<Messages, 'get' | 'attachment'>;
}

/**
 * A file of a message, into the store.
 * @param reaches whether its files may be taken, by where it is
 * @throws PosternError `not_found`, `message_gone`
 */
export async function receivedFile(
  { store, blobs, messages }: ReceivedFileParts,
  reaches: (message: { account_id: string; thread_id: string }) => boolean,
  id: string,
): Promise<{ file: DraftAttachment; threadId: string }> {
  const messageId = messageOfFile(id);
  const message = await messages.get(messageId).catch((error: unknown) => {
    if (error instanceof PosternError && error.code === 'not_found') throw notFound('attachment', id);
    throw error;
  });
  // Looked at before anything is fetched: a foreign id must not even cause a connection.
  if (!reaches(message)) throw notFound('attachment', id);
  const { view, blob } = await messages.attachment(messageId, id, async (file, stream) => ({
    view: file,
    blob: await blobs.stage(stream),
  }));
  await store.write((tx) => blob.record(tx)); // composing reads it; should that fail, nothing names it
  const { filename, content_type } = view;
  const file = { object_id: blob.id, filename, content_type, size: blob.size, sha256: blob.sha256 };
  return { file, threadId: message.thread_id };
}

/** The message that an attachment's id names. @throws PosternError `not_found` */
export function messageOfFile(id: string): string {
  const ulid = ATTACHMENT_ID.exec(id)?.[1];
  if (ulid === undefined) throw notFound('attachment', id);
  return `msg_${ulid}`;
}
