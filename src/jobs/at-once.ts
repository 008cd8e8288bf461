// Work that begins with the commit that puts it in: where this process has room, a job is put in as taken by it already.
// That spares a second commit, and whoever waits for an agent the time that it takes.
import { keptQuery } from '../store/kept-query.ts';
import { literal } from '../store/literal.ts';
import type { Tx } from '../store/store.ts';
import { type Job, jobOf } from './job.ts';
import { takenBy } from './job-rows.ts';
import type { JobKind } from './kinds.ts';

/** The worker of this process. */
export interface Taker {
  readonly owner: string;
  /** How many jobs of the pool may run at once; 0 where there is no room for any job of the kind. */
  roomFor(kind: JobKind, pool: string | null): number;
  /** Whether a job that ends may hand its place in its pool on to the next one. */
  handsOn(kind: JobKind): boolean;
  /** Runs a job that was put in as taken. */
  run(job: Job): void;
}

/** How many of a pool run, and one of those that wait: there may be thousands. */
const poolNow = keptQuery((db, pool: string, kind: string) =>
  db.selectNoFrom((eb) => [
    eb
      .selectFrom('jobs')
      .select((of) => of.fn.countAll<number>().as('jobs'))
      .where('pool', '=', pool)
      .where('kind', '=', kind as JobKind)
      .where('state', '=', literal('running'))
      .as('running'),
    eb
      .selectFrom('jobs')
      .select('id')
      .where('pool', '=', pool)
      .where('kind', '=', kind as JobKind)
      .where('state', '=', literal('ready'))
      .limit(1)
      .as('waits'),
  ]),
);
const firstOf = keptQuery((db, lane: string) =>
  db
    .selectFrom('jobs')
    .select(['id', 'kind', 'pool'])
    .where('lane', '=', lane)
    .where('state', '<>', 'dead')
    .orderBy('id')
    .limit(1),
);

/** Pools that were found full: asked once in a transaction, which may put in hundreds. */
const fullPools = new WeakMap<Tx, Set<string>>();

/**
 * Whether a new job may begin before any that is there: nothing else is in its lane, and nothing of its pool waits.
 * @param limit how many of the pool may run at once
 */
export async function mayBegin(
  tx: Tx,
  { kind, lane, pool }: Pick<Job, 'kind' | 'lane' | 'pool'>,
  limit: number,
): Promise<boolean> {
  if (limit <= 0) return false;
  const full = fullPools.get(tx) ?? new Set();
  fullPools.set(tx, full);
  if (pool !== null) {
    if (full.has(pool)) return false;
    const [now] = await poolNow(tx, pool, kind);
    if (!now || now.waits !== null || Number(now.running) >= limit) {
      full.add(pool);
      return false;
    }
  }
  return lane === null || (await firstOfLane(tx, lane)) === undefined;
}

export interface LaneHead {
  id: string;
  kind: JobKind;
  pool: string | null;
}

/** The first job that is left in a lane: the only one there that can be taken. */
export async function firstOfLane(tx: Tx, lane: string): Promise<LaneHead | undefined> {
  const [first] = await firstOf(tx, lane);
  return first as LaneHead | undefined;
}

const takeDue = keptQuery((db, id: string, owner: string, now: number, leaseUntil: number) =>
  db
    .updateTable('jobs')
    .set((eb) => takenBy(eb, owner, now, leaseUntil))
    .where('id', '=', id)
    .where('state', '=', literal('ready'))
    .where('run_at', '<=', now)
    .whereRef('attempts', '<', 'max_attempts')
    .returningAll(),
);

/**
 * Takes the next of a lane in the transaction that ends the one before, where this process has room. One of a pool is left
 * to its turn: others of the pool may wait for longer.
 */
export async function takeNext(
  tx: Tx,
  { id, kind, pool }: LaneHead,
  taker: Taker,
  now: number,
  leaseUntil: number,
): Promise<Job | undefined> {
  if (pool !== null || taker.roomFor(kind, null) <= 0) return undefined;
  const [row] = await takeDue(tx, id, taker.owner, now, leaseUntil);
  return row && jobOf(row);
}

const takeDueOfPool = keptQuery(
  (db, kind: string, pool: string, owner: string, now: number, leaseUntil: number) =>
    db
      .updateTable('jobs')
      .set((eb) => takenBy(eb, owner, now, leaseUntil))
      .where('id', '=', (eb) =>
        eb
          .selectFrom('jobs')
          .select('id')
          .where('pool', '=', pool)
          .where('kind', '=', kind as JobKind)
          .where('state', '=', literal('ready'))
          .where('run_at', '<=', now)
          .whereRef('attempts', '<', 'max_attempts')
          .where('lane', 'is', null)
          .orderBy('run_at')
          .limit(1),
      )
      .returningAll(),
);

/**
 * Takes the next of a pool in the transaction that ends one of it, where this process has a worker to spare: the count of
 * the pool stays as it is, and nobody has to claim. Without a spare one it is left to the claim, which is fair to all pools.
 */
export async function takeNextOfPool(
  tx: Tx,
  { kind, pool }: { kind: JobKind; pool: string },
  taker: Taker,
  now: number,
  leaseUntil: number,
): Promise<Job | undefined> {
  if (!taker.handsOn(kind) || taker.roomFor(kind, pool) <= 0) return undefined;
  const [row] = await takeDueOfPool(tx, kind, pool, taker.owner, now, leaseUntil);
  return row && jobOf(row);
}
