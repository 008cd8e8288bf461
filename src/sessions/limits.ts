// How far a session may go: so many turns, and so much money. What goes further ends it, and says so.
import type { Agent } from '../contracts/rule.ts';
import { keptQuery } from '../store/kept-query.ts';
import type { Reader } from '../store/store.ts';

const MICROS = 1_000_000;

/** Why a turn is refused: a stable code, and a sentence for people. */
export interface Refusal {
  code: string;
  reason: string;
}

const costOf = keptQuery((db, id: string) =>
  db.selectFrom('sessions').select('cost_micros').where('id', '=', id),
);

/** Which limit of its session keeps a turn from beginning, or null. */
export async function exceededLimit(
  db: Reader,
  { limits }: Pick<Agent, 'limits'>,
  turn: { session_id: string; number: number },
): Promise<Refusal | null> {
  if (turn.number > limits.turns)
    return { code: 'session_turns', reason: `The session has had ${limits.turns} turns, as many as it may.` };
  if (limits.cost === undefined) return null;
  const [session] = await costOf(db, turn.session_id);
  const cost = (session?.cost_micros ?? 0) / MICROS;
  if (cost < limits.cost) return null;
  return {
    code: 'session_cost',
    reason: `The session has cost ${cost.toFixed(2)}, and may cost ${limits.cost}.`,
  };
}
