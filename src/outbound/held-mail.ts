// Mail that waits in the outbox. What policy let go waits while its agent is paused, until a person resumes it; what a person
// approved leaves all the same. What is to leave later waits for its time, also where its job was woken before.
import type { JobContext } from '../jobs/worker.ts';
import type { Clock } from '../kernel/clock.ts';
import { pauseOf, putOffJob } from '../sessions/pauses.ts';
import type { SubmissionRow } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import type { ToSend } from './outgoing.ts';

const BY_POLICY = 'policy:';

/** Puts the job off where its agent is paused. @returns whether it did */
export async function waitsForResume(
  { store, clock }: { store: Store; clock: Clock },
  { row, session }: Pick<ToSend, 'row' | 'session'>,
  context: JobContext,
): Promise<boolean> {
  if (session === null || row.state !== 'queued' || !row.approved_by.startsWith(BY_POLICY)) return false;
  if ((await pauseOf(store.db, session)) === null) return false;
  return store.write(async (tx) => {
    if ((await pauseOf(tx, session)) === null) return false;
    await putOffJob({ clock }, tx, context);
    return true;
  });
}

/** Puts the job off where the mail is to leave later. @returns whether it did */
export async function waitsForItsTime(
  { store, clock }: { store: Store; clock: Clock },
  { state, not_before: at }: Pick<SubmissionRow, 'state' | 'not_before'>,
  context: JobContext,
): Promise<boolean> {
  if (state !== 'queued' || at === null || at <= clock.now()) return false;
  await store.write((tx) => context.putOff(tx, at));
  return true;
}
