// Decides on a message once more, for the rules that hung on its text or on who sent it: in a flood the text is not read on
// the way in, a connection may break just then, and signatures are never checked there, for that needs the whole message
// and the DNS. What was decided at once stays; a rule is decided on once for each message.
import type { Accounts } from '../accounts/accounts.ts';
import type { Bus } from '../cluster/bus.ts';
import { type MailContent, type MailKind, mailMetadata, type Trust } from '../contracts/mail.ts';
import { decisionPool, type JobPayload } from '../jobs/kinds.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { JobContext, JobWorker } from '../jobs/worker.ts';
import type { Clock } from '../kernel/clock.ts';
import { codeOf, PosternError } from '../kernel/errors.ts';
import { storedTrust } from '../mail/trust.ts';
import { afterCommit, type Reader, type Tx } from '../store/store.ts';
import type { Arrival, Decider } from '../watch/arrival.ts';
import type { Proofs } from '../watch/proofs.ts';
import { type TextParts, textOf } from '../watch/text.ts';
import type { RuleDecision } from './decide.ts';

// Each waits for its account's server, and one that hangs holds its own until the time limit.
const DECISIONS_AT_ONCE = 32;
const OF_AN_ACCOUNT = 8; // its connection does one thing at a time; beside it, the DNS is asked for others

const PROOF_TRIES_AFTER_MS = [10_000, 60_000, 5 * 60_000]; // then it is decided without proof: nobody waits for a DNS for ever
/** What may pass soon. Where the mail server cannot be reached, the job itself is tried again. */
const TRIED_APART: ReadonlySet<string> = new Set(['proof_pending', 'lookups_slow', 'message_gone']);

export interface LateDecisionParts extends TextParts {
  accounts: Pick<Accounts, 'get'>;
  worker: JobWorker;
  decider: Decider<RuleDecision>;
  jobs: JobQueue;
  clock: Clock;
  proofs: Pick<Proofs, 'prove'>;
  bus: Bus;
}

export function registerLateDecisions(parts: LateDecisionParts): void {
  const { store, worker, decider } = parts;
  worker.handle(
    'message.decide',
    async (payload, context) => {
      let arrival = await arrivalOf(parts, payload);
      let content: MailContent | null = null;
      let decision = decider.decide(arrival, content);
      const readText = async (): Promise<void> => {
        if (!decision?.hangsOnText) return;
        content = await textOf(parts, { ...arrival, accountId: arrival.account.id });
        decision = decider.decide(arrival, content);
      };
      await readText();
      if (decision?.hangsOnProof) {
        const trust = await provedOrLater(parts, arrival.account.id, payload, context);
        if (trust === null) return;
        arrival = { ...arrival, trust: { ...trust, checked: true } }; // nobody waits for more
        decision = decider.decide(arrival, content);
      }
      await readText();
      const named = new Set(payload.rules);
      const matches = decision?.matches.filter(({ rule }) => named.has(rule)) ?? [];
      await store.write(async (tx) => {
        await context.finish(tx);
        afterCommit(tx, () => tellOf(parts, arrival));
        if (!decision || matches.length === 0) return;
        const left = (await wasMoved(tx, arrival.id)) ? matches.map(withoutMove) : matches;
        await decider.record(tx, arrival, { ...decision, matches: left, open: [] }, content);
      });
    },
    { concurrency: DECISIONS_AT_ONCE, poolLimit: () => OF_AN_ACCOUNT },
  );
}

/** Also where no rule matched: what is known of who sent it may be another now. */
function tellOf({ bus }: LateDecisionParts, { id, account, threadId }: Arrival): void {
  bus.publish('message.decided', { message_id: id, account_id: account.id, thread_id: threadId });
}

/**
 * Who sent the message; null where the DNS does not say so now. Then it is tried again, out of its lane: the mails of the
 * thread that come after it do not wait for that.
 */
async function provedOrLater(
  { store, jobs, clock, proofs }: LateDecisionParts,
  accountId: string,
  payload: JobPayload<'message.decide'>,
  context: JobContext,
): Promise<Trust | null> {
  const tries = payload.tries ?? 0;
  const after = PROOF_TRIES_AFTER_MS[tries];
  try {
    return await proofs.prove(payload.message_id, { isLast: after === undefined, signal: context.signal });
  } catch (error) {
    if (after === undefined || !TRIED_APART.has(codeOf(error))) throw error;
    await store.write(async (tx) => {
      await context.finish(tx);
      const options = { runAt: clock.now() + after, pool: decisionPool(accountId) };
      await jobs.enqueue(tx, 'message.decide', { ...payload, tries: tries + 1 }, options);
    });
    return null;
  }
}

/** The message as it came in. @throws PosternError `message_gone`, `not_found` for its account */
async function arrivalOf(
  { store, accounts }: LateDecisionParts,
  payload: JobPayload<'message.decide'>,
): Promise<Arrival> {
  const { message_id: id, mailbox, flags, is_reply: isReply } = payload;
  const row = await store.db.selectFrom('messages').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row) throw new PosternError('message_gone', `The message ${id} is not in the ledger.`);
  return {
    ...{ id, mailbox, flags, isReply },
    account: await accounts.get(row.account_id),
    threadId: row.thread_id,
    kind: row.kind as MailKind,
    kindReason: row.kind_reason,
    trust: storedTrust(row.trust),
    arrivedAt: row.arrived_at,
    metadata: mailMetadata.parse(JSON.parse(row.metadata)),
  };
}

/** Whether a rule has had the mail moved: it lies in one place, and is not moved again. */
async function wasMoved(db: Reader | Tx, messageId: string): Promise<boolean> {
  const rows = await db
    .selectFrom('decisions')
    .select('actions')
    .where('message_id', '=', messageId)
    .execute();
  return rows.some(({ actions }) => (JSON.parse(actions) as object[]).some((action) => 'move' in action));
}

const withoutMove = ({ rule, actions }: RuleDecision['matches'][number]) => ({
  rule,
  actions: actions.filter((action) => !('move' in action)),
});
