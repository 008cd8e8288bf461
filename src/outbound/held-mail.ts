// Mail that policy let go and that has not left when its agent is paused: it waits in the outbox until a person resumes the
// agent. What a person approved leaves all the same.
import type { JobContext } from '../jobs/worker.ts';
import type { Clock } from '../kernel/clock.ts';
import { pauseOf, putOffJob } from '../sessions/pauses.ts';
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
