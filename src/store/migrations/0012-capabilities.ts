// What a session's token is worth, what it has used of that, and what the session has read that is not to be trusted.
import type { Kysely } from 'kysely';
import type { ColumnTypes } from '../table-builder.ts';

export const name = '0012-capabilities';

export async function up(db: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  const sessions = () => db.schema.alterTable('sessions');
  await sessions().addColumn('capability', 'text').execute();
  await sessions()
    .addColumn('taint', 'text', (column) => column.notNull().defaultTo('[]'))
    .execute();
  for (const used of ['calls_used', 'bytes_used'])
    await sessions()
      .addColumn(used, types.integer, (column) => column.notNull().defaultTo(0))
      .execute();
}
