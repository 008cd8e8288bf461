// Links to files that are too large for a mail, and uploads that come in parts.
import type { Kysely } from 'kysely';
import { type ColumnTypes, tableBuilder } from '../table-builder.ts';

export const name = '0017-links';

export async function up(db: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  const table = tableBuilder(db, types);
  await table(
    'links',
    {
      id: 'key',
      token_hash: 'text',
      object_id: 'text',
      filename: 'text',
      content_type: 'text',
      size: 'integer',
      account_id: 'text',
      draft_id: 'text',
      version: 'integer',
      created_at: 'integer',
      expires_at: 'integer',
      revoked_at: 'integer?',
      removed_at: 'integer?',
      max_downloads: 'integer?',
      bytes_sent: 'integer',
      last_download_at: 'integer?',
    },
    { unique: [['token_hash']], index: [['draft_id'], ['object_id']] },
  );
  await table(
    'part_uploads',
    {
      id: 'key',
      filename: 'text',
      content_type: 'text',
      uploaded_by: 'text',
      size: 'integer?',
      created_at: 'integer',
      expires_at: 'integer',
    },
    { index: [['uploaded_by']] },
  );
  await table(
    'upload_parts',
    { upload_id: 'text', number: 'integer', object_id: 'text', size: 'integer', sha256: 'text' },
    { key: ['upload_id', 'number'] },
  );
}
