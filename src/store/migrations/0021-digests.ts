// Digests: when each is due next, each time that one was made, and the broadcasts that come of them, with the state of every
// recipient.
import type { Kysely } from 'kysely';
import { type ColumnTypes, tableBuilder } from '../table-builder.ts';

export const name = '0021-digests';

export async function up(db: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  const table = tableBuilder(db, types);
  await table('digest_schedules', {
    name: 'key',
    cron: 'text',
    timezone: 'text',
    next_at: 'integer?',
    paused_at: 'integer?',
    paused_by: 'text?',
    created_at: 'integer',
    updated_at: 'integer',
  });
  await table(
    'digest_firings',
    {
      id: 'key',
      digest: 'text',
      occasion: 'text',
      scheduled_for: 'integer',
      cause: 'text',
      state: 'text',
      definition: 'text',
      broadcast_id: 'text?',
      error: 'text?',
      created_at: 'integer',
      ended_at: 'integer?',
    },
    { unique: [['digest', 'occasion']], index: [['digest', 'scheduled_for']] },
  );
  await table(
    'broadcasts',
    {
      id: 'key',
      account_id: 'text',
      name: 'text',
      digest_name: 'text?',
      firing_id: 'text?',
      state: 'text',
      digest: 'text',
      content_object_id: 'text',
      sample: 'text',
      reasons: 'text',
      total: 'integer',
      made_by: 'text',
      feedback: 'text?',
      decided_by: 'text?',
      decided_at: 'integer?',
      error: 'text?',
      report_to: 'text',
      created_at: 'integer',
      updated_at: 'integer',
      started_at: 'integer?',
      ended_at: 'integer?',
    },
    { unique: [['firing_id']], index: [['state'], ['digest_name']] },
  );
  await table(
    'broadcast_recipients',
    {
      broadcast_id: 'text',
      position: 'integer',
      address: 'text',
      state: 'text',
      submission_id: 'text?',
      note: 'text?',
      updated_at: 'integer',
    },
    {
      key: ['broadcast_id', 'position'],
      unique: [['broadcast_id', 'address']],
      index: [['broadcast_id', 'state', 'position'], ['submission_id']],
    },
  );
}
