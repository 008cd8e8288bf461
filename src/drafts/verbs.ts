// What an agent does beside writing mail, in the transaction that takes it on: it labels, moves and marks mail, asks a
// person, waits, and says what came of it. The same for an action of its answer and for a call while its turn runs.
import type { Bus } from '../cluster/bus.ts';
import type { Agent } from '../contracts/rule.ts';
import { mailboxLane } from '../jobs/kinds.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Clock } from '../kernel/clock.ts';
import { refusedLabel, refusedMove } from '../policy/verbs.ts';
import type { StoredAction } from '../sessions/answer.ts';
import { setSession } from '../sessions/state.ts';
import type { Tx } from '../store/store.ts';
import type { MailAction } from './content.ts';

const SHORTEST_WAIT_MS = 60_000; // nobody answers a mail sooner

/** What only a call does: an answer's `label` adds. */
export type FlagVerb =
  | { type: 'unlabel'; label: string }
  | { type: 'mark'; seen?: boolean | undefined; flagged?: boolean | undefined };
export type Verb = Exclude<StoredAction, MailAction> | FlagVerb;

export interface VerbParts {
  jobs: JobQueue;
  clock: Clock;
  bus: Bus;
}

/** Whose turn it is, and which message is meant. */
export interface VerbSubject {
  sessionId: string;
  accountId: string;
  messageId: string;
}

/** Why policy refuses it, or null. */
export function refusedVerb({ may }: Pick<Agent, 'may'>, verb: Verb): ReturnType<typeof refusedLabel> {
  switch (verb.type) {
    case 'label':
    case 'unlabel':
      return refusedLabel(may, verb.label);
    case 'mark':
      return refusedLabel(may, 'marked'); // a mark is a label of the mailbox's own
    case 'move':
      return refusedMove(may, verb.mailbox);
    default:
      return null;
  }
}

export async function doVerb(parts: VerbParts, tx: Tx, subject: VerbSubject, verb: Verb): Promise<void> {
  const { messageId, sessionId } = subject;
  switch (verb.type) {
    case 'label':
    case 'unlabel':
    case 'mark':
    case 'move':
      return changeMessage(parts, tx, subject.accountId, messageId, verb);
    case 'ask':
      await setSession(parts, tx, sessionId, { question: verb.question });
      return;
    case 'wait': {
      // One that waits for what is over would be woken in a circle.
      const until = Math.max(Date.parse(verb.until), parts.clock.now() + SHORTEST_WAIT_MS);
      await setSession(parts, tx, sessionId, { wake_at: until });
      return parts.jobs.enqueue(tx, 'session.wake', { session_id: sessionId, until }, { runAt: until });
    }
    case 'done':
      await setSession(parts, tx, sessionId, { summary: verb.summary ?? null });
  }
}

/** Asks for a change of a message in its mailbox, whoever wants it. */
export function changeMessage(
  { jobs }: Pick<VerbParts, 'jobs'>,
  tx: Tx,
  accountId: string,
  messageId: string,
  verb: Extract<Verb, { type: 'label' | 'unlabel' | 'mark' | 'move' }>,
): Promise<void> {
  const options = { lane: mailboxLane(accountId) };
  if (verb.type === 'move') {
    const { mailbox } = verb;
    return jobs.enqueue(tx, 'message.move', { message_id: messageId, mailbox }, options);
  }
  const { add, remove } = flagsOf(verb);
  const change = { message_id: messageId, add, ...(remove.length > 0 && { remove }) };
  return jobs.enqueue(tx, 'message.flag', change, options);
}

function flagsOf(verb: Extract<Verb, { type: 'label' | 'unlabel' | 'mark' }>): {
  add: string[];
  remove: string[];
} {
  if (verb.type === 'label') return { add: [verb.label], remove: [] };
  if (verb.type === 'unlabel') return { add: [], remove: [verb.label] };
  const wished = [
    { flag: '\\Seen', isSet: verb.seen },
    { flag: '\\Flagged', isSet: verb.flagged },
  ];
  const those = (isSet: boolean): string[] =>
    wished.filter((one) => one.isSet === isSet).map(({ flag }) => flag);
  return { add: those(true), remove: those(false) };
}
