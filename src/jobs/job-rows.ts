// The row of a job put in, taken and taken away: done for every job there is, so the SQL is built once.
import type { ExpressionBuilder } from 'kysely';
import { keptQuery } from '../store/kept-query.ts';
import type { Database, JobsTable } from '../store/schema.ts';
import type { Tx } from '../store/store.ts';
import type { Job } from './job.ts';

const insert = keptQuery(
  (
    db,
    id: string,
    kind: string,
    lane: string | null,
    pool: string | null,
    payload: string,
    attempts: number,
    max_attempts: number,
    run_at: number,
    state: string,
    lease_owner: string | null,
    lease_until: number | null,
    now: number,
  ) =>
    db.insertInto('jobs').values({
      ...{ id, kind, lane, pool, payload, attempts, max_attempts, run_at, lease_owner, lease_until },
      state: state as JobsTable['state'],
      error: null,
      created_at: now,
      updated_at: now,
    }),
);

/** @param lease null: it waits to be taken */
export async function insertJob(
  tx: Tx,
  job: Job,
  { now, runAt = now }: { now: number; runAt?: number | undefined },
  lease: { owner: string; until: number } | null,
): Promise<void> {
  const { id, kind, lane, pool, payload, attempts, maxAttempts } = job;
  const [owner, until] = [lease?.owner ?? null, lease?.until ?? null];
  const state = lease ? 'running' : 'ready';
  await insert(tx, id, kind, lane, pool, payload, attempts, maxAttempts, runAt, state, owner, until, now);
}

/** What makes a job one that `owner` runs: an attempt more, and a lease. */
export const takenBy = (
  eb: ExpressionBuilder<Database, 'jobs'>,
  owner: string,
  now: number,
  leaseUntil: number,
) => ({
  state: 'running' as const,
  lease_owner: owner,
  lease_until: leaseUntil,
  attempts: eb('attempts', '+', 1),
  updated_at: now,
});

/** What was removed of a job that `owner` holds; nothing where somebody else has taken it over. */
export const removeHeld = keptQuery((db, id: string, owner: string) =>
  db
    .deleteFrom('jobs')
    .where('id', '=', id)
    .where('lease_owner', '=', owner)
    .returning(['lane', 'kind', 'pool']),
);
