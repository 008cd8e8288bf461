// To whom no mail goes any more and why, and the reports that came back of what left.
import type { Kysely } from 'kysely';
import { type ColumnTypes, tableBuilder } from '../table-builder.ts';

export const name = '0020-suppressions';

export async function up(db: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  const table = tableBuilder(db, types);
  await table(
    'suppressions',
    {
      id: 'key',
      scope: 'text',
      value: 'text',
      list: 'text',
      reason: 'text',
      note: 'text?',
      source: 'text?',
      created_by: 'text',
      created_at: 'integer',
      expires_at: 'integer?',
    },
    { unique: [['value', 'scope', 'list']] },
  );
  await table(
    'bounces',
    {
      id: 'key',
      message_id: 'text',
      account_id: 'text',
      submission_id: 'text?',
      address: 'text',
      report: 'text',
      kind: 'text',
      status: 'text?',
      reason: 'text',
      diagnostic: 'text?',
      remote_mta: 'text?',
      matched_by: 'text?',
      created_at: 'integer',
    },
    {
      unique: [['message_id', 'address']],
      index: [['submission_id'], ['address', 'created_at']],
    },
  );
}
