// From a message and the rules in force to sessions, turns and jobs: written in the transaction that takes the message in.
import type { Bus } from '../cluster/bus.ts';
import type { MailContent } from '../contracts/mail.ts';
import type { RuleAction } from '../contracts/rule.ts';
import { addDelivery } from '../delivery/deliveries.ts';
import { answerLane, answerPool, decisionLane, decisionPool, forwardPool } from '../jobs/kinds.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Clock } from '../kernel/clock.ts';
import { newId } from '../kernel/ids.ts';
import { automaticRecipient } from '../mail/thread.ts';
import { addressForm } from '../rules/addresses.ts';
import type { RuleInput } from '../rules/mail-view.ts';
import type { RuleMatch, RuleSet } from '../rules/match.ts';
import { rowInsert } from '../store/insert-rows.ts';
import { keptQuery } from '../store/kept-query.ts';
import type { Tx } from '../store/store.ts';
import type { Arrival, Decider, Decision } from '../watch/arrival.ts';
import { addTurn, type TurnsParts } from './add-turn.ts';
import type { EarlyTurns } from './begin.ts';
import { MailboxChanges } from './mailbox-changes.ts';
import { silenceOf } from './silence.ts';
import { OVER } from './state.ts';

export interface RuleDecision extends Decision {
  matches: RuleMatch[];
  /**
   * Rules of which it is not known yet whether they match: the text was not read, or the signatures were not checked. They
   * are decided on later, by a job.
   */
  open: string[];
  /** Whether one of them hangs on who the mail is proved to be from. */
  hangsOnProof: boolean;
  /** The rules by which no session starts although they say so, and why. */
  held: ReadonlyMap<string, string>;
}

export interface DecideParts {
  /** Begins turns with the mail that they are for; where absent, they begin in a transaction of their own. */
  early?: EarlyTurns;
  rules: () => RuleSet;
  jobs: JobQueue;
  clock: Clock;
  /** Where there is one, it hears of what is noted of sessions. */
  bus?: Bus;
}

export function ruleDecider({ rules, jobs, clock, bus, early }: DecideParts): Decider<RuleDecision> {
  return {
    decide(arrival, content) {
      const set = rules();
      const judged = set.judge(ruleInput(arrival, content ?? null));
      if (judged.length === 0) return null;
      const matches = judged.filter(({ sure }) => sure).map(({ rule, actions }) => ({ rule, actions }));
      const open = judged.filter(({ sure }) => !sure);
      const spawning = matches.filter(({ actions }) => actions.some((action) => 'spawn' in action));
      const held = new Map<string, string>();
      for (const { rule } of spawning) {
        const why = silenceOf(set, rule, arrival);
        if (why !== null) held.set(rule, why);
      }
      const hangsOnText = open.some(({ lacks }) => lacks.includes('text'));
      const hangsOnProof = open.some(({ lacks }) => lacks.includes('trust'));
      const wantsText = hangsOnText || spawning.length > held.size;
      const named = open.map(({ rule }) => rule);
      return { matches, open: named, held, wantsText, hangsOnText, hangsOnProof };
    },

    async record(tx, arrival, { matches, open, held }, content) {
      const changes = new MailboxChanges();
      for (const match of matches) {
        const suppressed = held.get(match.rule) ?? null;
        if (!(await insertDecision(tx, arrival, match, suppressed, clock.now()))) continue;
        const agents = new Set<string>(); // a rule that names an agent twice starts it once
        const posts = new Set<string>();
        for (const [index, action] of match.actions.entries()) {
          changes.add(action);
          if ('forward' in action) {
            const payload = { message_id: arrival.id, rule: match.rule, index };
            await jobs.enqueue(tx, 'message.forward', payload, { pool: forwardPool(arrival.account.id) });
          }
          if ('draft' in action) {
            const payload = { message_id: arrival.id, rule: match.rule, index };
            await jobs.enqueue(tx, 'message.answer', payload, answerOptions(arrival, match.rule));
          }
          if ('post' in action) posts.add(action.post);
          if ('ingest' in action) {
            const payload = { message_id: arrival.id, rule: match.rule, options: action.ingest };
            await jobs.enqueue(tx, 'knowledge.take', payload);
          }
          if ('spawn' in action && suppressed === null) agents.add(action.spawn);
        }
        for (const destination of posts) {
          const attempts = rules().destinations.get(destination)?.attempts ?? 1;
          const delivery = {
            accountId: arrival.account.id,
            messageId: arrival.id,
            rule: match.rule,
            destination,
          };
          await addDelivery(tx, { jobs, now: clock.now(), attempts }, delivery);
        }
        const mail = { arrival, content };
        for (const agent of agents) {
          const isPerMessage = rules().agents.get(agent)?.session === 'per-message';
          const session = { rule: match.rule, agent, branch: isPerMessage ? arrival.id : '' };
          await startTurn(tx, { jobs, clock, bus, early }, mail, session);
        }
      }
      await changes.enqueue(tx, jobs, arrival);
      if (open.length > 0) {
        const { id, mailbox, flags, isReply } = arrival;
        const payload = { message_id: id, mailbox, flags, is_reply: isReply, rules: open };
        const options = { lane: decisionLane(arrival.threadId), pool: decisionPool(arrival.account.id) };
        await jobs.enqueue(tx, 'message.decide', payload, options);
      }
    },
  };
}

