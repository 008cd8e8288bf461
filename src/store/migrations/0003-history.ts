// The history of a mailbox: how far what was there before has been read, and what became of each message's place since.
import type { Kysely } from 'kysely';
import { type ColumnTypes, tableBuilder } from '../table-builder.ts';

export const name = '0003-history';

export async function up(db: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  const table = tableBuilder(db, types);
  await table(
    'backfills',
    {
      account_id: 'text',
      mailbox: 'text',
      uid_validity: 'text',
      since: 'integer?',
      next_uid: 'integer',
      to_uid: 'integer',
      total: 'integer?',
      done: 'integer',
      started_at: 'integer',
      ended_at: 'integer?',
    },
    { key: ['account_id', 'mailbox'] },
  );
  await db.schema.alterTable('mailboxes').addColumn('modseq', 'text').execute();
  await db.schema.alterTable('locations').addColumn('flags', 'text').execute();
  await db.schema.alterTable('locations').addColumn('gone_at', types.integer).execute();
}
