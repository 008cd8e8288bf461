// Until when a session waits for an answer, and whose share of the workers a job takes.
import type { Kysely } from 'kysely';
import type { ColumnTypes } from '../table-builder.ts';

export const name = '0002-waits-and-pools';

export async function up(db: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  await db.schema.alterTable('sessions').addColumn('wake_at', types.integer).execute();
  await db.schema.alterTable('jobs').addColumn('pool', 'text').execute();
}
