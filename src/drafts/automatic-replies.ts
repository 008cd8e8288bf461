// Answers from templates, as rules say: each mail once, as a draft that waits for a person or that policy lets go (RFC
// 3834). What is refused stands with the decision.
import type { Account, Accounts } from '../accounts/accounts.ts';
import type { AutomaticReply } from '../contracts/template.ts';
import type { JobContext, JobWorker } from '../jobs/worker.ts';
import type { Clock } from '../kernel/clock.ts';
import { rateOf } from '../kernel/duration.ts';
import { answeredAs } from '../mail/kind.ts';
import { parseRecipient } from '../mail/recipient.ts';
import { automaticRecipient, threadReferences } from '../mail/thread.ts';
import { type AutomaticReplyVerdict, judgeAutomaticReply } from '../policy/automatic-reply.ts';
import { addressForm } from '../rules/addresses.ts';
import type { Reader, Store, Tx } from '../store/store.ts';
import type { Proofs } from '../watch/proofs.ts';
import { type TextParts, textOf } from '../watch/text.ts';
import { contentOfReply, replyData } from './automatic-reply-content.ts';
import type { Drafts } from './drafts.ts';
import { fromOf, type PreparedVersion } from './prepare.ts';
import {
  actionOf,
  decisionGone,
  messageOf,
  noteRefusal,
  RULE_WORK_AT_ONCE,
  type RuledMessage,
  refuse,
  trustOf,
  unlessAccountPaused,
} from './rule-work.ts';
import { suppressedReason } from './suppressed-people.ts';
import type { TemplateSource } from './template.ts';

const TEXT_FIELDS = ['text', 'reply_text'];

export interface AutomaticReplyParts extends TextParts {
  worker: JobWorker;
  clock: Clock;
  accounts: Pick<Accounts, 'get'>;
  drafts: Pick<Drafts, 'prepare' | 'insert'>;
  proofs: Pick<Proofs, 'prove'>;
  templates: TemplateSource;
}

interface Work {
  account: Account;
  message: RuledMessage;
  rule: string;
  index: number;
  action: AutomaticReply;
}

/** Registers the handler of `message.answer`. */
export function registerAutomaticReplies(parts: AutomaticReplyParts): void {
  parts.worker.handle(
    'message.answer',
    ({ message_id: id, rule, index }, context) => answer(parts, { id, rule, index }, context),
    RULE_WORK_AT_ONCE,
  );
}

async function answer(
  parts: AutomaticReplyParts,
  { id, rule, index }: { id: string; rule: string; index: number },
  context: JobContext,
): Promise<void> {
  const [message, action] = [await messageOf(parts.store, id), await replyOf(parts.store, id, rule, index)];
  message.trust = await trustOf(parts.proofs, message, action, context);
  const work = { account: await parts.accounts.get(message.accountId), message, rule, index, action };
  const verdict = await judge(parts, parts.store.db, work);
  if (verdict.verdict === 'refuse')
    return refuse(parts.store, context, id, rule, `not answered: ${verdict.reason}`);
  const made = await write(parts, work);
  let isKept = false;
  try {
    await parts.store.write(async (tx) => {
      await context.finish(tx);
      isKept = await conclude(parts, tx, work, made);
    });
  } finally {
    if (!isKept) await made.discard();
  }
}

async function write(
  parts: AutomaticReplyParts,
  { account, message, rule, action }: Work,
): Promise<PreparedVersion> {
  const template = await parts.templates.find(action.template);
  const content = TEXT_FIELDS.some((field) => template.reads(field)) ? await textOf(parts, message) : null;
  const words = template.render(replyData(account, message, content, rule));
  return parts.drafts.prepare(contentOfReply(account, message.metadata, words), account);
}

