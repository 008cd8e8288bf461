// Endpoints of agents that said they are gone (410): they are asked no more until somebody puts them in
// use again. And turns whose agent works on after its endpoint has answered.
import type { Kysely } from 'kysely';
import { type ColumnTypes, tableBuilder } from '../table-builder.ts';

export const name = '0011-webhooks';

export async function up(db: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  await tableBuilder(db, types)(
    'disabled_endpoints',
    { endpoint: 'key', id: 'text', agent: 'text', reason: 'text', disabled_at: 'integer' },
    {},
  );
  await db.schema.alterTable('turns').addColumn('works_until', types.integer).execute();
}
