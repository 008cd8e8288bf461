// The connector: what was done over the operations, and searches that are kept by name.
import type { Kysely } from 'kysely';
import { type ColumnTypes, tableBuilder } from '../table-builder.ts';

export const name = '0002-connector';

export async function up(db: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  const table = tableBuilder(db, types);
  await table(
    'audit',
    {
      id: 'key',
      at: 'integer',
      principal: 'text',
      operation: 'text',
      target: 'text',
      outcome: 'text',
      code: 'text?',
      request_id: 'text',
    },
    { index: [['request_id']] },
  );
  await table(
    'stored_queries',
    {
      id: 'key',
      account_id: 'text',
      name: 'text',
      search: 'text',
      created_at: 'integer',
      updated_at: 'integer',
    },
    { unique: [['account_id', 'name']] },
  );
}
