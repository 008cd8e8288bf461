// What the outbox knows beside states: who goes first, what waits and why, how much left already, and how attempts ended.
import { type Kysely, sql } from 'kysely';
import { type ColumnTypes, tableBuilder } from '../table-builder.ts';

export const name = '0018-outbox';

export async function up(db: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  const table = tableBuilder(db, types);
  const submissions = () => db.schema.alterTable('submissions');
  await submissions()
    .addColumn('priority', 'text', (column) => column.notNull().defaultTo('person'))
    .execute();
  await submissions().addColumn('not_before', types.integer).execute();
  await submissions().addColumn('broadcast_id', 'text').execute();
  await submissions().addColumn('waits_for', 'text').execute();
  await submissions().addColumn('tried_at', types.integer).execute();
  await sql`update submissions set priority = 'agent' where approved_by like 'policy:%'`.execute(db);
  // Most submissions belong to no broadcast, and are not written into this one.
  await db.schema
    .createIndex('submissions_by_broadcast_id')
    .on('submissions')
    .columns(['broadcast_id', 'id'])
    .where('broadcast_id', 'is not', null)
    .execute();
  await sql`create index submission_recipients_by_address on submission_recipients (lower(address))`.execute(
    db,
  );
  await table(
    'submission_attempts',
    { submission_id: 'text', number: 'integer', at: 'integer', connected: 'integer', results: 'text' },
    { key: ['submission_id', 'number'] },
  );
  await table(
    'send_counts',
    {
      account_id: 'text',
      scope: 'text',
      span: 'text',
      bucket_at: 'integer',
      mails: 'integer',
      recipients: 'integer',
    },
    { key: ['account_id', 'scope', 'span', 'bucket_at'], index: [['span', 'bucket_at']] },
  );
  await table('send_starts', { account_id: 'key', started_at: 'integer' });
  await table(
    'send_waits',
    { account_id: 'text', is_bulk: 'integer', until: 'integer', reason: 'text' },
    { key: ['account_id', 'is_bulk'] },
  );
}
