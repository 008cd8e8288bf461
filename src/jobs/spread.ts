// Jobs of a pool that may run only so many at a time: each is put off once to when its turn should be, in the order in which
// they wait, so that thousands are not looked at again and again.
import type { Clock } from '../kernel/clock.ts';
import { spreadRows } from '../store/spread-rows.ts';
import type { Tx } from '../store/store.ts';
import type { JobKind } from './kinds.ts';

/** How such jobs are known: among those that are ready, only they have it as their error. */
const WAITS = 'waits for its turn';

export interface Spread {
  kind: JobKind;
  pool: string;
  /** When the first of them may run, epoch milliseconds. */
  from: number;
  /** How many may run in how long. */
  count: number;
  windowMs: number;
}

/** Puts off whatever of the pool is due. */
export async function spreadDue(tx: Tx, { clock }: { clock: Clock }, spread: Spread): Promise<void> {
  const { kind, pool, from, count, windowMs } = spread;
  await spreadRows(tx, { kind, pool, from, count, windowMs, now: clock.now(), mark: WAITS });
}

/** When a job that is held back for the first time may run: behind those that wait already. */
export async function behindOthers(
  tx: Tx,
  id: string,
  { kind, pool, from, count, windowMs }: Spread,
): Promise<number> {
  const own = await tx.selectFrom('jobs').select('error').where('id', '=', id).executeTakeFirst();
  if (own?.error === WAITS) return from;
  const { last } = await tx
    .selectFrom('jobs')
    .select((eb) => eb.fn.max('run_at').as('last'))
    .where('pool', '=', pool)
    .where('kind', '=', kind)
    .where('state', '=', 'ready')
    .where('error', '=', WAITS)
    .executeTakeFirstOrThrow();
  return Math.max(from, Number(last ?? 0) + Math.ceil(windowMs / count));
}

/** Marks one that was put off by itself. */
export async function markSpread(tx: Tx, id: string): Promise<void> {
  await tx.updateTable('jobs').set({ error: WAITS }).where('id', '=', id).execute();
}

/** Makes due all that wait in a pool: what they wait for may be another thing now. */
export async function hastenSpread(tx: Tx, { clock }: { clock: Clock }, pool: string): Promise<void> {
  await tx
    .updateTable('jobs')
    .set({ run_at: clock.now() })
    .where('pool', '=', pool)
    .where('state', '=', 'ready')
    .where('error', '=', WAITS)
    .execute();
}
