// The files of a mail that an agent writes while its turn runs: what the call brought, what its session uploaded, and
// what came with mails that it may read. The last are fetched from the server into the store, piece by piece.
import type { Account } from '../accounts/accounts.ts';
import type { CallAttachment } from '../contracts/agent-call.ts';
import type { DraftAttachment } from '../contracts/draft.ts';
import { notFound, PosternError } from '../kernel/errors.ts';
import type { Uploads } from '../objects/uploads.ts';
import type { FileOrigin } from '../policy/outgoing.ts';
import { LARGEST_MAIL_BYTES } from '../sessions/answer.ts';
import { type Attached, asPicture, attach, renamed } from './attach.ts';
import type { FileOrigins } from './judgement.ts';
import { type ReceivedFileParts, receivedFile } from './received-file.ts';

/** Of one mail, where what does not fit into it goes as links: as much as a session may have uploaded. */
const LARGEST_LINKED_BYTES = 100 * 1024 * 1024;

export interface CallFileParts extends ReceivedFileParts {
  uploads: Pick<Uploads, 'get' | 'isOf' | 'keep'>;
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
      const { file: received, threadId } = await receivedFile(parts, reach.reaches, id);
      origins.set(received.object_id, threadId === reach.threadId ? 'thread' : 'other');
      const named = { ...received, ...renamed(file) };
      const { content_id: shown } = file;
      made.attachments.push(shown === undefined ? named : await asPicture(parts.blobs, named, shown));
      continue;
    }
    if (file.object_id !== undefined && !(await parts.uploads.isOf(file.object_id, reach.uploader)))
      throw notFound('object', file.object_id);
    const { attachments, uploaded } = await attach(parts, account, [file]);
    made.attachments.push(...attachments);
    made.uploaded.push(...uploaded);
  }
  const size = made.attachments.reduce((sum, one) => sum + one.size, 0);
  const { max_message_bytes: most, links } = account.settings;
  // Before anything is judged or composed; what is within is measured when the mail is composed.
  const limit = links.mode === 'never' ? Math.min(LARGEST_MAIL_BYTES, most) : LARGEST_LINKED_BYTES;
  if (size > limit)
    throw new PosternError(
      'message_too_large',
      `The files have ${size} bytes together, and the account sends mails of at most ${limit}.`,
    );
  return made;
}
