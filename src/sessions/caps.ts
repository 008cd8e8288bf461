// How often an agent may be woken: by one sender and in one thread in a time, and in all in a day. A flood ends here, whoever starts it.
import type { Agent } from '../contracts/rule.ts';
import { rateOf } from '../kernel/duration.ts';
import { keptQuery } from '../store/kept-query.ts';
import type { Reader } from '../store/store.ts';

const DAY_MS = 86_400_000;

const turnsOf = (db: Reader, agent: string, except: string, since: number) =>
  db
    .selectFrom('turns')
    .select((eb) => eb.fn.countAll<number>().as('turns'))
    .where('agent', '=', agent)
    .where('id', '<>', except)
    .where('started_at', '>', since);
const turnsOfAgent = keptQuery(turnsOf);
const turnsOfSender = keptQuery((db, agent: string, except: string, since: number, sender: string) =>
  turnsOf(db, agent, except, since).where('sender', '=', sender),
);

/** Of all sessions of the agent in the thread: rules and branches may have one each. */
const turnsOfThread = keptQuery((db, except: string, since: number, sessionId: string) =>
  db
    .selectFrom('sessions as this')
    .innerJoin('sessions as other', (join) =>
      join.onRef('other.thread_id', '=', 'this.thread_id').onRef('other.agent', '=', 'this.agent'),
    )
    .innerJoin('turns', 'turns.session_id', 'other.id')
    .select((eb) => eb.fn.countAll<number>().as('turns'))
    .where('this.id', '=', sessionId)
    .where('turns.id', '<>', except)
    .where('turns.started_at', '>', since),
);

/** Why this turn must not run, or null. Turns that were refused do not count. */
export async function exceededCap(
  db: Reader,
  agent: Agent,
  turn: { id: string; session_id: string; agent: string; sender: string | null },
  now: number,
): Promise<string | null> {
  const { count, perMs } = rateOf(agent.limits.per_sender);
  if (turn.sender !== null) {
    const [row] = await turnsOfSender(db, turn.agent, turn.id, now - perMs, turn.sender);
    if (Number(row?.turns) >= count)
      return `${turn.sender} woke the agent ${turn.agent} more often than ${agent.limits.per_sender}.`;
  }
  const { per_thread: perThread } = agent.limits;
  const ofThread = rateOf(perThread);
  const [thread] = await turnsOfThread(db, turn.id, now - ofThread.perMs, turn.session_id);
  if (Number(thread?.turns) >= ofThread.count)
    return `The agent ${turn.agent} had more turns in this conversation than ${perThread}.`;
  const [row] = await turnsOfAgent(db, turn.agent, turn.id, now - DAY_MS);
  if (Number(row?.turns) >= agent.limits.per_day)
    return `The agent ${turn.agent} was woken ${agent.limits.per_day} times within a day.`;
  return null;
}
