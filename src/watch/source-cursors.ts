// How far a consumer has come in each mailbox. Everything here runs inside a transaction of the ledger.
import type { MailboxState } from '../imap/read-range.ts';
import { notFound, PosternError } from '../kernel/errors.ts';
import type { SourceCursorsTable } from '../store/schema.ts';
import type { Reader, Tx } from '../store/store.ts';

const DATE_TOLERANCE_MS = 48 * 3_600_000; // mail under way for longer, in the days of a renumbering, is rare
// Of one consumer and mailbox: some 15 MB of ledger. Mail further back than that is not recognised after a renumbering.
const DELIVERIES_KEPT = 100_000;

export type Cursor = SourceCursorsTable;

export interface Beginning {
  lastUid: number;
  /** Epoch milliseconds; null where nothing is passed over. */
  skippedBefore: number | null;
}

export const FROM_ZERO: Beginning = { lastUid: 0, skippedBefore: null };

/** Stops whoever reads for the consumer under an older epoch. @throws PosternError `source_superseded` */
export async function demandEpoch(db: Reader, consumerId: string, epoch: number): Promise<void> {
  const row = await db
    .selectFrom('source_consumers')
    .select('epoch')
    .where('id', '=', consumerId)
    .executeTakeFirst();
  if (row?.epoch !== epoch) {
    throw new PosternError(
      'source_superseded',
      row ? 'Another stream was opened for this consumer, or it was moved.' : 'The consumer was removed.',
    );
  }
}

/** Stops whoever reads for the consumer now. @throws PosternError `not_found` */
export async function bumpEpoch(tx: Tx, id: string, now: number): Promise<number> {
  const row = await tx
    .updateTable('source_consumers')
    .set((eb) => ({ epoch: eb('epoch', '+', 1), last_seen_at: now }))
    .where('id', '=', id)
    .returning('epoch')
    .executeTakeFirst();
  if (!row) throw notFound('source', id);
  return row.epoch;
}

/** Puts the cursor where the consumer begins, in the place of the one that was there. */
export async function beginAt(
  tx: Tx,
  consumerId: string,
  state: MailboxState,
  { lastUid, skippedBefore }: Beginning,
  now: number,
): Promise<void> {
  const values = {
    uid_validity: state.uidValidity,
    last_uid: lastUid,
    acknowledged: 0,
    skipped_before: skippedBefore,
    renumbered_from: null,
    renumbered_to: 0,
    updated_at: now,
  };
  await tx
    .insertInto('source_cursors')
    .values({ consumer_id: consumerId, mailbox: state.mailbox, ...values })
    .onConflict((on) => on.columns(['consumer_id', 'mailbox']).doUpdateSet(values))
    .execute();
  await tx
    .deleteFrom('source_deliveries')
    .where('consumer_id', '=', consumerId)
    .where('mailbox', '=', state.mailbox)
    .where((eb) => eb.or([eb('uid', '>', lastUid), eb('uid_validity', '<>', state.uidValidity)]))
    .execute();
}

/**
 * The cursor to go on from. A mailbox that was not there before begins at zero; one that was numbered anew is read
 * again, and what was acknowledged is kept to be recognised.
 */
export async function cursorOf(
  tx: Tx,
  consumerId: string,
  state: MailboxState,
  now: number,
): Promise<Cursor> {
  const find = () =>
    tx
      .selectFrom('source_cursors')
      .selectAll()
      .where('consumer_id', '=', consumerId)
      .where('mailbox', '=', state.mailbox)
      .executeTakeFirst();
  const row = await find();
  if (row?.uid_validity === state.uidValidity) return row;
  if (!row) await beginAt(tx, consumerId, state, FROM_ZERO, now);
  else {
    const here = tx
      .deleteFrom('source_deliveries')
      .where('consumer_id', '=', consumerId)
      .where('mailbox', '=', state.mailbox);
    // Handed out and not acknowledged: it comes again. The new numbers must be free.
    await here
      .where('uid_validity', '=', row.uid_validity)
      .where('uid', '>', row.last_uid)
      .where('recognised', '=', 0)
      .execute();
    await here.where('uid_validity', '=', state.uidValidity).execute();
    await tx
      .updateTable('source_cursors')
      .set({
        uid_validity: state.uidValidity,
        last_uid: 0,
        renumbered_from: row.uid_validity,
        renumbered_to: Math.max(state.uidNext - 1, 0),
        updated_at: now,
      })
      .where('consumer_id', '=', consumerId)
      .where('mailbox', '=', state.mailbox)
      .execute();
  }
  return (await find()) as Cursor;
}

