// The people whom an account has written to, as the ledger knows them: noted with each mail that leaves and each that is
// found among the sent ones, and kept in memory for those accounts that get mail. What a mail itself says of people is
// never noted: whoever sends two mails would be known with the second.
import type { Account } from '../accounts/accounts.ts';
import type { Address } from '../contracts/mail.ts';
import { KnownPeople } from '../mail/trust/known-people.ts';
import { rowInsert } from '../store/insert-rows.ts';
import { keptQuery } from '../store/kept-query.ts';
import type { Store, Tx } from '../store/store.ts';
import type { Arrival } from './arrival.ts';

const MOST_PEOPLE = 5_000; // of an account, the latest; about 1 MB
const MOST_ACCOUNTS = 200; // those that get mail at a time; the others are read again when they do
const OVERLAP_MS = 60_000; // a transaction that began earlier may be committed later
/** Where programs and providers file what was sent: nobody else can put a mail there. */
export const SENT_MAILBOX = /(^|[./])(sent|sent items|sent messages|sent mail|sent-mail)$/i;

interface Kept {
  people: KnownPeople;
  version: number;
  /** All that was noted up to then is in, but for what was committed late. */
  upTo: number;
}

const insertPeople = rowInsert(
  'correspondents',
  ['account_id', 'address', 'name', 'noted_at'],
  ['account_id', 'address'],
);
const notedSince = keptQuery((db, accountId: string, since: number, limit: number) =>
  db
    .selectFrom('correspondents')
    .select(['address', 'name', 'noted_at'])
    .where('account_id', '=', accountId)
    .where('noted_at', '>=', since)
    .orderBy('noted_at', 'desc')
    .limit(limit),
);

/** Notes whom a mail goes to, in the transaction that sends it off. */
export async function noteCorrespondents(
  tx: Tx,
  accountId: string,
  people: readonly Address[],
  now: number,
): Promise<void> {
  const rows = new Map(
    people.map(({ name, address }) => [
      address.toLowerCase(),
      { account_id: accountId, address: address.toLowerCase(), name, noted_at: now },
    ]),
  );
  await insertPeople(tx, [...rows.values()]);
}

/** Notes whom the account's own mail went to that was sent with other programs. */
export async function noteSentMail(tx: Tx, arrivals: readonly Arrival[], now: number): Promise<void> {
  for (const { kind, mailbox, account, metadata } of arrivals) {
    if (kind !== 'own' || !SENT_MAILBOX.test(mailbox)) continue;
    await noteCorrespondents(tx, account.id, [...metadata.to, ...metadata.cc], now);
  }
}

export class Correspondents {
  readonly #store: Store;
  readonly #kept = new Map<string, Kept>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** The people whom the account has written to, and itself. Each call asks for those who have come since the last one. */
  async of(account: Pick<Account, 'id' | 'version' | 'settings'>): Promise<KnownPeople> {
    let kept = this.#kept.get(account.id);
    if (kept?.version !== account.version) {
      kept = { people: new KnownPeople(), version: account.version, upTo: 0 };
      kept.people.add({ name: '', address: account.settings.address });
      this.#kept.delete(account.id);
      this.#kept.set(account.id, kept);
      const [oldest] = this.#kept.keys();
      if (this.#kept.size > MOST_ACCOUNTS && oldest !== undefined) this.#kept.delete(oldest);
    }
    const rows = await notedSince(this.#store.db, account.id, kept.upTo - OVERLAP_MS, MOST_PEOPLE);
    for (const { name, address } of rows) kept.people.add({ name, address });
    kept.upTo = Math.max(kept.upTo, rows[0]?.noted_at ?? 0);
    return kept.people;
  }
}
