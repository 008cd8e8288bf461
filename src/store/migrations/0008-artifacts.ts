// Attachments that events refer to: each is an object that is removed when its days are over.
import type { Kysely } from 'kysely';
import { type ColumnTypes, tableBuilder } from '../table-builder.ts';

export const name = '0008-artifacts';

export async function up(db: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  await tableBuilder(db, types)(
    'artifacts',
    {
      object_id: 'key',
      event_id: 'text',
      account_id: 'text',
      part: 'text',
      filename: 'text?',
      content_type: 'text',
      md5: 'text',
      sha1: 'text',
      expires_at: 'integer',
    },
    { unique: [['event_id', 'part']], index: [['account_id']] },
  );
}
