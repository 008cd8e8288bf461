// What became of the places where messages lie: their flags, and that they are gone. A message's row stays in any case.
import type { FetchedFlags } from '../imap/fetch-flags.ts';
import { keptQuery } from '../store/kept-query.ts';
import type { Reader, Tx } from '../store/store.ts';
import type { Checkpoint } from './checkpoints.ts';
import { flagsText } from './ledger-writes.ts';

export type MailboxPlace = Pick<Checkpoint, 'accountId' | 'mailbox' | 'uidValidity'>;

export interface PlaceChange {
  messageId: string;
  uid: number;
  /** Null: the message is not there any more. */
  flags: readonly string[] | null;
}

export interface UidSpan {
  from: number;
  to: number;
}

export interface KnownPlace {
  uid: number;
  /** As `flagsText` writes them. */
  flags: string | null;
}

const placesIn = (db: Reader, { accountId, mailbox, uidValidity }: MailboxPlace) =>
  db
    .selectFrom('locations')
    .where('account_id', '=', accountId)
    .where('mailbox', '=', mailbox)
    .where('uid_validity', '=', uidValidity);

const updateIn = (tx: Tx, { accountId, mailbox, uidValidity }: MailboxPlace) =>
  tx
    .updateTable('locations')
    .where('account_id', '=', accountId)
    .where('mailbox', '=', mailbox)
    .where('uid_validity', '=', uidValidity);

/** The lowest UID that is known, below which no change matters; null where none is known. */
export async function firstKnownUid(db: Reader, place: MailboxPlace): Promise<number | null> {
  const [row] = await lowestUid(db, place.accountId, place.mailbox, place.uidValidity);
  return row?.uid ?? null;
}

const lowestUid = keptQuery((db, accountId: string, mailbox: string, uidValidity: string) =>
  placesIn(db, { accountId, mailbox, uidValidity }).select('uid').orderBy('uid').limit(1),
);

/** The known places with the highest UIDs whose messages are there as far as is known, descending. */
export const latestPlaces = (db: Reader, place: MailboxPlace, limit: number): Promise<KnownPlace[]> =>
  placesIn(db, place)
    .select(['uid', 'flags'])
    .where('gone_at', 'is', null)
    .orderBy('uid', 'desc')
    .limit(limit)
    .execute();

/** Notes flags as a server told them: what it tells of is there. Returns those that were not known so. */
export async function noteFlags(
  tx: Tx,
  place: MailboxPlace,
  seen: readonly FetchedFlags[],
): Promise<PlaceChange[]> {
  if (seen.length === 0) return [];
  const rows = await placesIn(tx, place)
    .select(['uid', 'flags', 'gone_at', 'message_id'])
    .where(
      'uid',
      'in',
      seen.map(({ uid }) => uid),
    )
    .execute();
  const known = new Map(rows.map((row) => [row.uid, row]));
  const changes: PlaceChange[] = [];
  // Who marks a thousand messages as read leaves them with few sets of flags: one statement for each of those.
  const uidsByFlags = new Map<string, number[]>();
  for (const { uid, flags } of seen) {
    const row = known.get(uid);
    const text = flagsText(flags);
    if (!row || (row.flags === text && row.gone_at === null)) continue;
    const uids = uidsByFlags.get(text);
    if (uids) uids.push(uid);
    else uidsByFlags.set(text, [uid]);
    changes.push({ messageId: row.message_id, uid, flags: JSON.parse(text) as string[] });
  }
  for (const [text, uids] of uidsByFlags)
    await updateIn(tx, place).set({ flags: text, gone_at: null }).where('uid', 'in', uids).execute();
  return changes;
}

/** Notes that what lay there is gone: at most `limit` places, the lowest first. Returns those that were not known so. */
export async function noteGone(
  tx: Tx,
  place: MailboxPlace,
  { from, to }: UidSpan,
  now: number,
  limit: number,
): Promise<PlaceChange[]> {
  const rows = await placesIn(tx, place)
    .select(['uid', 'message_id'])
    .where('uid', '>=', from)
    .where('uid', '<=', to)
    .where('gone_at', 'is', null)
    .orderBy('uid')
    .limit(limit)
    .execute();
  const last = rows.at(-1)?.uid;
  if (last === undefined) return [];
  await updateIn(tx, place)
    .set({ gone_at: now })
    .where('uid', '>=', from)
    .where('uid', '<=', last)
    .where('gone_at', 'is', null)
    .execute();
  return rows.map(({ uid, message_id: messageId }) => ({ messageId, uid, flags: null }));
}
