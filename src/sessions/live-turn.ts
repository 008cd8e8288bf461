// The turn that a session's token is good for: which one it is, whether it still runs, and that its agent has finished.
import type { Bus } from '../cluster/bus.ts';
import type { Clock } from '../kernel/clock.ts';
import { PosternError } from '../kernel/errors.ts';
import { keptQuery } from '../store/kept-query.ts';
import type { Store, Tx } from '../store/store.ts';
import { finishWork } from './open-turn.ts';
import { OVER } from './state.ts';
import type { SessionPrincipal } from './tokens.ts';

export interface LiveTurn {
  id: string;
  sessionId: string;
}

const runningOf = keptQuery((db, sessionId: string) =>
  db
    .selectFrom('turns')
    .innerJoin('sessions', 'sessions.id', 'turns.session_id')
    .select('turns.id')
    .where('turns.session_id', '=', sessionId)
    .where('turns.state', '=', 'running')
    .where('sessions.state', 'not in', OVER),
);

/** The turn that runs, or null: then the token is about to die. */
export async function runningTurn(
  { db }: Pick<Store, 'db'>,
  { sessionId }: Pick<SessionPrincipal, 'sessionId'>,
): Promise<LiveTurn | null> {
  const [turn] = await runningOf(db, sessionId);
  return turn ? { id: turn.id, sessionId } : null;
}

/** Whether what the turn asks for may take effect in this transaction. */
export async function stillRuns(tx: Tx, turn: LiveTurn): Promise<boolean> {
  const [running] = await runningOf(tx, turn.sessionId);
  return running?.id === turn.id;
}

/** Whether the turn has asked a person by a call. */
export async function hasAsked(tx: Tx, turnId: string): Promise<boolean> {
  const row = await tx
    .selectFrom('turn_records')
    .select('id')
    .where('turn_id', '=', turnId)
    .where('kind', '=', 'asked')
    .where('data', 'like', '{"question":%')
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** The agent says that it has finished: a turn that goes on for its calls alone ends now, any other with its answer. */
export async function finishTurn(parts: { bus: Bus; clock: Clock }, tx: Tx, turn: LiveTurn): Promise<void> {
  await finishWork(parts, tx, turn.id);
}

export const sessionOver = (): PosternError =>
  new PosternError('session_over', 'The session is over: nothing that it asks for takes effect.');
