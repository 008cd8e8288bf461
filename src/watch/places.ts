// Between Postern's ids and the places of messages on the IMAP server.
import type { Reader } from '../store/store.ts';

export interface LedgerPlace {
  accountId: string;
  mailbox: string;
  uidValidity: string;
  uid: number;
}

/** Where a message was seen: the latest place first, and those last from which it is known to be gone. */
export async function placesOf(db: Reader, messageId: string): Promise<LedgerPlace[]> {
  const rows = await db
    .selectFrom('locations')
    .select(['account_id', 'mailbox', 'uid_validity', 'uid'])
    .where('message_id', '=', messageId)
    .orderBy((eb) => eb('gone_at', 'is not', null))
    .orderBy('uid_validity', 'desc')
    .orderBy('uid', 'desc')
    .execute();
  return rows.map((row) => ({
    accountId: row.account_id,
    mailbox: row.mailbox,
    uidValidity: row.uid_validity,
    uid: row.uid,
  }));
}

const IDS_AT_ONCE = 500; // engines bound the variables of a statement

/** Ids of the messages that the watcher has seen there, by UID. */
export async function idsAt(
  db: Reader,
  place: Omit<LedgerPlace, 'uid'>,
  uids: readonly number[],
): Promise<Map<number, string>> {
  const ids = new Map<number, string>();
  for (let at = 0; at < uids.length; at += IDS_AT_ONCE) {
    const rows = await db
      .selectFrom('locations')
      .select(['uid', 'message_id'])
      .where('account_id', '=', place.accountId)
      .where('mailbox', '=', place.mailbox)
      .where('uid_validity', '=', place.uidValidity)
      .where('uid', 'in', uids.slice(at, at + IDS_AT_ONCE))
      .execute();
    for (const row of rows) ids.set(row.uid, row.message_id);
  }
  return ids;
}
