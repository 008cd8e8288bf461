// Rules that were made in the console or over REST: each as it is now, and every version that it had.
import type { Kysely } from 'kysely';
import { type ColumnTypes, tableBuilder } from '../table-builder.ts';

export const name = '0005-rules';

export async function up(db: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  const table = tableBuilder(db, types);
  await table(
    'made_rules',
    {
      id: 'key',
      name: 'text',
      version: 'integer',
      text: 'text',
      enabled: 'integer',
      created_by: 'text',
      created_at: 'integer',
      updated_by: 'text',
      updated_at: 'integer',
    },
    { unique: [['name']] },
  );
  await table(
    'made_rule_versions',
    {
      id: 'key',
      number: 'integer',
      rule_id: 'text',
      version: 'integer',
      change: 'text',
      name: 'text',
      text: 'text',
      enabled: 'integer',
      author: 'text',
      created_at: 'integer',
    },
    { unique: [['rule_id', 'version'], ['number']] },
  );
}