/** Judges once more, for others may have been answered meanwhile. @returns whether the draft was made */
async function conclude(
  parts: AutomaticReplyParts,
  tx: Tx,
  work: Work,
  made: PreparedVersion,
): Promise<boolean> {
  const { account, message, rule, index, action } = work;
  if (await isAnswered(tx, work)) return false;
  const verdict = await judge(parts, tx, work);
  if (verdict.verdict === 'refuse') {
    await noteRefusal(tx, message.id, rule, `not answered: ${verdict.reason}`);
    return false;
  }
  const decision = await unlessAccountPaused(tx, account.id, decisionOf(verdict, rule));
  const origin = {
    accountId: account.id,
    sessionId: null,
    threadId: message.threadId,
    turnId: null,
    actionIndex: null,
    // Not answered as people understand it: nothing marks it so in the mailbox.
    answersMessageId: null,
    author: `template:${action.template}`,
    // Whoever gets an answer from a machine is not known by that.
    acquaints: 'reasons' in decision,
  };
  const inserted = await parts.drafts.insert(tx, origin, made, decision);
  if (!inserted) return false;
  await tx
    .insertInto('automatic_replies')
    .values({
      draft_id: inserted.draftId,
      account_id: account.id,
      message_id: message.id,
      rule,
      action_index: index,
      template: action.template,
      recipient: recipientForm(message),
      created_at: parts.clock.now(),
    })
    .execute();
  return true;
}

const decisionOf = (verdict: Exclude<AutomaticReplyVerdict, { verdict: 'refuse' }>, rule: string) =>
  verdict.verdict === 'ask' ? { reasons: verdict.reasons } : { approvedBy: `policy:rule:${rule}` };

async function judge(
  { clock }: AutomaticReplyParts,
  db: Reader,
  { account, message, rule, action }: Work,
): Promise<AutomaticReplyVerdict> {
  const { metadata } = message;
  const [perSender, limit] = [rateOf(action.per_sender), rateOf(action.limit)];
  const recipient = recipientForm(message);
  const stopped = await suppressedReason(db, clock, account.id, [recipient]);
  if (stopped !== null) return { verdict: 'refuse', reason: stopped };
  return judgeAutomaticReply({
    send: action.send,
    recipient: automaticRecipient(metadata)?.address ?? null,
    from: metadata.from?.address ?? null,
    own: ownAddresses(account, action),
    addressedTo: [...metadata.to, ...metadata.cc].map(({ address }) => address),
    kind: answeredAs(message.kind, metadata.headers),
    kindReason: message.kindReason,
    trust: message.trust,
    followsReply: await followsReply(db, rule, threadReferences(metadata)),
    ofRecipient: {
      count: await answeredSince(db, rule, clock.now() - perSender.perMs, recipient),
      limit: { count: perSender.count, text: action.per_sender },
    },
    ofRule: {
      count: await answeredSince(db, rule, clock.now() - limit.perMs),
      limit: { count: limit.count, text: action.limit },
    },
  });
}

const ownAddresses = (account: Account, { addresses = [] }: AutomaticReply): string[] => [
  account.settings.address,
  fromOf(account).address,
  ...addresses.map((written) => parseRecipient(written).address),
];

const recipientForm = ({ metadata }: RuledMessage): string =>
  addressForm(automaticRecipient(metadata)?.address ?? '').address;

async function replyOf(store: Store, id: string, rule: string, index: number): Promise<AutomaticReply> {
  const action = await actionOf(store, id, rule, index);
  if ('draft' in action) return action.draft;
  throw decisionGone(id, rule);
}

async function isAnswered(tx: Tx, { message, rule, index }: Work): Promise<boolean> {
  const row = await tx
    .selectFrom('automatic_replies')
    .select('draft_id')
    .where('message_id', '=', message.id)
    .where('rule', '=', rule)
    .where('action_index', '=', index)
    .executeTakeFirst();
  return row !== undefined;
}

async function followsReply(db: Reader, rule: string, messageIds: readonly string[]): Promise<boolean> {
  if (messageIds.length === 0) return false;
  const row = await db
    .selectFrom('submissions')
    .innerJoin('automatic_replies', 'automatic_replies.draft_id', 'submissions.draft_id')
    .select('submissions.id')
    .where('submissions.message_id', 'in', messageIds)
    .where('automatic_replies.rule', '=', rule)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

async function answeredSince(db: Reader, rule: string, since: number, recipient?: string): Promise<number> {
  let query = db
    .selectFrom('automatic_replies')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('rule', '=', rule)
    .where('created_at', '>', since);
  if (recipient !== undefined) query = query.where('recipient', '=', recipient);
  return Number((await query.executeTakeFirst())?.count ?? 0);
}
