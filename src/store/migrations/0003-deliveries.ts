// Messages on their way to a website: one row for a message, a rule and a destination.
import type { Kysely } from 'kysely';
import { type ColumnTypes, tableBuilder } from '../table-builder.ts';

export const name = '0003-deliveries';

export async function up(db: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  await tableBuilder(db, types)(
    'deliveries',
    {
      id: 'key',
      account_id: 'text',
      message_id: 'text',
      rule: 'text',
      destination: 'text',
      state: 'text',
      attempts: 'integer',
      status: 'integer?',
      error: 'text?',
      job_id: 'text?',
      next_attempt_at: 'integer?',
      created_at: 'integer',
      updated_at: 'integer',
      handled_at: 'integer?',
    },
    { unique: [['message_id', 'rule', 'destination']], index: [['state'], ['destination']] },
  );
}
