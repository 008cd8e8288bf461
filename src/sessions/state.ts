// The state of a session: what it is set to by what happens, and where it comes to rest once nothing of it runs.
import type { Bus } from '../cluster/bus.ts';
import type { SessionState } from '../contracts/session.ts';
import { sessionLane } from '../jobs/kinds.ts';
import type { Clock } from '../kernel/clock.ts';
import { afterCommit, type Tx } from '../store/store.ts';
import { record } from './record.ts';

export interface StateParts {
  clock: Clock;
  bus: Bus;
  /** Takes secrets out of what an agent said. */
  conceal?: ((text: string) => string) | undefined;
}

/** Where a session stays for good: nothing wakes it, and nothing that it asks for takes effect. */
export const OVER: readonly SessionState[] = ['cancelled', 'expired'];
export const isOver = (state: string): boolean => OVER.includes(state as SessionState);

/** Where it waits for somebody else. */
export const WAITING: readonly SessionState[] = [
  'waiting-for-approval',
  'waiting-for-answer',
  'waiting-for-reply',
];

export interface SessionChange {
  state?: SessionState;
  summary?: string | null;
  question?: string | null;
  wake_at?: number | null;
  error?: string | null;
  token_hash?: string | null;
  token_expires_at?: number | null;
  /** What the token of a turn that begins is worth, and what it has used of that: nothing yet. */
  capability?: string;
  calls_used?: 0;
  bytes_used?: 0;
}

/** Changes a session and tells of it after the commit. False for one that is over, which stays as it is. */
export async function setSession(
  parts: StateParts,
  tx: Tx,
  sessionId: string,
  change: SessionChange,
): Promise<boolean> {
  const now = parts.clock.now();
  const rests = change.state === undefined ? {} : { rested_at: WAITING.includes(change.state) ? now : null };
  const { summary, question } = change;
  const said = {
    ...(summary && parts.conceal ? { summary: parts.conceal(summary) } : {}),
    ...(question && parts.conceal ? { question: parts.conceal(question) } : {}),
  };
  const row = await tx
    .updateTable('sessions')
    .set({ ...change, ...said, ...rests, updated_at: now })
    .where('id', '=', sessionId)
    .where('state', 'not in', OVER)
    .returning(['state', 'account_id'])
    .executeTakeFirst();
  if (!row) return false;
  afterCommit(tx, () =>
    parts.bus.publish('session.changed', {
      session_id: sessionId,
      account_id: row.account_id,
      state: row.state,
    }),
  );
  return true;
}

/**
 * Brings a session to where it rests, after anything that it waited for has ended: the person who is asked comes first,
 * then the one who approves, then the customer. What ended badly stays so until its next turn.
 */
export async function settleSession(parts: StateParts, tx: Tx, sessionId: string): Promise<void> {
  const session = await tx
    .selectFrom('sessions')
    .select(['state', 'question', 'wake_at'])
    .where('id', '=', sessionId)
    .executeTakeFirst();
  if (!session || isOver(session.state)) return;
  const failed = session.state === 'failed';
  if (failed && (await endedBadly(tx, sessionId))) return;
  const state = (await busyState(tx, sessionId)) ?? (await restingState(tx, sessionId, session));
  if (state === session.state) return;
  await setSession(parts, tx, sessionId, failed ? { state, error: null } : { state });
  if (state === 'done') await record(parts, tx, { sessionId, turnId: null, kind: 'ended', data: { state } });
}

/** Its last turn, or what that wanted; a dead letter that was run again with success is none any more. */
async function endedBadly(tx: Tx, sessionId: string): Promise<boolean> {
  const last = await tx
    .selectFrom('turns')
    .select('state')
    .where('session_id', '=', sessionId)
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (last?.state !== 'done') return true;
  const action = await tx
    .selectFrom('jobs')
    .select('id')
    .where('lane', '=', sessionLane(sessionId))
    .where('kind', '=', 'session.action')
    .where('state', '=', 'dead')
    .executeTakeFirst();
  return action !== undefined;
}

async function busyState(tx: Tx, sessionId: string): Promise<SessionState | null> {
  const turns = await tx
    .selectFrom('turns')
    .select('state')
    .where('session_id', '=', sessionId)
    .where('state', 'in', ['running', 'queued'])
    .execute();
  if (turns.some(({ state }) => state === 'running')) return 'running';
  const action = await tx
    .selectFrom('jobs')
    .select('id')
    .where('lane', '=', sessionLane(sessionId))
    .where('kind', '=', 'session.action')
    .where('state', '<>', 'dead')
    .executeTakeFirst();
  if (action) return 'running';
  return turns.length > 0 ? 'queued' : null;
}

async function restingState(
  tx: Tx,
  sessionId: string,
  session: { question: string | null; wake_at: number | null },
): Promise<SessionState> {
  if (session.question !== null) return 'waiting-for-answer';
  const draft = await tx
    .selectFrom('drafts')
    .select('id')
    .where('session_id', '=', sessionId)
    .where('state', '=', 'waiting')
    .executeTakeFirst();
  if (draft) return 'waiting-for-approval';
  return session.wake_at === null ? 'done' : 'waiting-for-reply';
}
