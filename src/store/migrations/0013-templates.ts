// The answers that rules wrote from templates: one for each message, rule and action, and how many a sender got.
import type { Kysely } from 'kysely';
import { type ColumnTypes, tableBuilder } from '../table-builder.ts';

export const name = '0013-templates';

export async function up(db: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  await tableBuilder(db, types)(
    'automatic_replies',
    {
      draft_id: 'key',
      account_id: 'text',
      message_id: 'text',
      rule: 'text',
      action_index: 'integer',
      template: 'text',
      recipient: 'text',
      created_at: 'integer',
    },
    {
      unique: [['message_id', 'rule', 'action_index']],
      index: [
        ['rule', 'created_at'],
        ['rule', 'recipient', 'created_at'],
      ],
    },
  );
}
