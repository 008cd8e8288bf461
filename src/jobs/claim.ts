// Taking jobs that are due: by their time, of each lane the first that is left, and of a pool no more than may run at once.
import { keptQuery } from '../store/kept-query.ts';
import { literal } from '../store/literal.ts';
import type { Reader, Tx } from '../store/store.ts';
import { type Job, jobOf } from './job.ts';
import { takenBy } from './job-rows.ts';
import type { JobKind } from './kinds.ts';

export interface Lease {
  owner: string;
  now: number;
  leaseUntil: number;
}

export interface PoolLimits {
  /** How many jobs of a pool may run at once, on all nodes. */
  limitOf: (pool: string) => number;
  /** How many are claimed in one statement; a pool may run over by one less. */
  claimAtOnce: number;
}

/** The one statement of a claim: jobs that are due, by their time, and of each lane the first that is left. */
const claiming = (
  db: Reader,
  kind: string,
  owner: string,
  now: number,
  leaseUntil: number,
  limit: number,
  fullPools: readonly string[] = [],
) =>
  db
    .updateTable('jobs')
    .set((eb) => takenBy(eb, owner, now, leaseUntil))
    .where('id', 'in', (eb) =>
      eb
        .selectFrom('jobs as j')
        .select('j.id')
        .where('j.kind', '=', kind as JobKind)
        .where('j.state', '=', literal('ready'))
        .where('j.run_at', '<=', now)
        .whereRef('j.attempts', '<', 'j.max_attempts')
        .$if(fullPools.length > 0, (query) =>
          query.where((w) => w.or([w('j.pool', 'is', null), w('j.pool', 'not in', fullPools)])),
        )
        .where((w) =>
          w.not(
            w.exists(
              w
                .selectFrom('jobs as other')
                .select('other.id')
                .whereRef('other.lane', '=', 'j.lane')
                .whereRef('other.id', '<>', 'j.id')
                .where('other.state', '<>', 'dead')
                .where((o) => o.or([o('other.id', '<', o.ref('j.id')), o('other.state', '=', 'running')])),
            ),
          ),
        )
        .orderBy('j.run_at')
        .orderBy('j.id')
        .limit(limit),
    )
    .returningAll();
const claimAny = keptQuery(
  (db, kind: string, owner: string, now: number, leaseUntil: number, limit: number) =>
    claiming(db, kind, owner, now, leaseUntil, limit),
);

/** Up to `limit` jobs. @param fullPools whose jobs are left where they are */
export async function claimDue(
  db: Reader,
  kind: JobKind,
  { owner, now, leaseUntil }: Lease,
  limit: number,
  fullPools: readonly string[] = [],
): Promise<Job[]> {
  const rows =
    fullPools.length === 0
      ? await claimAny(db, kind, owner, now, leaseUntil, limit)
      : await claiming(db, kind, owner, now, leaseUntil, limit, fullPools).execute();
  return rows.sort((a, b) => (a.id < b.id ? -1 : 1)).map(jobOf);
}

/** A few at a time, since each may fill its pool. */
export async function claimWithinPools(
  tx: Tx,
  kind: JobKind,
  lease: Lease,
  limit: number,
  { limitOf, claimAtOnce }: PoolLimits,
): Promise<Job[]> {
  const claimed: Job[] = [];
  const running = new Map<string, number>();
  for (const { pool, jobs } of await runningOf(tx, kind, lease.now))
    running.set(pool as string, Number(jobs));
  while (claimed.length < limit) {
    const full = [...running].filter(([pool, count]) => count >= limitOf(pool)).map(([pool]) => pool);
    const wanted = Math.min(claimAtOnce, limit - claimed.length);
    const jobs = await claimDue(tx, kind, lease, wanted, full);
    claimed.push(...jobs);
    for (const { pool } of jobs) if (pool !== null) running.set(pool, (running.get(pool) ?? 0) + 1);
    if (jobs.length < wanted) break;
  }
  return claimed;
}

/** How many jobs of a kind run now in each pool, on all nodes. */
const runningOf = keptQuery((db, kind: string, now: number) =>
  db
    .selectFrom('jobs')
    .select((eb) => ['pool', eb.fn.countAll<number>().as('jobs')])
    .where('state', '=', literal('running'))
    .where('kind', '=', kind)
    .where('pool', 'is not', null)
    .where('lease_until', '>=', now)
    .groupBy('pool'),
);
