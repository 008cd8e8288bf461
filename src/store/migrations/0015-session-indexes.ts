// What each turn asks of the ledger is found by an index, however many mails were sent, sessions wait and jobs are queued.
import { type Kysely, sql } from 'kysely';

export const name = '0015-session-indexes';

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createIndex('drafts_by_thread_id').on('drafts').column('thread_id').execute();
  // Most jobs have no pool, and are not written into this one.
  await db.schema
    .createIndex('jobs_by_pool_kind_state')
    .on('jobs')
    .columns(['pool', 'kind', 'state'])
    .where('pool', 'is not', null)
    .execute();
  // Those that came to rest before that was noted have only their last change to go by.
  await sql`update sessions set rested_at = updated_at
    where rested_at is null and state in ('waiting-for-approval', 'waiting-for-answer', 'waiting-for-reply')`.execute(
    db,
  );
}
