// The ways in which a turn ends without an answer: refused, failed for good, or failed for this time.
import type { JobContext } from '../jobs/worker.ts';
import { codeOf, PosternError, retryOf } from '../kernel/errors.ts';
import type { Store, Tx } from '../store/store.ts';
import type { Refusal } from './limits.ts';
import { record } from './record.ts';
import { type StateParts, setSession } from './state.ts';

interface EndParts extends StateParts {
  store: Store;
}

interface EndingTurn {
  id: string;
  session_id: string;
}

export const refuseTurn = (
  parts: EndParts,
  turn: EndingTurn,
  refusal: Refusal,
  context: JobContext,
): Promise<void> => parts.store.write((tx) => refuse(parts, tx, turn, refusal, context));

/** Ends a turn that is not to be tried again, and is no failure of Postern's: handled, and its session says why. */
export async function refuse(
  parts: EndParts,
  tx: Tx,
  turn: EndingTurn,
  { code, reason }: Refusal,
  context: JobContext,
): Promise<void> {
  await context.finish(tx);
  await endTurn(parts, tx, turn, 'refused', reason);
  const ended = { sessionId: turn.session_id, turnId: turn.id };
  await record(parts, tx, { ...ended, kind: 'refused', data: { call: 'turn', code, reason } });
}

/** The turn's job is dead. */
export async function failTurn(parts: EndParts, turnId: string, error: string): Promise<void> {
  const turn = await parts.store.db
    .selectFrom('turns')
    .select(['id', 'session_id', 'state'])
    .where('id', '=', turnId)
    .executeTakeFirst();
  if (!turn || turn.state === 'done' || turn.state === 'refused') return;
  await parts.store.write(async (tx) => {
    await endTurn(parts, tx, turn, 'failed', error);
    const ended = { sessionId: turn.session_id, turnId: turn.id };
    await record(parts, tx, { ...ended, kind: 'failed', data: { error, again: false } });
  });
}

async function endTurn(
  parts: EndParts,
  tx: Tx,
  turn: EndingTurn,
  state: 'refused' | 'failed',
  error: string,
): Promise<void> {
  await tx
    .updateTable('turns')
    .set({ state, error, ended_at: parts.clock.now() })
    .where('id', '=', turn.id)
    .execute();
  const token = { token_hash: null, token_expires_at: null };
  await setSession(parts, tx, turn.session_id, { state: 'failed', error, ...token });
}

/** An attempt that failed: its token dies, and the turn says why, unless another attempt has begun meanwhile. */
export async function noteFailure(
  parts: EndParts,
  turn: EndingTurn,
  hash: string,
  error: unknown,
  context: JobContext,
): Promise<void> {
  const interrupted = codeOf(error) === 'stopping';
  const text = interrupted ? null : messageOf(error);
  const isLast = !interrupted && (context.lastAttempt || retryOf(error) === 'never');
  await parts.store.write(async (tx) => {
    const ours = await tx
      .updateTable('sessions')
      .set({ token_hash: null, token_expires_at: null })
      .where('id', '=', turn.session_id)
      .where('token_hash', '=', hash)
      .returning('id')
      .executeTakeFirst();
    if (!ours) return;
    const again = isLast ? {} : { state: 'queued' as const };
    const log = error instanceof PosternError ? (error.details.log as string | undefined) : undefined;
    await tx
      .updateTable('turns')
      .set({ ...again, error: text, log: log ?? null })
      .where('id', '=', turn.id)
      .execute();
    await setSession(parts, tx, turn.session_id, { ...again, error: text });
    if (text === null || isLast) return; // nothing happened, or the end of the turn tells of it
    const data = { code: codeOf(error), error: text, attempt: context.attempt, again: true };
    await record(parts, tx, { sessionId: turn.session_id, turnId: turn.id, kind: 'failed', data });
  });
}

export const messageOf = (error: unknown): string =>
  error instanceof PosternError ? error.message : 'an internal error';

export const withLog = (error: PosternError, log: string): PosternError =>
  new PosternError(error.code, error.message, {
    retry: error.retry,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    details: { ...error.details, log },
    cause: error,
  });
