// How far each mailbox has been read. The row moves in the transaction that writes what was read.
import type { Clock } from '../kernel/clock.ts';
import type { MailboxesTable } from '../store/schema.ts';
import type { Reader, Store, Tx } from '../store/store.ts';

export interface Checkpoint {
  accountId: string;
  mailbox: string;
  uidValidity: string;
  lastUid: number;
  attachedAt: number;
  renumberedTo: number;
}

/** What SELECT told of a mailbox. */
export interface Selected {
  uidValidity: string;
  /** The UID that the next message will get. */
  uidNext: number;
  /** Whether the server itself said so: UIDNEXT never goes back, while the last UID does when mail is deleted. */
  toldUidNext: boolean;
}

export interface Attached {
  checkpoint: Checkpoint;
  /** True when the server renumbered the mailbox since it was last read. */
  renumbered: boolean;
}

/**
 * The checkpoint to go on from. A mailbox that is watched for the first time starts at its end, or with `fromZero` at
 * its beginning; one that was renumbered is read again, and known messages are recognised.
 */
export async function attach(
  store: Store,
  clock: Clock,
  place: { accountId: string; mailbox: string; fromZero: boolean },
  selected: Selected,
): Promise<Attached> {
  return store.write(async (tx) => {
    const row = await tx
      .selectFrom('mailboxes')
      .selectAll()
      .where('account_id', '=', place.accountId)
      .where('mailbox', '=', place.mailbox)
      .executeTakeFirst();
    const now = clock.now();
    const sameValidity = row?.uid_validity === selected.uidValidity;
    // Some servers number anew after a restore without saying so by UIDVALIDITY: what they know is below what was read.
    const goesBack = row !== undefined && selected.toldUidNext && selected.uidNext <= row.last_uid;
    if (row && sameValidity && !goesBack) return { renumbered: false, checkpoint: checkpointOf(row) };
    if (row && sameValidity) {
      await tx
        .deleteFrom('locations')
        .where('account_id', '=', place.accountId)
        .where('mailbox', '=', place.mailbox)
        .where('uid_validity', '=', row.uid_validity)
        .execute();
    }
    const checkpoint: Checkpoint = row
      ? {
          accountId: place.accountId,
          mailbox: place.mailbox,
          uidValidity: selected.uidValidity,
          lastUid: 0,
          attachedAt: row.attached_at,
          renumberedTo: Math.max(selected.uidNext - 1, 1), // 0 would say that it never was, of one that is empty now
        }
      : {
          accountId: place.accountId,
          mailbox: place.mailbox,
          uidValidity: selected.uidValidity,
          lastUid: place.fromZero ? 0 : selected.uidNext - 1,
          attachedAt: place.fromZero ? 0 : now,
          renumberedTo: 0,
        };
    const values = {
      uid_validity: checkpoint.uidValidity,
      last_uid: checkpoint.lastUid,
      attached_at: checkpoint.attachedAt,
      renumbered_to: checkpoint.renumberedTo,
      updated_at: now,
    };
    await tx
      .insertInto('mailboxes')
      .values({ account_id: place.accountId, mailbox: place.mailbox, ...values })
      .onConflict((conflict) => conflict.columns(['account_id', 'mailbox']).doUpdateSet(values))
      .execute();
    return { checkpoint, renumbered: row !== undefined };
  });
}

/** The checkpoint as it stands in the ledger; undefined for a mailbox that is not watched. */
export async function storedCheckpoint(
  db: Reader,
  accountId: string,
  mailbox: string,
): Promise<Checkpoint | undefined> {
  const row = await db
    .selectFrom('mailboxes')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('mailbox', '=', mailbox)
    .executeTakeFirst();
  return row && checkpointOf(row);
}

const checkpointOf = (row: MailboxesTable): Checkpoint => ({
  accountId: row.account_id,
  mailbox: row.mailbox,
  uidValidity: row.uid_validity,
  lastUid: row.last_uid,
  attachedAt: row.attached_at,
  renumberedTo: row.renumbered_to,
});

/** Moves the checkpoint forward, never back, and only while the mailbox keeps its numbering. */
export async function advance(tx: Tx, checkpoint: Checkpoint, lastUid: number, now: number): Promise<void> {
  await tx
    .updateTable('mailboxes')
    .set({ last_uid: lastUid, updated_at: now })
    .where('account_id', '=', checkpoint.accountId)
    .where('mailbox', '=', checkpoint.mailbox)
    .where('uid_validity', '=', checkpoint.uidValidity)
    .where('last_uid', '<', lastUid)
    .execute();
}
