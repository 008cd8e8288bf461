// Does what an agent answered, one action a job, each at most once: mail through policy to drafts, the rest to sessions
// and mailboxes. What policy refuses is recorded with its reason.
import type { Accounts } from '../accounts/accounts.ts';
import type { Bus } from '../cluster/bus.ts';
import type { Agent } from '../contracts/rule.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { JobContext, JobWorker } from '../jobs/worker.ts';
import type { Clock } from '../kernel/clock.ts';
import { PosternError } from '../kernel/errors.ts';
import type { PolicyRule } from '../policy/rules.ts';
import type { RuleSet } from '../rules/match.ts';
import type { StoredAction } from '../sessions/answer.ts';
import { record } from '../sessions/record.ts';
import { isOver, setSession, settleSession } from '../sessions/state.ts';
import { type ActionSubject, loadSubject } from '../sessions/subject.ts';
import type { Store, Tx } from '../store/store.ts';
import type { Proofs } from '../watch/proofs.ts';
import { contentOf, type MailAction } from './content.ts';
import type { Drafts } from './drafts.ts';
import { writtenIn } from './judgement.ts';
import type { FindingParts } from './mail-findings.ts';
import { propose } from './propose.ts';
import { doVerb, refusedVerb } from './verbs.ts';

export interface ActionParts extends FindingParts {
  store: Store;
  jobs: JobQueue;
  worker: JobWorker;
  clock: Clock;
  bus: Bus;
  accounts: Accounts;
  drafts: Drafts;
  rules: () => RuleSet;
  proofs: Pick<Proofs, 'proveThread'>;
}

const MOST_REFUSALS = 200; // that a turn tells of; all of them are read for each new one
const PROOF_ATTEMPTS = 4; // then a person is asked, who can judge the mail without a DNS

export function registerActions(parts: ActionParts): void {
  const perform = async (turnId: string, index: number, context: JobContext): Promise<void> => {
    const subject = await loadSubject(parts.store, turnId, index);
    if (!subject) return; // cancelled meanwhile
    const agent = parts.rules().agents.get(subject.agent);
    if (!agent)
      throw new PosternError('agent_missing', `The agent ${subject.agent} is not in the rules any more.`);
    const { action } = subject;
    if (action.type === 'reply' || action.type === 'send')
      await doMail(parts, agent, await proved(parts, agent, subject, context), action, context);
    else await doOther(parts, agent, subject, action, context);
  };
  parts.worker.handle('session.action', ({ turn_id, index }, context) => perform(turn_id, index, context), {
    onDead: async (payload: { turn_id: string; index: number }, error) => {
      const subject = await loadSubject(parts.store, payload.turn_id, payload.index);
      if (!subject) return;
      await parts.store.write(async (tx) => {
        await setSession(parts, tx, subject.sessionId, { state: 'failed', error });
      });
    },
  });
}

/** The same, with all that can be proved of the thread's mails, where the policy hangs on that. */
async function proved(
  { store, proofs }: ActionParts,
  { may }: Agent,
  subject: ActionSubject,
  context: JobContext,
): Promise<ActionSubject> {
  if (may.reply !== 'auto' || subject.trust.level !== 'unverified') return subject;
  const isLast = context.attempt >= PROOF_ATTEMPTS;
  await proofs.proveThread(subject.threadId, { isLast, signal: context.signal });
  return (await loadSubject(store, subject.turnId, subject.index)) ?? subject;
}

async function doMail(
  parts: ActionParts,
  agent: Agent,
  subject: ActionSubject,
  action: MailAction,
  context: JobContext,
): Promise<void> {
  await propose(
    parts,
    {
      ...{ agent, subject, index: subject.index },
      written: writtenIn(action),
      content: (account, written) => contentOf(account, subject.message, { ...action, ...written }),
      answers: action.type === 'reply' ? subject.message.id : null,
    },
    (work) => conclude(parts, subject, context, work),
    (tx, reason, rule) => refuse(parts, tx, subject, reason, rule),
  );
}

/** Does an action's effects and ends its job in one transaction; a session that was cancelled meanwhile has none. */
function conclude<T>(
  parts: ActionParts,
  subject: ActionSubject,
  context: JobContext,
  work: (tx: Tx) => Promise<T>,
): Promise<T | null> {
  return parts.store.write(async (tx) => {
    await context.finish(tx);
    const session = await tx
      .selectFrom('sessions')
      .select('state')
      .where('id', '=', subject.sessionId)
      .executeTakeFirst();
    if (!session || isOver(session.state)) return null;
    const done = await work(tx);
    await settleSession(parts, tx, subject.sessionId);
    return done;
  });
}

async function doOther(
  parts: ActionParts,
  agent: Agent,
  subject: ActionSubject,
  action: Exclude<StoredAction, MailAction>,
  context: JobContext,
): Promise<void> {
  const refused = refusedVerb(agent, action);
  await conclude(parts, subject, context, async (tx) => {
    if (refused !== null) return refuse(parts, tx, subject, refused.text, refused.rule);
    if (action.type === 'ask') {
      const { sessionId, turnId } = subject;
      await record(parts, tx, { sessionId, turnId, kind: 'asked', data: { question: action.question } });
    }
    await doVerb(parts, tx, { ...subject, messageId: subject.message.id }, action);
  });
}

/** An action that is not done: its turn says so, and so does the record. */
async function refuse(
  parts: ActionParts,
  tx: Tx,
  { sessionId, turnId, action }: ActionSubject,
  reason: string,
  rule?: PolicyRule,
): Promise<void> {
  await noteRefusal(tx, turnId, action.type, reason, rule);
  const data = { call: action.type, reason, ...(rule && { rule }) };
  await record(parts, tx, { sessionId, turnId, kind: 'refused', data });
}

/** What is refused is not done, and the turn says so; the rest goes on. */
export async function noteRefusal(
  tx: Tx,
  turnId: string,
  action: string,
  reason: string,
  rule?: PolicyRule,
): Promise<void> {
  const row = await tx
    .selectFrom('turns')
    .select('refusals')
    .where('id', '=', turnId)
    .executeTakeFirstOrThrow();
  const before = JSON.parse(row.refusals) as unknown[];
  if (before.length >= MOST_REFUSALS) return; // the session's record has the rest
  const refusals = [...before, { action, reason, ...(rule && { rule }) }];
  await tx
    .updateTable('turns')
    .set({ refusals: JSON.stringify(refusals) })
    .where('id', '=', turnId)
    .execute();
}
