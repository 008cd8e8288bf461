// A session's turn that failed, run again because a person says so: with the id that it had, so that an endpoint can tell
// the repetition, and with a token of its own.
import { agentPool, sessionLane } from '../jobs/kinds.ts';
import type { JobQueue } from '../jobs/queue.ts';
import { notFound, PosternError } from '../kernel/errors.ts';
import type { Store, Tx } from '../store/store.ts';
import { TURN_ATTEMPTS } from './add-turn.ts';
import { type StateParts, setSession } from './state.ts';

export interface RedriveParts extends StateParts {
  store: Store;
  jobs: Pick<JobQueue, 'enqueue' | 'revive'>;
}

/**
 * Runs the last turn of a session again: one whose attempts have ended, or that was refused by its endpoint or by a limit;
 * and where it has ended well, what of its answer could not be done.
 * @throws PosternError `not_found`, `session_not_failed`
 */
export async function retrySession(parts: RedriveParts, sessionId: string): Promise<void> {
  const { store, jobs } = parts;
  const turn = await store.db
    .selectFrom('turns')
    .innerJoin('sessions', 'sessions.id', 'turns.session_id')
    .select(['turns.id', 'turns.state', 'turns.agent', 'sessions.state as session'])
    .where('turns.session_id', '=', sessionId)
    .orderBy('turns.number', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (!turn) throw notFound('session', sessionId);
  const actions = turn.session === 'failed' && turn.state === 'done' ? await deadIn(store, sessionId) : [];
  if (actions.length > 0) {
    for (const { id } of actions) await jobs.revive(id);
    return;
  }
  const letter = turn.state === 'failed' ? await deadLetterOf(store, sessionId, turn.id) : null;
  if (turn.session !== 'failed' || (turn.state !== 'refused' && letter === null))
    throw new PosternError('session_not_failed', `The session ${sessionId} is ${turn.session}.`, {
      hint: 'Only a session that failed can be run again.',
    });
  if (letter !== null) {
    await jobs.revive(letter);
    await store.write((tx) => queue(parts, tx, sessionId, turn)); // unless its attempt has begun already
    return;
  }
  await store.write(async (tx) => {
    if (!(await queue(parts, tx, sessionId, turn))) return;
    await jobs.enqueue(
      tx,
      'session.turn',
      { turn_id: turn.id },
      { lane: sessionLane(sessionId), pool: agentPool(turn.agent), maxAttempts: TURN_ATTEMPTS },
    );
  });
}

async function queue(
  parts: StateParts,
  tx: Tx,
  sessionId: string,
  { id, state }: { id: string; state: string },
): Promise<boolean> {
  const row = await tx
    .updateTable('turns')
    .set({ state: 'queued', error: null, ended_at: null })
    .where('id', '=', id)
    .where('state', '=', state)
    .returning('id')
    .executeTakeFirst();
  if (row) await setSession(parts, tx, sessionId, { state: 'queued', error: null });
  return row !== undefined;
}

const deadIn = (
  { db }: Store,
  sessionId: string,
  kind: 'session.turn' | 'session.action' = 'session.action',
): Promise<{ id: string; payload: string }[]> =>
  db
    .selectFrom('jobs')
    .select(['id', 'payload'])
    .where('state', '=', 'dead')
    .where('kind', '=', kind)
    .where('lane', '=', sessionLane(sessionId))
    .orderBy('id')
    .execute();

async function deadLetterOf(store: Store, sessionId: string, turnId: string): Promise<string | null> {
  const rows = await deadIn(store, sessionId, 'session.turn');
  return rows.find(({ payload }) => payload.includes(`"${turnId}"`))?.id ?? null;
}
