// Decides on a message once more, for the rules that hung on its text: in a flood the text is not read on the way in, and
// a connection may break just then. What was decided at once stays; a rule is decided on once for each message.
import type { Accounts } from '../accounts/accounts.ts';
import { type MailKind, mailMetadata, trust } from '../contracts/mail.ts';
import type { JobPayload } from '../jobs/kinds.ts';
import type { JobWorker } from '../jobs/worker.ts';
import { PosternError } from '../kernel/errors.ts';
import type { Reader, Tx } from '../store/store.ts';
import type { Arrival, Decider } from '../watch/arrival.ts';
import { type TextParts, textOf } from '../watch/text.ts';
import type { RuleDecision } from './decide.ts';

// Each waits for its account's server, and one that hangs holds its own until the time limit.
const DECISIONS_AT_ONCE = 32;

export interface LateDecisionParts extends TextParts {
  accounts: Pick<Accounts, 'get'>;
  worker: JobWorker;
  decider: Decider<RuleDecision>;
}

export function registerLateDecisions(parts: LateDecisionParts): void {
  const { store, worker, decider } = parts;
  worker.handle(
    'message.decide',
    async (payload, context) => {
      const arrival = await arrivalOf(parts, payload);
      const content = await textOf(parts, { ...arrival, accountId: arrival.account.id });
      const decision = decider.decide(arrival, content);
      const named = new Set(payload.rules);
      const matches = decision?.matches.filter(({ rule }) => named.has(rule)) ?? [];
      await store.write(async (tx) => {
        await context.finish(tx);
        if (!decision || matches.length === 0) return;
        const left = (await wasMoved(tx, arrival.id)) ? matches.map(withoutMove) : matches;
        await decider.record(tx, arrival, { ...decision, matches: left, open: [] }, content);
      });
    },
    { concurrency: DECISIONS_AT_ONCE },
  );
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
    trust: trust.parse(JSON.parse(row.trust)),
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
