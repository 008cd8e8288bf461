// How far each mailbox has been read: new mail by its checkpoint, and what was there before by its back-fill. The rows
// move in the transaction that writes what was read.
import type { Selectable } from 'kysely';
import type { Clock } from '../kernel/clock.ts';
import { keptQuery } from '../store/kept-query.ts';
import type { BackfillsTable, MailboxesTable } from '../store/schema.ts';
import type { Reader, Store, Tx } from '../store/store.ts';

export interface Checkpoint {
  accountId: string;
  mailbox: string;
  uidValidity: string;
  lastUid: number;
  attachedAt: number;
  renumberedTo: number;
  /** True where what is read is history: it moves the back-fill forward, and not the checkpoint of new mail. */
  isBackfill?: boolean;
}

/** What is still to be read of what was in the mailbox before. */
export interface Backfill {
  since: number | null;
  /** All that is wanted below is in the ledger. */
  nextUid: number;
  toUid: number;
  /** Null before they were counted. */
  total: number | null;
  done: number;
}

/** What SELECT told of a mailbox. */
export interface Selected {
  uidValidity: string;
  /** The UID that the next message will get. */
  uidNext: number;
  /** Whether the server itself said so: UIDNEXT never goes back, while the last UID does when mail is deleted. */
  toldUidNext: boolean;
  /** How many messages it has. */
  exists: number;
}

export interface Place {
  accountId: string;
  mailbox: string;
  /** What is there when the mailbox is first watched counts as new: all of it, or what arrived from that time on. */
  from: 'zero' | number | null;
}

export interface Attached {
  checkpoint: Checkpoint;
  /** Null where nothing of it is left to read. */
  backfill: Backfill | null;
  /** Up to where flags and removals are known; null where they are not. */
  modseq: bigint | null;
  /** True when the server renumbered the mailbox since it was last read. */
  renumbered: boolean;
}

/**
 * The checkpoint to go on from. New mail is what comes after the mailbox is watched for the first time, or after it was
 * renumbered; what is there then is read behind it, where it is wanted, and after a renumbering to recognise it.
 */
export async function attach(
  store: Store,
  clock: Clock,
  place: Place,
  selected: Selected,
): Promise<Attached> {
  const found = await attachedAsBefore(store.db, place, selected);
  if (found) return found;
  return store.write(async (tx) => {
    const row = await mailboxRow(tx, place.accountId, place.mailbox);
    const now = clock.now();
    if (row?.uid_validity === selected.uidValidity) await forgetPlaces(tx, row);
    const checkpoint: Checkpoint = {
      accountId: place.accountId,
      mailbox: place.mailbox,
      uidValidity: selected.uidValidity,
      lastUid: selected.uidNext - 1,
      attachedAt: row?.attached_at ?? (place.from === 'zero' ? 0 : (place.from ?? now)),
      renumberedTo: row ? Math.max(selected.uidNext - 1, 1) : 0, // 0 would say that it never was, of one that is empty now
    };
    const { uidValidity, lastUid, attachedAt, renumberedTo } = checkpoint;
    const values = [uidValidity, lastUid, attachedAt, renumberedTo, now] as const;
    await putMailbox(tx, place.accountId, place.mailbox, ...values);
    const backfill =
      row || place.from !== null ? await beginBackfill(tx, checkpoint, row, place, selected, now) : null;
    return { checkpoint, backfill, modseq: null, renumbered: row !== undefined };
  });
}

const putMailbox = keptQuery(
  (
    db,
    account_id: string,
    mailbox: string,
    uid_validity: string,
    last_uid: number,
    attached_at: number,
    renumbered_to: number,
    updated_at: number,
  ) => {
    const values = { uid_validity, last_uid, attached_at, renumbered_to, modseq: null, updated_at };
    return db
      .insertInto('mailboxes')
      .values({ account_id, mailbox, ...values })
      .onConflict((conflict) => conflict.columns(['account_id', 'mailbox']).doUpdateSet(values));
  },
);

async function attachedAsBefore(db: Reader, place: Place, selected: Selected): Promise<Attached | null> {
  const row = await mailboxRow(db, place.accountId, place.mailbox);
  if (row?.uid_validity !== selected.uidValidity) return null;
  // Some servers number anew after a restore without saying so by UIDVALIDITY: what they know is below what was read.
  if (selected.toldUidNext && selected.uidNext <= row.last_uid) return null;
  return {
    checkpoint: checkpointOf(row),
    backfill: await openBackfill(db, row),
    modseq: row.modseq === null ? null : BigInt(row.modseq),
    renumbered: false,
  };
}

/** Their UIDs would name other messages now. */
async function forgetPlaces(tx: Tx, row: Row): Promise<void> {
  await tx
    .deleteFrom('locations')
    .where('account_id', '=', row.account_id)
    .where('mailbox', '=', row.mailbox)
    .where('uid_validity', '=', row.uid_validity)
    .execute();
}

