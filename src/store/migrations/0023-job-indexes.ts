// Every job is put in, taken and taken away, and each index that holds it is written each time. So each state has indexes
// of its own, which answer what is asked of that state and hold nothing else; and the next job of a pool is found at once,
// however many others wait.
import { type Kysely, sql } from 'kysely';

export const name = '0023-job-indexes';

const OLD = [
  'jobs_by_state_kind_run_at',
  'jobs_by_lane_id',
  'jobs_by_state_lease_until',
  'jobs_by_pool_kind_state',
];
const NEW = [
  `create index jobs_ready on jobs (kind, run_at) where state = 'ready'`,
  `create index jobs_ready_of_pool on jobs (pool, kind, run_at) where state = 'ready' and pool is not null`,
  `create index jobs_running on jobs (kind, pool) where state = 'running'`,
  `create index jobs_dead on jobs (id) where state = 'dead'`,
  `create index jobs_in_lane on jobs (lane, id) where lane is not null`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const index of OLD) await db.schema.dropIndex(index).execute();
  for (const index of NEW) await sql.raw(index).execute(db);
}
