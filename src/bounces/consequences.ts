// What follows from a report, in one transaction with the note of it: the state of the recipient and of the mail, an entry
// on the suppression list, and the word to whoever sent it. The same report read twice counts once.
import type { Bus } from '../cluster/bus.ts';
import type { Clock } from '../kernel/clock.ts';
import { newId } from '../kernel/ids.ts';
import { record } from '../sessions/record.ts';
import { afterCommit, type Tx } from '../store/store.ts';
import type { MatchedMail, MatchedRecipient, MatchedReport } from './match.ts';
import { suppress } from './suppressions.ts';

const DAY_MS = 24 * 3_600_000;
/** Softly refused this often, on so many days, with no delivery reported between: the mailbox is given up for a while. */
export const SOFT_BOUNCES = 5;
export const SOFT_DAYS = 3;
const SOFT_WITHIN_MS = 30 * DAY_MS;
const SOFT_FOR_MS = 90 * DAY_MS; // a mailbox that was full may be emptied

const LONGEST_ON_ITS_WAY_MS = 3_600_000; // should nobody conclude a mail any more, its report is read all the same

const LONGEST_TEXT_CHARS = 1_000;
const MOST_UNMATCHED = 20; // of one report: anybody may write one about a thousand people

export interface ConsequenceParts {
  clock: Clock;
  bus: Bus;
}

/** The report in the ledger. */
export interface ReportMessage {
  id: string;
  accountId: string;
}

/**
 * Whether the server has the mail, and the ledger does not know it yet: a report that came back so quickly is read once it
 * does, since what the attempt ends with would be written over it.
 */
export async function isOnItsWay(tx: Tx, mail: MatchedMail, now: number): Promise<boolean> {
  const row = await tx
    .selectFrom('submissions')
    .select('id')
    .where('id', '=', mail.submissionId)
    .where('state', '=', 'sending')
    .where('data_begun_at', '>', now - LONGEST_ON_ITS_WAY_MS)
    .executeTakeFirst();
  return row !== undefined;
}

/** @returns how many recipients it changed something for */
export async function follow(
  tx: Tx,
  parts: ConsequenceParts,
  message: ReportMessage,
  { mail, recipients }: MatchedReport,
): Promise<number> {
  let changed = 0;
  let unmatched = 0;
  for (const one of recipients) {
    if (one.position === null && ++unmatched > MOST_UNMATCHED) continue;
    if (!(await note(tx, parts.clock.now(), message, mail, one))) continue;
    if (mail === null || one.position === null) continue;
    if (await settleRecipient(tx, mail, one)) changed++;
    await suppressFor(tx, parts.clock.now(), mail, one);
  }
  if (mail !== null && changed > 0) await settleMail(tx, parts, mail, recipients);
  return changed;
}

/** @returns false where it was noted before */
async function note(
  tx: Tx,
  now: number,
  message: ReportMessage,
  mail: MatchedMail | null,
  { reported, position, address }: MatchedRecipient,
): Promise<boolean> {
  const isAbout = mail !== null && position !== null;
  const inserted = await tx
    .insertInto('bounces')
    .values({
      id: newId('bnc', now),
      message_id: message.id,
      account_id: isAbout ? mail.accountId : message.accountId,
      submission_id: isAbout ? mail.submissionId : null,
      address: address.slice(0, 320),
      report: reported.type,
      kind: reported.kind,
      status: reported.status,
      reason: reported.reason,
      diagnostic: reported.diagnostic?.slice(0, LONGEST_TEXT_CHARS) ?? null,
      remote_mta: reported.remoteMta?.slice(0, 255) ?? null,
      matched_by: isAbout ? mail.by : null,
      created_at: now,
    })
    .onConflict((conflict) => conflict.columns(['message_id', 'address']).doNothing())
    .returning('id')
    .executeTakeFirst();
  return inserted !== undefined;
}

