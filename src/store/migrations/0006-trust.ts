// The people whom an account has written to: who they are tells whether a new sender only looks like one of them.
import { type Kysely, sql } from 'kysely';
import { type ColumnTypes, tableBuilder } from '../table-builder.ts';

export const name = '0006-trust';

export async function up(db: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  await tableBuilder(db, types)(
    'correspondents',
    { account_id: 'text', address: 'text', name: 'text', noted_at: 'integer' },
    { key: ['account_id', 'address'], index: [['account_id', 'noted_at']] },
  );
  // Those of before; their names are not known.
  await sql`insert into correspondents (account_id, address, name, noted_at)
    select submissions.account_id, lower(submission_recipients.address), '', min(submissions.created_at)
    from submission_recipients join submissions on submissions.id = submission_recipients.submission_id
    group by submissions.account_id, lower(submission_recipients.address)`.execute(db);
}
