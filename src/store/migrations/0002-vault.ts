// Rotations of the master key: which key follows which, and how far it is.
import type { Kysely } from 'kysely';
import { type ColumnTypes, tableBuilder } from '../table-builder.ts';

export const name = '0002-vault';

export async function up(db: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  const table = tableBuilder(db, types);
  await table('vault_rotations', {
    id: 'key',
    state: 'text',
    from_id: 'text',
    to_id: 'text?',
    data_keys: 'integer',
    error: 'text?',
    started_at: 'integer',
    finished_at: 'integer?',
  });
}
