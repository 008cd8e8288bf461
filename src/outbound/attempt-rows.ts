// The two writes of a mail that goes well, as one statement each and with their SQL built once: content is about to
// leave, and the server took it for all recipients.
import { keptQuery } from '../store/kept-query.ts';
import type { Tx } from '../store/store.ts';

const NO_WAIT = { next_attempt_at: null, waits_for: null };

const begin = keptQuery(
  (db, id: string, before: number, attempt: number, now: number, signature: string | null) =>
    db
      .updateTable('submissions')
      .set({ state: 'sending', attempts: attempt, data_begun_at: now, ...NO_WAIT, signature })
      .where('id', '=', id)
      .where('state', 'in', ['queued', 'sending'])
      .where('attempts', '=', before)
      .where('data_begun_at', 'is', null)
      .returning('id'),
);

/**
 * @param signature what stands above the Date line of what leaves
 * @returns false where the submission is no longer as it was before this attempt
 */
export async function beginContent(
  tx: Tx,
  id: string,
  attempt: number,
  now: number,
  signature: string | null,
): Promise<boolean> {
  return (await begin(tx, id, attempt - 1, attempt, now, signature)).length > 0;
}

const again = keptQuery((db, id: string, attempt: number, now: number) =>
  db
    .updateTable('submissions')
    .set({ data_begun_at: now })
    .where('id', '=', id)
    .where('state', '=', 'sending')
    .where('attempts', '=', attempt)
    .returning('id'),
);

/** The same for an attempt that has begun already, and of whose content nothing has left. It is signed as it was. */
export async function beginAgain(tx: Tx, id: string, attempt: number, now: number): Promise<boolean> {
  return (await again(tx, id, attempt, now)).length > 0;
}

const settle = keptQuery((db, id: string, attempt: number, now: number) =>
  db
    .updateTable('submissions')
    .set({ state: 'sent', last_error: null, sent_at: now, next_attempt_at: null })
    .where('id', '=', id)
    .where('state', '=', 'sending')
    .where('attempts', '=', attempt)
    .returning('id'),
);
const settleRecipients = keptQuery((db, id: string, response: string | null) =>
  db
    .updateTable('submission_recipients')
    .set({ state: 'sent', response })
    .where('submission_id', '=', id)
    .where('state', '=', 'queued'),
);

/**
 * All that were still to get the mail have it. @returns false where the submission is no longer this attempt's, or what
 * became of it was guessed meanwhile: then nothing is written
 */
export async function takenForAll(
  tx: Tx,
  { id, attempt, response, now }: { id: string; attempt: number; response: string | null; now: number },
): Promise<boolean> {
  if ((await settle(tx, id, attempt, now)).length === 0) return false;
  await settleRecipients(tx, id, response);
  return true;
}

/** @returns false where its content has begun to leave, or its fate is known */
export async function cancelQueued(tx: Tx, id: string, why: string): Promise<boolean> {
  const cancelled = await tx
    .updateTable('submissions')
    .set({ state: 'cancelled', last_error: why, ...NO_WAIT })
    .where('id', '=', id)
    .where('state', 'in', ['queued', 'sending'])
    .where('data_begun_at', 'is', null)
    .returning('id')
    .executeTakeFirst();
  return cancelled !== undefined;
}

/** @returns false where its content has begun to leave, or its fate is known */
export async function holdQueued(tx: Tx, id: string, at: number, reason: string): Promise<boolean> {
  const held = await tx
    .updateTable('submissions')
    .set({ state: 'queued', waits_for: reason, next_attempt_at: at })
    .where('id', '=', id)
    .where('state', 'in', ['queued', 'sending'])
    .where('data_begun_at', 'is', null)
    .returning('id')
    .executeTakeFirst();
  return held !== undefined;
}

/** Counts an attempt that ended before any content left. @returns false where another one has begun meanwhile */
export async function countAttempt(tx: Tx, id: string, number: number): Promise<boolean> {
  const counted = await tx
    .updateTable('submissions')
    .set({ attempts: number })
    .where('id', '=', id)
    .where('state', 'in', ['queued', 'sending'])
    .where('attempts', '=', number - 1)
    .where('data_begun_at', 'is', null)
    .returning('id')
    .executeTakeFirst();
  return counted !== undefined;
}
