// The records of consumers: made, and shown with their cursors.
import type { SourceConsumer } from '../contracts/source.ts';
import { PosternError } from '../kernel/errors.ts';
import type { SourceConsumersTable } from '../store/schema.ts';
import type { Reader, Tx } from '../store/store.ts';

const MAX_CONSUMERS = 100; // of one account: each is a program that somebody runs

/** False where the account has one of that name. @throws PosternError `too_many_sources` */
export async function insertConsumer(tx: Tx, row: SourceConsumersTable): Promise<boolean> {
  const others = await tx
    .selectFrom('source_consumers')
    .select('name')
    .where('account_id', '=', row.account_id)
    .execute();
  if (others.some(({ name }) => name === row.name)) return false;
  if (others.length >= MAX_CONSUMERS) {
    throw new PosternError('too_many_sources', `An account has at most ${MAX_CONSUMERS} consumers.`, {
      hint: 'Remove those that nobody uses any more.',
    });
  }
  await tx.insertInto('source_consumers').values(row).execute();
  return true;
}

export async function consumerView(db: Reader, row: SourceConsumersTable): Promise<SourceConsumer> {
  const cursors = await db
    .selectFrom('source_cursors')
    .selectAll()
    .where('consumer_id', '=', row.id)
    .orderBy('mailbox')
    .execute();
  return {
    id: row.id,
    account_id: row.account_id,
    name: row.name,
    mailboxes: row.mailboxes === null ? null : (JSON.parse(row.mailboxes) as string[]),
    cursors: cursors.map((cursor) => ({
      mailbox: cursor.mailbox,
      uid_validity: Number(cursor.uid_validity),
      uid: cursor.last_uid,
      acknowledged: cursor.acknowledged,
    })),
    created_at: row.created_at,
    last_seen_at: row.last_seen_at,
  };
}
