// How many submissions are in each state, for metrics: by an index, and up to a bound.
import { type SubmissionState, submissionState } from '../contracts/draft.ts';
import type { Reader } from '../store/store.ts';

/** What was sent stays on record for good: counting it to the end would hold up the ledger longer each year. */
const COUNT_LIMIT = 100_000;

export async function submissionFigures(db: Reader): Promise<Record<SubmissionState, number>> {
  const counts: Partial<Record<SubmissionState, number>> = {};
  for (const state of submissionState.options) {
    const rows = db.selectFrom('submissions').select('id').where('state', '=', state).limit(COUNT_LIMIT);
    const { total } = await db
      .selectFrom(rows.as('counted'))
      .select(({ fn }) => fn.countAll<number>().as('total'))
      .executeTakeFirstOrThrow();
    counts[state] = Number(total);
  }
  return counts as Record<SubmissionState, number>;
}
