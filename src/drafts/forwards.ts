// Forwards what a rule says: each mail once, as a draft that waits for a person or that policy lets go. What is refused
// stands with the decision.
import type { Accounts } from '../accounts/accounts.ts';
import type { DraftAttachment } from '../contracts/draft.ts';
import type { Forward } from '../contracts/rule.ts';
import type { JobContext, JobWorker } from '../jobs/worker.ts';
import type { Clock } from '../kernel/clock.ts';
import { rateOf } from '../kernel/duration.ts';
import { beforeIdsOf, newId } from '../kernel/ids.ts';
import { parseRecipient } from '../mail/recipient.ts';
import { attachmentsOf } from '../mail/structure.ts';
import { threadReferences } from '../mail/thread.ts';
import type { Blobs, StagedBlob } from '../objects/blobs.ts';
import { type ForwardVerdict, judgeForward } from '../policy/forward.ts';
import type { Store } from '../store/store.ts';
import { attachmentViews, type Messages } from '../watch/messages.ts';
import type { Proofs } from '../watch/proofs.ts';
import { type TextParts, textOf } from '../watch/text.ts';
import type { DraftOrigin } from './draft-rows.ts';
import type { Drafts } from './drafts.ts';
import { forwardContent } from './forward-content.ts';
import type { PreparedVersion } from './prepare.ts';
import {
  actionOf,
  decisionGone,
  messageOf,
  RULE_WORK_AT_ONCE,
  type RuledMessage,
  refuse,
  trustOf,
  unlessAccountPaused,
} from './rule-work.ts';
import { suppressedReason } from './suppressed-people.ts';

export interface ForwardParts extends TextParts {
  worker: JobWorker;
  clock: Clock;
  accounts: Pick<Accounts, 'get'>;
  blobs: Blobs;
  drafts: Pick<Drafts, 'prepare' | 'insert'>;
  messages: Pick<Messages, 'attachment'>;
  proofs: Pick<Proofs, 'prove'>;
}

/** Registers the handler of `message.forward`. */
export function registerForwards(parts: ForwardParts): void {
  parts.worker.handle(
    'message.forward',
    ({ message_id: id, rule, index }, context) => forward(parts, { id, rule, index }, context),
    RULE_WORK_AT_ONCE,
  );
}

async function forward(
  parts: ForwardParts,
  { id, rule, index }: { id: string; rule: string; index: number },
  context: JobContext,
): Promise<void> {
  const [message, action] = [await messageOf(parts.store, id), await forwardOf(parts.store, id, rule, index)];
  message.trust = await trustOf(parts.proofs, message, action, context);
  const verdict = await judge(parts, message, rule, action);
  if (verdict.verdict === 'refuse')
    return refuse(parts.store, context, id, rule, `not forwarded: ${verdict.reason}`);
  const account = await parts.accounts.get(message.accountId);
  const content = await textOf(parts, message);
  const files = await fetchFiles(parts, message);
  let made: PreparedVersion | undefined;
  try {
    made = await parts.drafts.prepare(
      forwardContent(account, { metadata: message.metadata, content }, action, files),
    );
    const version = made;
    await parts.store.write(async (tx) => {
      await context.finish(tx);
      const decision = await unlessAccountPaused(tx, account.id, decisionOf(verdict, rule));
      await parts.drafts.insert(tx, originOf(parts, account.id, rule), version, decision);
    });
  } catch (error) {
    await made?.discard();
    await dropFiles(parts, files); // the next attempt fetches its own
    throw error;
  }
}

const originOf = ({ clock }: ForwardParts, accountId: string, rule: string): DraftOrigin => ({
  accountId,
  sessionId: null,
  // A conversation of its own: what is said about a mail to whom it was forwarded is not said to its sender.
  threadId: newId('thr', clock.now()),
  turnId: null,
  actionIndex: null,
  answersMessageId: null,
  author: authorOf(rule),
});

