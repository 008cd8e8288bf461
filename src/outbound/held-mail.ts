// Mail that policy let go and that has not left when its agent is paused: it waits in the outbox until a person resumes the
// agent. What a person approved leaves all the same.
import type { JobContext } from '../jobs/worker.ts';
import type { Clock } from '../kernel/clock.ts';
import { pauseOf, putOffJob } from '../sessions/pauses.ts';
import { keptQuery } from '../store/kept-query.ts';
import type { Store } from '../store/store.ts';

const BY_POLICY = 'policy:';

const agentOf = keptQuery((db, id: string) =>
  db
    .selectFrom('submissions')
    .innerJoin('sessions', 'sessions.id', 'submissions.session_id')
    .select(['sessions.agent', 'sessions.account_id', 'submissions.approved_by', 'submissions.state'])
    .where('submissions.id', '=', id),
);

/** Puts the job off where its agent is paused. @returns whether it did */
export async function waitsForResume(
  { store, clock }: { store: Store; clock: Clock },
  submissionId: string,
  context: JobContext,
): Promise<boolean> {
  const [mail] = await agentOf(store.db, submissionId);
  if (mail?.state !== 'queued' || !mail.approved_by.startsWith(BY_POLICY)) return false;
  if ((await pauseOf(store.db, mail)) === null) return false;
  return store.write(async (tx) => {
    if ((await pauseOf(tx, mail)) === null) return false;
    await putOffJob({ clock }, tx, context);
    return true;
  });
}
