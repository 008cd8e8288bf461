// The log of attempts: what the server said of each recipient, attempt by attempt. A mail that everybody has at once needs
// no row of its own here: its recipients tell the same.
import type { SubmissionAttempt } from '../contracts/draft.ts';
import type { SubmissionRecipientsTable, SubmissionRow } from '../store/schema.ts';
import type { Reader, Tx } from '../store/store.ts';
import type { Outcome } from './attempt.ts';
import { stateAfter } from './recipient-rows.ts';

const MAX_RECIPIENTS = 100; // of an attempt; what became of all of them stands with each
const MAX_ATTEMPTS = 100; // of a submission: two days of retries are some twenty, and a person may send again

export interface EndedAttempt {
  number: number;
  at: number;
  connected: boolean;
  outcomes: readonly Outcome[];
}

export async function logAttempt(
  tx: Tx,
  id: string,
  { number, at, connected, outcomes }: EndedAttempt,
): Promise<void> {
  if (number > MAX_ATTEMPTS) return;
  const results = outcomes.slice(0, MAX_RECIPIENTS).map(({ address, failure, response }) => ({
    address,
    state: stateAfter(failure),
    response: failure ? failure.text : response,
  }));
  await tx
    .insertInto('submission_attempts')
    .values({ submission_id: id, number, at, connected: connected ? 1 : 0, results: JSON.stringify(results) })
    // One that was taken for dead and then answered after all: its answer is better than the guess.
    .onConflict((conflict) =>
      conflict
        .columns(['submission_id', 'number'])
        .doUpdateSet({ at, connected: connected ? 1 : 0, results: JSON.stringify(results) }),
    )
    .execute();
}

/** The logged attempts of these submissions, by their ids. */
export async function attemptsOf(
  reader: Reader,
  ids: readonly string[],
): Promise<Map<string, SubmissionAttempt[]>> {
  if (ids.length === 0) return new Map();
  const rows = await reader
    .selectFrom('submission_attempts')
    .selectAll()
    .where('submission_id', 'in', ids)
    .orderBy('submission_id')
    .orderBy('number')
    .execute();
  const found = new Map<string, SubmissionAttempt[]>();
  for (const { submission_id: id, number, at, connected, results } of rows) {
    const recipients = JSON.parse(results) as SubmissionAttempt['recipients'];
    found.set(id, [...(found.get(id) ?? []), { number, at, connected: connected === 1, recipients }]);
  }
  return found;
}

/** With the last attempt, where it brought the mail to all who were left. */
export function withLast(
  logged: readonly SubmissionAttempt[],
  { attempts, sent_at: at }: Pick<SubmissionRow, 'attempts' | 'sent_at'>,
  recipients: readonly SubmissionRecipientsTable[],
): SubmissionAttempt[] {
  if (at === null || attempts === 0 || logged.some(({ number }) => number === attempts)) return [...logged];
  const before = new Set(
    logged.flatMap((attempt) =>
      attempt.recipients.filter(({ state }) => state === 'sent').map(({ address }) => address),
    ),
  );
  const taken = recipients
    .filter(({ address, state }) => state === 'sent' && !before.has(address))
    .slice(0, MAX_RECIPIENTS)
    .map(({ address, response }) => ({ address, state: 'sent' as const, response }));
  return [...logged, { number: attempts, at, connected: true, recipients: taken }];
}
