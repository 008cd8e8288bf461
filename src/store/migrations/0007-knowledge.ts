// Documents that rules take in: where each was found, its content once for all of them, the text of that content in
// chunks, the sinks it goes to, and the full-text index.
import { type Kysely, sql } from 'kysely';
import { type ColumnTypes, tableBuilder } from '../table-builder.ts';

export const name = '0007-knowledge';

export async function up(db: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  const table = tableBuilder(db, types);
  await table(
    'knowledge_documents',
    {
      id: 'key',
      account_id: 'text',
      message_id: 'text',
      part: 'text',
      rule: 'text',
      filename: 'text',
      declared_type: 'text?',
      max_bytes: 'integer',
      sinks: 'text',
      content_id: 'text?',
      state: 'text',
      code: 'text?',
      error: 'text?',
      job_id: 'text?',
      created_at: 'integer',
      updated_at: 'integer',
    },
    { unique: [['message_id', 'part']], index: [['content_id'], ['state']] },
  );
  await table(
    'knowledge_contents',
    {
      id: 'key',
      sha256: 'text',
      sha1: 'text',
      md5: 'text',
      size: 'integer',
      kind: 'text',
      object_id: 'text',
      state: 'text',
      type: 'text?',
      notes: 'text',
      chunks: 'integer',
      code: 'text?',
      error: 'text?',
      job_id: 'text?',
      created_at: 'integer',
      updated_at: 'integer',
    },
    { unique: [['sha256', 'kind']] },
  );
  await table(
    'knowledge_placements',
    {
      id: 'key',
      content_id: 'text',
      sink: 'text',
      state: 'text',
      done: 'integer',
      attempts: 'integer',
      status: 'integer?',
      error: 'text?',
      job_id: 'text?',
      next_attempt_at: 'integer?',
      created_at: 'integer',
      updated_at: 'integer',
      placed_at: 'integer?',
    },
    { unique: [['content_id', 'sink']], index: [['state']] },
  );
  // Numbered: the row of the index is the number of the chunk.
  const number =
    types.bytes === 'blob'
      ? 'integer primary key autoincrement'
      : 'bigint generated always as identity primary key';
  await sql`create table knowledge_chunks (
    id ${sql.raw(number)}, content_id text not null, number ${sql.raw(types.integer)} not null,
    text text not null, source text not null)`.execute(db);
  await db.schema
    .createIndex('knowledge_chunks_by_content_id_number')
    .on('knowledge_chunks')
    .columns(['content_id', 'number'])
    .unique()
    .execute();
  // Without a copy of the text, which is in the chunks. What is put in consists of words that are ready (ASCII letters and
  // digits and any letter beyond), so that the tokenizer has only white space to find. PostgreSQL will have an index of its own.
  if (types.bytes === 'blob')
    await sql`create virtual table knowledge_index using fts5(
      title, text, content='', contentless_delete=1, tokenize='ascii')`.execute(db);
}
