// What a delivery is about: the message, its account and its rule, as the ledger has them.
import type { Account, Accounts } from '../accounts/accounts.ts';
import type { MailMetadata, MessageView, Trust } from '../contracts/mail.ts';
import type { Destination } from '../contracts/rule.ts';
import { PosternError } from '../kernel/errors.ts';
import { storedTrust } from '../mail/trust.ts';
import type { DeliveriesTable } from '../store/schema.ts';
import type { Store } from '../store/store.ts';

export interface Subject {
  delivery: DeliveriesTable;
  destination: Destination;
  account: Pick<Account, 'id' | 'settings'>;
  message: {
    id: string;
    accountId: string;
    threadId: string;
    date: number;
    arrivedAt: number;
    size: number;
    kind: MessageView['kind'];
    trust: Trust;
    metadata: MailMetadata;
  };
}

/** @throws PosternError `message_missing`, and `not_found` where the account was removed */
export async function subjectOf(
  { store, accounts }: { store: Store; accounts: Pick<Accounts, 'get'> },
  delivery: DeliveriesTable,
  destination: Destination,
): Promise<Subject> {
  const row = await store.db
    .selectFrom('messages')
    .selectAll()
    .where('id', '=', delivery.message_id)
    .executeTakeFirst();
  if (!row)
    throw new PosternError('message_missing', `The message ${delivery.message_id} is not in the ledger.`);
  return {
    delivery,
    destination,
    account: await accounts.get(delivery.account_id),
    message: {
      id: row.id,
      accountId: row.account_id,
      threadId: row.thread_id,
      date: row.date,
      arrivedAt: row.arrived_at,
      size: row.size,
      kind: row.kind as MessageView['kind'],
      trust: storedTrust(row.trust),
      metadata: JSON.parse(row.metadata) as MailMetadata,
    },
  };
}
