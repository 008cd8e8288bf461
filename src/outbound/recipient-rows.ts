// What became of each recipient of a submission, and what all of them together make of it.
import type { RecipientState, SubmissionState } from '../contracts/draft.ts';
import type { SubmissionRecipientsTable } from '../store/schema.ts';
import type { Tx } from '../store/store.ts';
import type { Outcome } from './attempt.ts';
import type { Refusal } from './failures.ts';

/** How an attempt ended for each whom it was made for. */
export async function writeOutcomes(tx: Tx, id: string, outcomes: readonly Outcome[]): Promise<void> {
  for (const { address, failure, response } of outcomes) {
    await tx
      .updateTable('submission_recipients')
      .set({ state: stateAfter(failure), response: failure ? failure.text : response })
      .where('submission_id', '=', id)
      .where('address', '=', address)
      .execute();
  }
}

export const stateAfter = (failure: Outcome['failure']): 'sent' | 'failed' | 'queued' | 'unknown' =>
  failure === null
    ? 'sent'
    : ({ permanent: 'failed', temporary: 'queued', unknown: 'unknown' } as const)[failure.kind];

export async function moveRecipients(
  tx: Tx,
  id: string,
  from: string,
  to: string,
  response: string | null,
): Promise<void> {
  await tx
    .updateTable('submission_recipients')
    .set({ state: to, response })
    .where('submission_id', '=', id)
    .where('state', '=', from)
    .execute();
}

/** The state of those whom the server refused in the envelope, while the content is on its way to the others. */
const LEFT_OUT = 'left-out';

/** Their refusal is judged when the attempt has ended; should Postern die before, they are asked for again. */
export async function leaveOut(tx: Tx, id: string, refused: readonly Refusal[]): Promise<void> {
  for (const { address, failure } of refused) {
    await tx
      .updateTable('submission_recipients')
      .set({ state: LEFT_OUT, response: failure.text })
      .where('submission_id', '=', id)
      .where('address', '=', address)
      .where('state', '=', 'queued')
      .execute();
  }
}

export async function backToQueue(tx: Tx, id: string): Promise<void> {
  await tx
    .updateTable('submission_recipients')
    .set({ state: 'queued' })
    .where('submission_id', '=', id)
    .where('state', '=', LEFT_OUT)
    .execute();
}

/** As people see it: what is left out for the moment still waits. */
export const shownState = (state: string): RecipientState =>
  (state === LEFT_OUT ? 'queued' : state) as RecipientState;

export async function giveUpOn(tx: Tx, recipients: readonly SubmissionRecipientsTable[]): Promise<void> {
  for (const { submission_id: id, position, state, response } of recipients) {
    if (state !== 'queued') continue;
    await tx
      .updateTable('submission_recipients')
      .set({ state: 'failed', response: `Given up after two days. ${response ?? ''}`.trim() })
      .where('submission_id', '=', id)
      .where('position', '=', position)
      .execute();
  }
}

/** In the order in which they weigh: reports on some recipients may be there before the last attempt for others has ended. */
const ENDS = ['complained', 'sent', 'bounced', 'cancelled'] as const;

/** What a submission is once nothing of it is on its way any more. */
export function endState(
  recipients: readonly Pick<SubmissionRecipientsTable, 'state'>[],
): Extract<SubmissionState, (typeof ENDS)[number] | 'failed'> {
  return ENDS.find((end) => recipients.some(({ state }) => state === end)) ?? 'failed';
}

/** Whether a server took it for anybody, whatever came back later. */
export const hasLeft = (state: ReturnType<typeof endState>): boolean =>
  ['complained', 'sent', 'bounced'].includes(state);

/** The server took as many as it takes of one mail. Some were taken, so that this comes to an end. */
export const wereTooMany = (outcomes: readonly Outcome[]): boolean =>
  outcomes.some(({ failure }) => failure === null) &&
  outcomes.some(({ failure }) => failure?.code === 'too_many_recipients');

const MAX_TROUBLES = 3; // of 300 recipients, some examples say enough

export function summary(troubles: readonly string[]): string | null {
  const different = [...new Set(troubles)];
  if (different.length === 0) return null;
  const more = different.length > MAX_TROUBLES ? ` … and ${different.length - MAX_TROUBLES} more` : '';
  return different.slice(0, MAX_TROUBLES).join(' | ') + more;
}