const decisionOf = (verdict: Exclude<ForwardVerdict, { verdict: 'refuse' }>, rule: string) =>
  verdict.verdict === 'ask' ? { reasons: verdict.reasons } : { approvedBy: `policy:${authorOf(rule)}` };

/** Who wrote the draft, as its versions name the author. */
const authorOf = (rule: string): string => `rule:${rule}`;

async function judge(
  { store, clock, accounts }: ForwardParts,
  message: RuledMessage,
  rule: string,
  action: Forward,
): Promise<ForwardVerdict> {
  const { settings } = await accounts.get(message.accountId);
  const to = action.to.map((written) => parseRecipient(written).address);
  const stopped = await suppressedReason(store.db, clock, message.accountId, to);
  if (stopped !== null) return { verdict: 'refuse', reason: stopped };
  const { from, sender, reply_to: replyTo } = message.metadata;
  const { count, perMs } = rateOf(action.limit);
  return judgeForward({
    send: action.send,
    recipients: to,
    own: [settings.address],
    writers: [from, sender, ...replyTo].flatMap((one) => one?.address ?? []),
    kind: message.kind,
    kindReason: message.kindReason,
    trust: message.trust,
    followsForward: await followsForward(store, threadReferences(message.metadata)),
    count: await forwardedSince(store, rule, clock.now() - perMs),
    limit: { count, text: action.limit },
    files: attachmentsOf(message.metadata.parts).length,
    size: message.metadata.size,
    largest: settings.max_message_bytes,
  });
}

async function forwardOf(store: Store, id: string, rule: string, index: number): Promise<Forward> {
  const action = await actionOf(store, id, rule, index);
  if ('forward' in action) return action.forward;
  throw decisionGone(id, rule);
}

async function followsForward({ db }: Store, messageIds: readonly string[]): Promise<boolean> {
  if (messageIds.length === 0) return false;
  const row = await db
    .selectFrom('submissions')
    .innerJoin('draft_versions', 'draft_versions.draft_id', 'submissions.draft_id')
    .select('submissions.id')
    .where('submissions.message_id', 'in', messageIds)
    .where('draft_versions.version', '=', 1)
    .where('draft_versions.author', 'like', 'rule:%')
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Ids sort by the time at which they were made, so that only those of that time are looked at. */
async function forwardedSince({ db }: Store, rule: string, since: number): Promise<number> {
  const row = await db
    .selectFrom('draft_versions')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('draft_id', '>=', beforeIdsOf('drf', since))
    .where('version', '=', 1)
    .where('author', '=', authorOf(rule))
    .executeTakeFirst();
  return Number(row?.count ?? 0);
}

/** The attachments as they lie on the server, piece by piece into the store. */
async function fetchFiles(parts: ForwardParts, { id, metadata }: RuledMessage): Promise<DraftAttachment[]> {
  const staged: StagedBlob[] = [];
  const attachments: DraftAttachment[] = [];
  try {
    for (const { id: attachmentId, filename, content_type } of attachmentViews(id, metadata)) {
      const blob = await parts.messages.attachment(id, attachmentId, (_, stream) =>
        parts.blobs.stage(stream),
      );
      staged.push(blob);
      attachments.push({ object_id: blob.id, filename, content_type, size: blob.size, sha256: blob.sha256 });
    }
    // Composing reads them; should that fail, nothing names them.
    await parts.store.write(async (tx) => {
      for (const blob of staged) await blob.record(tx);
    });
  } catch (error) {
    for (const blob of staged) await blob.discard();
    throw error;
  }
  return attachments;
}

async function dropFiles({ store, blobs }: ForwardParts, files: readonly DraftAttachment[]): Promise<void> {
  const removed = await store.write(async (tx) => {
    const bytes: (() => Promise<void>)[] = [];
    for (const { object_id: id } of files) bytes.push(await blobs.remove(tx, id));
    return bytes;
  });
  for (const remove of removed) await remove();
}
