// What a job needs that does what a rule said of a message: the message, the action as it was when the mail came in, what
// can be proved of its sender, and where it is noted that it was not done.
import { type MailKind, type MailMetadata, mailMetadata, type Trust } from '../contracts/mail.ts';
import type { RuleAction } from '../contracts/rule.ts';
import type { JobContext } from '../jobs/worker.ts';
import { PosternError } from '../kernel/errors.ts';
import { storedTrust } from '../mail/trust.ts';
import type { Store, Tx } from '../store/store.ts';
import type { Proofs } from '../watch/proofs.ts';
import { type DraftDecision, unlessPaused } from './draft-record.ts';

const PROOF_ATTEMPTS = 4; // then it is judged without proof: nobody waits for a name server for ever

/** How many such jobs run at once. Of one account few: each may wait for a server that hangs, until its time limit. */
export const RULE_WORK_AT_ONCE = { concurrency: 32, poolLimit: () => 4 };

export interface RuledMessage {
  id: string;
  accountId: string;
  threadId: string;
  metadata: MailMetadata;
  /** The Date header, or the arrival where it has none, epoch milliseconds. */
  date: number;
  kind: MailKind;
  kindReason: string;
  trust: Trust;
}

/** @throws PosternError `message_gone` */
export async function messageOf({ db }: Store, id: string): Promise<RuledMessage> {
  const row = await db
    .selectFrom('messages')
    .select(['account_id', 'thread_id', 'date', 'metadata', 'kind', 'kind_reason', 'trust'])
    .where('id', '=', id)
    .executeTakeFirst();
  if (!row) throw new PosternError('message_gone', `The message ${id} is not in the ledger.`);
  return {
    id,
    accountId: row.account_id,
    threadId: row.thread_id,
    metadata: mailMetadata.parse(JSON.parse(row.metadata)),
    date: row.date,
    kind: row.kind as MailKind,
    kindReason: row.kind_reason,
    trust: storedTrust(row.trust),
  };
}

/** What the rule said when the mail came in. @throws PosternError `decision_gone` */
export async function actionOf({ db }: Store, id: string, rule: string, index: number): Promise<RuleAction> {
  const row = await db
    .selectFrom('decisions')
    .select('actions')
    .where('message_id', '=', id)
    .where('rule', '=', rule)
    .executeTakeFirst();
  const action = (JSON.parse(row?.actions ?? '[]') as RuleAction[])[index];
  if (action) return action;
  throw decisionGone(id, rule);
}

/** What is known of who sent it: its signatures are checked where something hangs on them. */
export async function trustOf(
  proofs: Pick<Proofs, 'prove'>,
  { id, trust }: RuledMessage,
  { send }: { send: 'approve' | 'auto' },
  { attempt, signal }: Pick<JobContext, 'attempt' | 'signal'>,
): Promise<Trust> {
  if (send !== 'auto' || trust.level !== 'unverified') return trust;
  return proofs.prove(id, { isLast: attempt >= PROOF_ATTEMPTS, signal });
}

/** Ends the job of an action that policy refuses, with the reason at its decision. */
export function refuse(
  store: Store,
  context: Pick<JobContext, 'finish'>,
  id: string,
  rule: string,
  reason: string,
): Promise<void> {
  return store.write(async (tx) => {
    await context.finish(tx);
    await noteRefusal(tx, id, rule, reason);
  });
}

export const decisionGone = (id: string, rule: string): PosternError =>
  new PosternError('decision_gone', `The decision of the rule ${rule} on the message ${id} is gone.`);

/** Why an action was not done, with the decision, behind what stands there already. */
export async function noteRefusal(tx: Tx, id: string, rule: string, reason: string): Promise<void> {
  const decision = tx.selectFrom('decisions').where('message_id', '=', id).where('rule', '=', rule);
  const before = (await decision.select('suppressed').executeTakeFirst())?.suppressed ?? null;
  await tx
    .updateTable('decisions')
    .set({ suppressed: before === null ? reason : `${before}; ${reason}` })
    .where('message_id', '=', id)
    .where('rule', '=', rule)
    .execute();
}

const NO_AGENT = ''; // of a rule itself

/** What policy decided, and what holds while the account, or everything, is paused. */
export const unlessAccountPaused = (
  tx: Tx,
  accountId: string,
  decision: DraftDecision,
): Promise<DraftDecision> => unlessPaused(tx, { agent: NO_AGENT, account_id: accountId }, decision);