/** How many acknowledged messages wait to be recognised under a new numbering. */
export async function knownBefore(db: Reader, cursor: Cursor): Promise<number> {
  const { count } = await db
    .selectFrom('source_deliveries')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('consumer_id', '=', cursor.consumer_id)
    .where('mailbox', '=', cursor.mailbox)
    .where('uid_validity', '<>', cursor.uid_validity)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** A message that is about to be handed out. */
export interface Candidate {
  uid: number;
  fingerprint: string;
  /** Arrival, epoch milliseconds. */
  internalDate: number;
  /** Its Date header, epoch milliseconds. */
  date: number | null;
}

/**
 * Writes down what is handed out, before it is. Returns the UIDs to hand out: without those that are recognised.
 * @param nothingOpen true where all before these messages is acknowledged: then the cursor moves over what is not
 *   handed out
 */
export async function recordDeliveries(
  tx: Tx,
  cursor: Cursor,
  candidates: readonly Candidate[],
  nothingOpen: boolean,
  now: number,
): Promise<Set<number>> {
  const place = { consumer_id: cursor.consumer_id, mailbox: cursor.mailbox };
  const here = tx
    .selectFrom('source_deliveries')
    .selectAll()
    .where('consumer_id', '=', place.consumer_id)
    .where('mailbox', '=', place.mailbox);
  const rows =
    candidates.length === 0
      ? []
      : await here
          .where('uid_validity', '=', cursor.uid_validity)
          .where(
            'uid',
            'in',
            candidates.map(({ uid }) => uid),
          )
          .execute();
  const written = new Map(rows.map((row) => [row.uid, row.recognised === 1]));
  const fresh = candidates.filter(({ uid }) => !written.has(uid));
  const known =
    fresh.length === 0
      ? []
      : await here
          .where('uid_validity', '<>', cursor.uid_validity)
          .where('fingerprint', 'in', [...new Set(fresh.map(({ fingerprint }) => fingerprint))])
          .orderBy('uid_validity')
          .orderBy('uid')
          .execute();
  const skipped = new Set([...written].flatMap(([uid, recognised]) => (recognised ? [uid] : [])));
  for (const candidate of fresh) {
    const { uid, fingerprint } = candidate;
    if (isPassedOver(candidate, cursor)) {
      skipped.add(uid);
      continue;
    }
    // Copies of one mail are each recognised once: one that was not acknowledged still comes.
    const at = known.findIndex((row) => row.fingerprint === fingerprint);
    const [old] = at < 0 ? [] : known.splice(at, 1);
    if (old) {
      skipped.add(uid);
      await tx
        .deleteFrom('source_deliveries')
        .where('consumer_id', '=', place.consumer_id)
        .where('mailbox', '=', place.mailbox)
        .where('uid_validity', '=', old.uid_validity)
        .where('uid', '=', old.uid)
        .execute();
    }
    await tx
      .insertInto('source_deliveries')
      .values({ ...place, uid_validity: cursor.uid_validity, uid, fingerprint, recognised: old ? 1 : 0 })
      .execute();
  }
  const firstOpen = candidates.findIndex(({ uid }) => !skipped.has(uid));
  const passed = firstOpen < 0 ? candidates.at(-1) : candidates[firstOpen - 1];
  if (nothingOpen && passed) await moveCursor(tx, cursor, { last_uid: passed.uid }, now);
  return new Set(candidates.flatMap(({ uid }) => (skipped.has(uid) ? [] : [uid])));
}

/** Mail from before the consumer's beginning is not new because the server numbered it again. */
function isPassedOver({ uid, internalDate, date }: Candidate, cursor: Cursor): boolean {
  const { skipped_before: before, renumbered_to: to } = cursor;
  if (before === null || uid > to) return false;
  return internalDate < before || (date !== null && date < before - DATE_TOLERANCE_MS);
}

/** Drops what lies so far back that it is not kept to be recognised. */
export async function pruneDeliveries(tx: Tx, cursor: Cursor): Promise<void> {
  const { consumer_id, mailbox, uid_validity: current } = cursor;
  const oldest = await tx
    .selectFrom('source_deliveries')
    .select(['uid_validity', 'uid'])
    .where('consumer_id', '=', consumer_id)
    .where('mailbox', '=', mailbox)
    .orderBy((eb) => eb('uid_validity', '=', current), 'desc')
    .orderBy('uid_validity', 'desc')
    .orderBy('uid', 'desc')
    .offset(DELIVERIES_KEPT)
    .limit(1)
    .executeTakeFirst();
  if (!oldest) return;
  const { uid_validity: validity, uid } = oldest;
  await tx
    .deleteFrom('source_deliveries')
    .where('consumer_id', '=', consumer_id)
    .where('mailbox', '=', mailbox)
    .where((eb) => {
      const older = [eb('uid_validity', '<>', current)];
      if (validity !== current) older.push(eb('uid_validity', '<', validity));
      return eb.or([eb.and([eb('uid_validity', '=', validity), eb('uid', '<=', uid)]), eb.and(older)]);
    })
    .execute();
}

/** Moves the cursor, never back, and only while the mailbox keeps its numbering. */
export async function moveCursor(
  tx: Tx,
  cursor: Cursor,
  change: Partial<Pick<Cursor, 'last_uid' | 'acknowledged' | 'renumbered_from'>>,
  now: number,
): Promise<void> {
  await tx
    .updateTable('source_cursors')
    .set({ ...change, updated_at: now })
    .where('consumer_id', '=', cursor.consumer_id)
    .where('mailbox', '=', cursor.mailbox)
    .where('uid_validity', '=', cursor.uid_validity)
    .where('last_uid', '<=', change.last_uid ?? cursor.last_uid)
    .execute();
}