async function beginBackfill(
  tx: Tx,
  checkpoint: Checkpoint,
  before: Row | undefined,
  place: Place,
  selected: Selected,
  now: number,
): Promise<Backfill | null> {
  // After a renumbering all of it: what is known is only recognised by being read.
  const since = before || place.from === 'zero' ? null : place.from;
  const row: Selectable<BackfillsTable> = {
    account_id: place.accountId,
    mailbox: place.mailbox,
    uid_validity: checkpoint.uidValidity,
    since,
    next_uid: 1,
    to_uid: checkpoint.lastUid,
    total: since === null ? selected.exists : null,
    done: 0,
    started_at: now,
    ended_at: checkpoint.lastUid === 0 ? now : null,
  };
  await tx
    .insertInto('backfills')
    .values(row)
    .onConflict((conflict) => conflict.columns(['account_id', 'mailbox']).doUpdateSet(row))
    .execute();
  return row.ended_at === null ? backfillOf(row) : null;
}

async function openBackfill(
  db: Reader,
  { account_id, mailbox, uid_validity }: Row,
): Promise<Backfill | null> {
  const row = await db
    .selectFrom('backfills')
    .selectAll()
    .where('account_id', '=', account_id)
    .where('mailbox', '=', mailbox)
    .where('uid_validity', '=', uid_validity)
    .where('ended_at', 'is', null)
    .executeTakeFirst();
  return row ? backfillOf(row) : null;
}

/** The checkpoint as it stands in the ledger; undefined for a mailbox that is not watched. */
export async function storedCheckpoint(
  db: Reader,
  accountId: string,
  mailbox: string,
): Promise<Checkpoint | undefined> {
  const row = await mailboxRow(db, accountId, mailbox);
  return row && checkpointOf(row);
}

type Row = Selectable<MailboxesTable>;

// Asked of every mailbox when a process starts, which may have thousands.
const mailboxRows = keptQuery((db, accountId: string, mailbox: string) =>
  db.selectFrom('mailboxes').selectAll().where('account_id', '=', accountId).where('mailbox', '=', mailbox),
);

async function mailboxRow(db: Reader, accountId: string, mailbox: string): Promise<Row | undefined> {
  const [row] = await mailboxRows(db, accountId, mailbox);
  return row;
}

const checkpointOf = (row: Row): Checkpoint => ({
  accountId: row.account_id,
  mailbox: row.mailbox,
  uidValidity: row.uid_validity,
  lastUid: row.last_uid,
  attachedAt: row.attached_at,
  renumberedTo: row.renumbered_to,
});

const backfillOf = (row: Selectable<BackfillsTable>): Backfill => ({
  since: row.since,
  nextUid: row.next_uid,
  toUid: row.to_uid,
  total: row.total,
  done: row.done,
});

/**
 * Moves the checkpoint, or the back-fill, forward, never back, and only while the mailbox keeps its numbering.
 * @param messages how many were dealt with on the way
 */
export async function advance(
  tx: Tx,
  checkpoint: Checkpoint,
  lastUid: number,
  now: number,
  messages = 0,
): Promise<void> {
  if (checkpoint.isBackfill) return advanceBackfill(tx, checkpoint, lastUid, now, messages);
  const { accountId, mailbox, uidValidity } = checkpoint;
  await moveOn(tx, lastUid, now, accountId, mailbox, uidValidity);
}

const moveOn = keptQuery(
  (db, lastUid: number, now: number, accountId: string, mailbox: string, uidValidity: string) =>
    db
      .updateTable('mailboxes')
      .set({ last_uid: lastUid, updated_at: now })
      .where('account_id', '=', accountId)
      .where('mailbox', '=', mailbox)
      .where('uid_validity', '=', uidValidity)
      .where('last_uid', '<', lastUid),
);

async function advanceBackfill(tx: Tx, place: Checkpoint, lastUid: number, now: number, messages: number) {
  await tx
    .updateTable('backfills')
    .set((eb) => ({
      next_uid: lastUid + 1,
      done: eb('done', '+', messages),
      ended_at: eb.case().when('to_uid', '<=', lastUid).then(now).else(null).end(),
    }))
    .where('account_id', '=', place.accountId)
    .where('mailbox', '=', place.mailbox)
    .where('uid_validity', '=', place.uidValidity)
    .where('next_uid', '<=', lastUid)
    .execute();
}

/** Notes what was counted, and that nothing wanted lies below `nextUid`. */
export async function countBackfill(
  tx: Tx,
  place: Checkpoint,
  total: number,
  nextUid: number,
): Promise<void> {
  await tx
    .updateTable('backfills')
    .set({ total, next_uid: nextUid })
    .where('account_id', '=', place.accountId)
    .where('mailbox', '=', place.mailbox)
    .where('uid_validity', '=', place.uidValidity)
    .where('next_uid', '<=', nextUid)
    .execute();
}

/** Notes up to where flags and removals are known. */
export async function noteModseq(tx: Tx, place: Checkpoint, modseq: bigint): Promise<void> {
  await setModseq(tx, place.accountId, place.mailbox, place.uidValidity, String(modseq));
}

const setModseq = keptQuery((db, accountId: string, mailbox: string, uidValidity: string, modseq: string) =>
  db
    .updateTable('mailboxes')
    .set({ modseq })
    .where('account_id', '=', accountId)
    .where('mailbox', '=', mailbox)
    .where('uid_validity', '=', uidValidity),
);
