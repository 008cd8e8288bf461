// Outside consumers of mailboxes: who they are, how far each has come, and by what acknowledged mail is recognised.
import type { Kysely } from 'kysely';
import { type ColumnTypes, tableBuilder } from '../table-builder.ts';

export const name = '0002-source';

export async function up(db: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  const table = tableBuilder(db, types);
  await table(
    'source_consumers',
    {
      id: 'key',
      account_id: 'text',
      name: 'text',
      mailboxes: 'text?',
      epoch: 'integer',
      created_at: 'integer',
      last_seen_at: 'integer?',
    },
    { unique: [['account_id', 'name']] },
  );
  await table(
    'source_cursors',
    {
      consumer_id: 'text',
      mailbox: 'text',
      uid_validity: 'text',
      last_uid: 'integer',
      acknowledged: 'integer',
      skipped_before: 'integer?',
      renumbered_from: 'text?',
      renumbered_to: 'integer',
      updated_at: 'integer',
    },
    { key: ['consumer_id', 'mailbox'] },
  );
  await table(
    'source_deliveries',
    {
      consumer_id: 'text',
      mailbox: 'text',
      uid_validity: 'text',
      uid: 'integer',
      fingerprint: 'text',
      recognised: 'integer',
    },
    {
      key: ['consumer_id', 'mailbox', 'uid_validity', 'uid'],
      index: [['consumer_id', 'mailbox', 'fingerprint']],
    },
  );
}
