// How often an agent may be woken: by one sender in a time, and in all in a day. A flood ends here, whoever starts it.
import type { Agent } from '../contracts/rule.ts';
import { rateOf } from '../kernel/duration.ts';
import type { Reader } from '../store/store.ts';

const DAY_MS = 86_400_000;

/** Why this turn must not run, or null. Turns that were refused do not count. */
export async function exceededCap(
  db: Reader,
  agent: Agent,
  turn: { id: string; agent: string; sender: string | null },
  now: number,
): Promise<string | null> {
  const { count, perMs } = rateOf(agent.limits.per_sender);
  const since = (from: number) =>
    db
      .selectFrom('turns')
      .select((eb) => eb.fn.countAll<number>().as('turns'))
      .where('agent', '=', turn.agent)
      .where('id', '<>', turn.id)
      .where('started_at', '>', from);
  if (turn.sender !== null) {
    const row = await since(now - perMs)
      .where('sender', '=', turn.sender)
      .executeTakeFirstOrThrow();
    if (Number(row.turns) >= count)
      return `${turn.sender} woke the agent ${turn.agent} more often than ${agent.limits.per_sender}.`;
  }
  const row = await since(now - DAY_MS).executeTakeFirstOrThrow();
  if (Number(row.turns) >= agent.limits.per_day)
    return `The agent ${turn.agent} was woken ${agent.limits.per_day} times within a day.`;
  return null;
}
