// Files that somebody uploaded, to be attached by their id.
import type { Kysely } from 'kysely';
import { type ColumnTypes, tableBuilder } from '../table-builder.ts';

export const name = '0004-uploads';

export async function up(db: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  await tableBuilder(db, types)('uploads', {
    object_id: 'key',
    filename: 'text',
    content_type: 'text',
    uploaded_by: 'text',
    expires_at: 'integer?',
  });
}
