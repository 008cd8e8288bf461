// Domains that mail is sent from, with the public halves of their DKIM keys; the private ones are in the vault. And the
// signature that a submission left with, so that what left can be shown and filed as it was.
import type { Kysely } from 'kysely';
import { type ColumnTypes, tableBuilder } from '../table-builder.ts';

export const name = '0019-domains';

export async function up(db: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  const table = tableBuilder(db, types);
  await table(
    'domains',
    { id: 'key', name: 'text', created_at: 'integer', updated_at: 'integer' },
    { unique: [['name']] },
  );
  await table(
    'dkim_keys',
    {
      id: 'key',
      domain_id: 'text',
      selector: 'text',
      algorithm: 'text',
      bits: 'integer',
      public_key: 'text',
      state: 'text',
      seen_at: 'integer?',
      checked_at: 'integer?',
      problem: 'text?',
      created_at: 'integer',
      active_at: 'integer?',
      retiring_at: 'integer?',
      retired_at: 'integer?',
    },
    { unique: [['domain_id', 'selector']], index: [['state']] },
  );
  await db.schema.alterTable('submissions').addColumn('signature', 'text').execute();
}
