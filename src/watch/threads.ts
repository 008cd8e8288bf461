// Conversations as lists show them: each with its latest message.
import type { Address, MailMetadata } from '../contracts/mail.ts';
import type { Store } from '../store/store.ts';

export interface ThreadSummary {
  id: string;
  account_id: string;
  /** Of the latest message. */
  subject: string;
  from: Address | null;
  last_message_id: string;
  /** ISO 8601, UTC. */
  last_date: string;
  messages: number;
}

export interface ThreadFilter {
  account?: string | undefined;
  thread?: string | undefined;
  limit: number;
  /** Only those whose latest message came into the ledger before this one. */
  before?: string | undefined;
}

export class Threads {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Those with the latest messages first. */
  async list(filter: ThreadFilter): Promise<ThreadSummary[]> {
    let query = this.#store.db
      .selectFrom('messages')
      .select((eb) => [
        ...(['id', 'thread_id', 'account_id', 'subject', 'date', 'metadata'] as const),
        eb
          .selectFrom('messages as one')
          .select((of) => of.fn.countAll<number>().as('count'))
          .whereRef('one.thread_id', '=', 'messages.thread_id')
          .as('count'),
      ])
      .where((eb) =>
        eb.not(
          eb.exists(
            eb
              .selectFrom('messages as later')
              .select('later.id')
              .whereRef('later.thread_id', '=', 'messages.thread_id')
              .whereRef('later.id', '>', 'messages.id'),
          ),
        ),
      )
      .orderBy('messages.id', 'desc')
      .limit(filter.limit);
    if (filter.account !== undefined) query = query.where('messages.account_id', '=', filter.account);
    if (filter.thread !== undefined) query = query.where('messages.thread_id', '=', filter.thread);
    if (filter.before !== undefined) query = query.where('messages.id', '<', filter.before);
    return (await query.execute()).map((row) => ({
      id: row.thread_id,
      account_id: row.account_id,
      subject: row.subject,
      from: (JSON.parse(row.metadata) as MailMetadata).from,
      last_message_id: row.id,
      last_date: new Date(row.date).toISOString(),
      messages: Number(row.count),
    }));
  }
}
