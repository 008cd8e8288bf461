// What is noted of a text beside it: its language, what was hidden in it, and more that is read together with it.
import type { Kysely } from 'kysely';

export const name = '0009-content-notes';

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('contents').addColumn('notes', 'text').execute();
}
