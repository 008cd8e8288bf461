// Some recipients of a broadcast whose turn has come: each gets a mail of their own, recorded as a draft that was approved
// with the broadcast and a submission, all in one transaction with their places in the list.
import type { Account } from '../accounts/accounts.ts';
import type { Bus } from '../cluster/bus.ts';
import type { DraftAttachment } from '../contracts/draft.ts';
import type { Composer } from '../drafts/composer.ts';
import { newMessageId, type PreparedVersion, prepareVersion } from '../drafts/prepare.ts';
import { release } from '../drafts/release.ts';
import type { WithReturnPath } from '../drafts/return-path.ts';
import type { InlineImage, Template } from '../drafts/template.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Clock } from '../kernel/clock.ts';
import { explain, PosternError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { Blobs } from '../objects/blobs.ts';
import { rowInsert } from '../store/insert-rows.ts';
import type { Reader, Store, Tx } from '../store/store.ts';
import { insertRecipients, nextPosition } from './broadcast-rows.ts';
import type { BroadcastHead } from './content.ts';
import { type FindWayOut, mailFor, wayOutFor, wordsFor } from './mail.ts';
import type { Recipient } from './recipients.ts';

export interface BatchParts {
  store: Store;
  jobs: JobQueue;
  clock: Clock;
  bus: Bus;
  blobs: Blobs;
  compose: Composer;
  wayOut: FindWayOut;
  /** Absent: reports come back to the account's own address. */
  returnPath?: WithReturnPath | undefined;
  /** Those of the addresses to which no mail of the list may go, and why. */
  suppressed: (
    reader: Reader,
    accountId: string,
    addresses: readonly string[],
    list: string,
  ) => Promise<ReadonlyMap<string, { reason: string }>>;
  attachmentOf: (image: InlineImage) => Promise<DraftAttachment>;
}

export interface Batch {
  id: string;
  /** Whose word it leaves by. */
  by: string;
  /** The position of the first of them in the list. */
  first: number;
  recipients: readonly Recipient[];
  head: BroadcastHead;
  account: Account;
  template: Template;
}

const insertDrafts = rowInsert(
  'drafts',
  [
    ...(['id', 'account_id', 'session_id', 'thread_id', 'turn_id', 'action_index'] as const),
    ...(['answers_message_id', 'state', 'version', 'digest', 'reasons', 'feedback'] as const),
    ...(['decided_by', 'decided_at', 'submission_id', 'created_at', 'updated_at'] as const),
  ],
  ['id'],
);

/** @returns false where the broadcast does not run any more, or somebody else went on with it: nothing is written then */
export async function putBatch(parts: BatchParts, batch: Batch): Promise<boolean> {
  const { id, first, recipients, head } = batch;
  const addresses = recipients.map(({ address }) => address);
  const before = await parts.suppressed(parts.store.db, head.accountId, addresses, head.list);
  const made = new Map<string, PreparedVersion | string>();
  try {
    for (const recipient of recipients)
      if (!before.has(recipient.address)) made.set(recipient.address, await prepare(parts, batch, recipient));
    const kept = await parts.store.write(async (tx) => {
      const row = await tx.selectFrom('broadcasts').select('state').where('id', '=', id).executeTakeFirst();
      if (row?.state !== 'running' || (await nextPosition(tx, id)) !== first) return null;
      // Whoever unsubscribed by the time of this transaction gets nothing.
      const now = await parts.suppressed(tx, head.accountId, addresses, head.list);
      return record(parts, tx, batch, { made, suppressed: new Map([...before, ...now]) });
    });
    for (const [address, version] of made)
      if (typeof version !== 'string' && !kept?.has(address)) await version.discard();
    return kept !== null;
  } catch (error) {
    for (const version of made.values()) if (typeof version !== 'string') await version.discard();
    throw error;
  }
}

/** A text where no mail can be made for this recipient: why. */
async function prepare(
  parts: BatchParts,
  { head, account, template }: Batch,
  recipient: Recipient,
): Promise<PreparedVersion | string> {
  const wayOut = await wayOutFor(parts, head, recipient);
  try {
    const words = wordsFor(head, template, recipient, wayOut);
    const { from } = head;
    const content = await mailFor(head, recipient, words, {
      ...{ from, wayOut, messageId: newMessageId(from), attachmentOf: parts.attachmentOf },
    });
    return await prepareVersion(parts, content, account);
  } catch (error) {
    if (!(error instanceof PosternError) || error.retry !== 'never') throw error;
    return explain(error);
  }
}

/** @returns the addresses whose mails were recorded */
async function record(
  parts: BatchParts,
  tx: Tx,
  { id, by, first, recipients, head }: Batch,
  known: {
    made: ReadonlyMap<string, PreparedVersion | string>;
    suppressed: ReadonlyMap<string, { reason: string }>;
  },
): Promise<Set<string>> {
  const at = parts.clock.now();
  const kept = new Set<string>();
  const rows: Parameters<typeof insertRecipients>[1][number][] = [];
  const drafts: Parameters<typeof insertDrafts>[1][number][] = [];
  for (const [i, { address }] of recipients.entries()) {
    const row = {
      broadcast_id: id,
      position: first + i,
      address,
      submission_id: null,
      note: null,
      updated_at: at,
    };
    const suppression = known.suppressed.get(address);
    const version = known.made.get(address);
    if (suppression) {
      const state = suppression.reason === 'unsubscribe' ? 'unsubscribed' : 'suppressed';
      rows.push({ ...row, state, note: suppression.reason });
    } else if (version === undefined || typeof version === 'string') {
      rows.push({ ...row, state: 'failed', note: version ?? 'No mail was made.' });
    } else {
      const submissionId = await leave(parts, tx, { id, by, accountId: head.accountId, at }, version, drafts);
      kept.add(address);
      rows.push({ ...row, state: 'queued', submission_id: submissionId });
    }
  }
  await insertDrafts(tx, drafts);
  if ((await insertRecipients(tx, rows)) !== rows.length)
    throw new PosternError('lease_lost', `The broadcast ${id} was taken over by another worker.`);
  return kept;
}

async function leave(
  parts: BatchParts,
  tx: Tx,
  { id, by, accountId, at }: { id: string; by: string; accountId: string; at: number },
  version: PreparedVersion,
  drafts: Parameters<typeof insertDrafts>[1][number][],
): Promise<string> {
  const { content, envelope, digest, rawObjectId } = version;
  const draftId = newId('drf', at);
  const submissionId = newId('sub', at);
  const threadId = newId('thr', at);
  await version.record(tx, draftId, 1, `broadcast ${id}`, at);
  drafts.push({
    ...{ id: draftId, account_id: accountId, session_id: null, thread_id: threadId, turn_id: null },
    ...{ action_index: null, answers_message_id: null, state: 'approved', version: 1, digest },
    ...{ reasons: '[]', feedback: null, decided_by: by, decided_at: at, submission_id: submissionId },
    ...{ created_at: at, updated_at: at },
  });
  const mail = {
    ...{ submissionId, accountId, draftId, sessionId: null, answersMessageId: null, threadId },
    ...{ messageId: content.message_id, subject: content.subject, digest, envelope, rawObjectId },
    people: [], // nobody becomes known by a mail to thousands
    approvedBy: by,
  };
  await release(tx, parts, mail, { priority: 'bulk', broadcastId: id });
  return submissionId;
}
