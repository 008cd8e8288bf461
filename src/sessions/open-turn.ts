// Turns whose agent said that it took the event and works on (202): it calls the gateway with its token until it says that
// it has finished, or its time is over. That is kept in the ledger, so that a kill of the gateway takes nothing from it.
import type { Bus } from '../cluster/bus.ts';
import type { Clock } from '../kernel/clock.ts';
import { pause } from '../kernel/clock.ts';
import { PosternError } from '../kernel/errors.ts';
import { afterCommit, type Store, type Tx } from '../store/store.ts';

const LOOK_AGAIN_MS = 2_000; // where another node was told that it has finished

export interface OpenTurnParts {
  store: Store;
  clock: Clock;
  bus: Bus;
}

interface OpenTurn {
  id: string;
  session_id: string;
}

/** The agent said that it has finished before it was known that it works on. */
const FINISHED_BEFORE = 0;

export const worksOn = (turn: { state: string; works_until: number | null }): boolean =>
  turn.state === 'running' && turn.works_until !== null && turn.works_until !== FINISHED_BEFORE;

/** Notes that the agent works on until then, epoch milliseconds; unless it has finished meanwhile. */
export async function beginWork(
  { bus }: Pick<OpenTurnParts, 'bus'>,
  tx: Tx,
  turn: OpenTurn & { account_id: string },
  until: number,
): Promise<void> {
  await tx
    .updateTable('turns')
    .set({ works_until: until })
    .where('id', '=', turn.id)
    .where('works_until', 'is', null)
    .execute();
  const { session_id, account_id } = turn;
  afterCommit(tx, () => bus.publish('session.changed', { session_id, account_id, state: 'running' }));
}

/** The agent has finished: a turn that works on ends now; any other ends with its answer. */
export async function finishWork(parts: Omit<OpenTurnParts, 'store'>, tx: Tx, turnId: string): Promise<void> {
  const now = parts.clock.now();
  const row = await tx
    .updateTable('turns')
    .set((eb) => ({
      works_until: eb.case().when('works_until', 'is', null).then(FINISHED_BEFORE).else(now).end(),
    }))
    .where('id', '=', turnId)
    .where('state', '=', 'running')
    .returning(['session_id', 'account_id'])
    .executeTakeFirst();
  if (!row) return;
  afterCommit(tx, () => parts.bus.publish('session.changed', { ...row, state: 'running' }));
}

/**
 * Waits until the agent has finished or its time is over.
 * @throws PosternError `stopping` when `signal` ends the wait; its details say that the turn goes on as it is
 */
export async function whileItWorks(parts: OpenTurnParts, turn: OpenTurn, signal: AbortSignal): Promise<void> {
  let told = new AbortController();
  const leave = parts.bus.subscribe(({ type, data }) => {
    if (type === 'session.changed' && data.session_id === turn.session_id) told.abort();
  });
  try {
    for (;;) {
      const woken = told.signal;
      const leftMs = await timeLeft(parts, turn.id);
      if (signal.aborted)
        throw new PosternError('stopping', 'The wait for the agent was interrupted.', {
          retry: 'later',
          details: { worksOn: true },
        });
      if (leftMs <= 0) return;
      await pause(Math.min(leftMs, LOOK_AGAIN_MS), AbortSignal.any([signal, woken]));
      if (woken.aborted) told = new AbortController();
    }
  } finally {
    leave();
  }
}

async function timeLeft({ store, clock }: OpenTurnParts, turnId: string): Promise<number> {
  const row = await store.db
    .selectFrom('turns')
    .select('works_until')
    .where('id', '=', turnId)
    .executeTakeFirst();
  return (row?.works_until ?? 0) - clock.now();
}