/** Only what has left can come back; of what nobody knew whether it left, this is the proof. */
async function settleRecipient(
  tx: Tx,
  mail: MatchedMail,
  { reported, position }: MatchedRecipient,
): Promise<boolean> {
  const state = { bounce: 'bounced', complaint: 'complained' }[reported.type as string];
  if (state === undefined || position === null) return false;
  const from = state === 'complained' ? ['sent', 'unknown', 'bounced'] : ['sent', 'unknown'];
  const said =
    reported.diagnostic ?? [reported.status, reported.reason].filter((part) => part !== null).join(' ');
  const changed = await tx
    .updateTable('submission_recipients')
    .set({ state, response: said.slice(0, LONGEST_TEXT_CHARS) })
    .where('submission_id', '=', mail.submissionId)
    .where('position', '=', position)
    .where('state', 'in', from)
    .returning('position')
    .executeTakeFirst();
  return changed !== undefined;
}

async function suppressFor(tx: Tx, now: number, mail: MatchedMail, one: MatchedRecipient): Promise<void> {
  const { reported, address } = one;
  const entry = { address, note: reported.reason, source: mail.submissionId, by: 'report' };
  if (reported.type === 'complaint') {
    await suppress(tx, now, { ...entry, reason: 'complaint' });
  } else if (reported.type === 'bounce' && reported.kind === 'hard') {
    await suppress(tx, now, { ...entry, reason: 'hard_bounce' });
  } else if (reported.type === 'bounce' && reported.kind === 'soft' && (await isGivenUp(tx, now, address))) {
    await suppress(tx, now, { ...entry, reason: 'soft_bounces', expiresAt: now + SOFT_FOR_MS });
  }
}

/** Whether the address has refused softly too often, this time included. */
async function isGivenUp(tx: Tx, now: number, address: string): Promise<boolean> {
  const rows = await tx
    .selectFrom('bounces')
    .select(['report', 'kind', 'created_at'])
    .where('address', '=', address)
    .where('created_at', '>', now - SOFT_WITHIN_MS)
    .where('submission_id', 'is not', null)
    .orderBy('created_at', 'desc')
    .limit(100)
    .execute();
  const delivered = rows.findIndex(({ report }) => report === 'delivered');
  const since = (delivered < 0 ? rows : rows.slice(0, delivered)).filter(
    ({ report, kind }) => report === 'bounce' && kind === 'soft',
  );
  const days = new Set(since.map(({ created_at: at }) => Math.floor(at / DAY_MS)));
  return since.length >= SOFT_BOUNCES && days.size >= SOFT_DAYS;
}

/**
 * The mail as a whole: `complained` where anybody complained; `bounced` where nobody has it any more, as far as is known;
 * else as it was, and its recipients tell.
 */
async function settleMail(
  tx: Tx,
  parts: ConsequenceParts,
  mail: MatchedMail,
  reported: readonly MatchedRecipient[],
): Promise<void> {
  const rows = await tx
    .selectFrom('submission_recipients')
    .select(['state', 'address'])
    .where('submission_id', '=', mail.submissionId)
    .execute();
  const states = new Set(rows.map(({ state }) => state));
  const isOpen = ['sent', 'unknown', 'queued'].some((state) => states.has(state));
  const state = states.has('complained') ? 'complained' : !isOpen && states.has('bounced') ? 'bounced' : null;
  if (state !== null) {
    await tx
      .updateTable('submissions')
      .set({ state })
      .where('id', '=', mail.submissionId)
      .where('state', 'in', ['sent', 'unknown', 'bounced', 'complained'])
      .execute();
  }
  const row = await tx
    .selectFrom('submissions')
    .select(['state', 'account_id', 'draft_id'])
    .where('id', '=', mail.submissionId)
    .executeTakeFirstOrThrow();
  const about = reported.filter(({ position, reported: { type } }) => position !== null && isBad(type));
  if (mail.sessionId !== null) {
    const data = {
      submission_id: mail.submissionId,
      recipients: about.slice(0, 20).map(({ address, reported: { type, kind, status, reason } }) => ({
        ...{ address, report: type, kind, status, reason },
      })),
    };
    await record(parts, tx, { sessionId: mail.sessionId, turnId: null, kind: 'bounced', data });
  }
  const data = {
    submission_id: mail.submissionId,
    account_id: row.account_id,
    draft_id: row.draft_id,
    state: row.state,
  };
  const type = about.some((one) => one.reported.type === 'complaint')
    ? 'submission.complained'
    : 'submission.bounced';
  afterCommit(tx, () => {
    parts.bus.publish('submission.changed', data);
    parts.bus.publish(type, data);
  });
}

const isBad = (type: string): boolean => type === 'bounce' || type === 'complaint';
