// The files of a mail that an agent writes while its turn runs: what the call brought, what its session uploaded, and
// what came with mails that it may read. The last are fetched from the server into the store, piece by piece.
import type { Account } from '../accounts/accounts.ts';
import type { CallAttachment } from '../contracts/agent-call.ts';
import type { DraftAttachment } from '../contracts/draft.ts';
import { notFound, PosternError } from '../kernel/errors.ts';
import { safeFilename } from '../mail/filename.ts';
import type { Blobs } from '../objects/blobs.ts';
import type { Uploads } from '../objects/uploads.ts';
import type { FileOrigin } from '../policy/outgoing.ts';
import { LARGEST_MAIL_BYTES } from '../sessions/answer.ts';
import type { Store } from '../store/store.ts';
import type { Messages } from '../watch/messages.ts';
import { type Attached, attach } from './attach.ts';
import type { FileOrigins } from './judgement.ts';

const ATTACHMENT_ID = /^att_([0-9a-z]{1,64})_[0-9a-zA-Z-]{1,100}$/;

export interface CallFileParts {
  store: Store;
  blobs: Blobs;
  uploads: Pick<Uploads, 'get' | 'isOf' | 'keep'>;
  messages: Pick<Messages, 'get' | 'attachment'>;
}

export interface CallFiles extends Attached {
  /** Of those that came with mails: whether that was one of the session's conversation. */
  origins: FileOrigins;
}

/** Whose files these are. */
export interface FileReach {
  /** Who uploaded what may be attached. */
  uploader: string;
  /** Whether a message's files may be attached, by where it is. */
  reaches: (message: { account_id: string; thread_id: string }) => boolean;
  /** The conversation of the session. */
  threadId: string;
}

/** @throws PosternError `not_found`, also for what is somebody else's; `attachment_invalid`, `message_too_large`, `message_gone` */
export async function callFiles(
  parts: CallFileParts,
  account: Account,
  reach: FileReach,
  files: readonly CallAttachment[],
): Promise<CallFiles> {
  const origins = new Map<string, FileOrigin>();
  const made = { attachments: [] as DraftAttachment[], uploaded: [] as DraftAttachment[], origins };
  for (const { attachment_id: id, ...file } of files) {
    if (id !== undefined) {
      const { file: received, threadId } = await receivedFile(parts, reach, id);
      origins.set(received.object_id, threadId === reach.threadId ? 'thread' : 'other');
      made.attachments.push({ ...received, ...renamed(file) });
      continue;
    }
    if (file.object_id !== undefined && !(await parts.uploads.isOf(file.object_id, reach.uploader)))
      throw notFound('object', file.object_id);
    const { attachments, uploaded } = await attach(parts, account, [file]);
    made.attachments.push(...attachments);
    made.uploaded.push(...uploaded);
  }
  const size = made.attachments.reduce((sum, one) => sum + one.size, 0);
  const limit = Math.min(LARGEST_MAIL_BYTES, account.settings.max_message_bytes);
  if (size > limit)
    throw new PosternError(
      'message_too_large',
      `The files have ${size} bytes together, and the account sends mails of at most ${limit}.`,
    );
  return made;
}

const renamed = (file: Omit<CallAttachment, 'attachment_id'>): Partial<DraftAttachment> => ({
  ...(file.filename === undefined ? {} : { filename: safeFilename(file.filename, 'attachment') }),
  ...(file.content_type === undefined ? {} : { content_type: file.content_type }),
});

/** A file of a message, into the store. @throws PosternError `not_found`, `message_gone` */
export async function receivedFile(
  { store, blobs, messages }: CallFileParts,
  { reaches }: Pick<FileReach, 'reaches'>,
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