function answerOptions({ account, metadata }: Arrival, rule: string): { lane: string; pool: string } {
  const recipient = addressForm(automaticRecipient(metadata)?.address ?? '').address;
  return { lane: answerLane(account.id, rule, recipient), pool: answerPool(account.id) };
}

/** A message that comes in, as the rules look at it. */
function ruleInput(arrival: Arrival, content: MailContent | null): RuleInput {
  return {
    account: arrival.account.settings.label,
    mailbox: arrival.mailbox,
    metadata: arrival.metadata,
    flags: arrival.flags,
    isReply: arrival.isReply,
    trust: arrival.trust.level,
    kind: arrival.kind,
    trustFlags: arrival.trust.flags,
    unproved: !arrival.trust.checked,
    arrivedAt: arrival.arrivedAt,
    ...(content && { text: content.text }),
  };
}

const insertDecisions = rowInsert(
  'decisions',
  ['message_id', 'rule', 'account_id', 'actions', 'suppressed', 'created_at'],
  ['message_id', 'rule'],
);
const insertSessions = rowInsert(
  'sessions',
  [
    ...(['id', 'account_id', 'agent', 'rule', 'thread_id'] as const),
    ...(['message_id', 'branch', 'state', 'turns', 'created_at', 'updated_at'] as const),
  ],
  ['thread_id', 'rule', 'agent', 'branch'],
);
const nextTurn = keptQuery((db, now: number, threadId: string, rule: string, agent: string, branch: string) =>
  db
    .updateTable('sessions')
    .set((eb) => ({ turns: eb('turns', '+', 1), state: 'queued', updated_at: now }))
    .where('thread_id', '=', threadId)
    .where('rule', '=', rule)
    .where('agent', '=', agent)
    .where('branch', '=', branch)
    .where('state', 'not in', OVER)
    .returning(['id', 'turns']),
);

/** False when this message and this rule were decided before. */
async function insertDecision(
  tx: Tx,
  arrival: Arrival,
  match: { rule: string; actions: RuleAction[] },
  suppressed: string | null,
  now: number,
): Promise<boolean> {
  const decision = {
    message_id: arrival.id,
    rule: match.rule,
    account_id: arrival.account.id,
    actions: JSON.stringify(match.actions),
    suppressed,
    created_at: now,
  };
  return (await insertDecisions(tx, [decision])) > 0;
}

/** A new session, or the next turn of the one that is there. A session that is over stays so. */
async function startTurn(
  tx: Tx,
  { early, ...parts }: TurnsParts & { early: EarlyTurns | undefined },
  { arrival, content }: { arrival: Arrival; content: MailContent | null },
  { rule, agent, branch }: { rule: string; agent: string; branch: string },
): Promise<void> {
  const { clock } = parts;
  const now = clock.now();
  const fresh = {
    id: newId('ses', now),
    account_id: arrival.account.id,
    agent,
    rule,
    thread_id: arrival.threadId,
    message_id: arrival.id,
    branch,
    state: 'queued',
    turns: 0,
    created_at: now,
    updated_at: now,
  };
  await insertSessions(tx, [fresh]);
  const [session] = await nextTurn(tx, now, arrival.threadId, rule, agent, branch);
  if (!session) return;
  await addTurn(tx, parts, {
    sessionId: session.id,
    number: session.turns,
    cause: 'message',
    messageId: arrival.id,
    sender: arrival.metadata.from?.address.toLowerCase() ?? null,
    agent,
    accountId: arrival.account.id,
    draftId: null,
    feedback: null,
    author: null,
    now,
    ...(early && { early: { turns: early, mail: content && { arrival, content } } }),
  });
}
