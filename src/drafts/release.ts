// The one place where a mail gets into the outbox: with the approval of exactly these bytes, in one transaction.
import type { Bus } from '../cluster/bus.ts';
import type { Address } from '../contracts/mail.ts';
import { outboxPool } from '../jobs/kinds.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Clock } from '../kernel/clock.ts';
import { afterCommit, type Tx } from '../store/store.ts';
import { noteCorrespondents } from '../watch/correspondents.ts';
import type { Envelope } from './composer.ts';

export interface ReleaseParts {
  jobs: JobQueue;
  clock: Clock;
  bus: Bus;
}

export interface Released {
  submissionId: string;
  accountId: string;
  draftId: string;
  sessionId: string | null;
  answersMessageId: string | null;
  threadId: string | null;
  messageId: string;
  subject: string;
  digest: string;
  envelope: Envelope;
  /** All whom it goes to. */
  people: readonly Address[];
  rawObjectId: string;
  approvedBy: string;
}

/** The draft's row must say approved, with the same digest, in the same transaction. */
export async function release(tx: Tx, { jobs, clock, bus }: ReleaseParts, mail: Released): Promise<void> {
  const now = clock.now();
  await tx
    .insertInto('submissions')
    .values({
      id: mail.submissionId,
      account_id: mail.accountId,
      draft_id: mail.draftId,
      session_id: mail.sessionId,
      answers_message_id: mail.answersMessageId,
      state: 'queued',
      message_id: mail.messageId,
      subject: mail.subject,
      digest: mail.digest,
      approved_by: mail.approvedBy,
      envelope: JSON.stringify(mail.envelope),
      raw_object_id: mail.rawObjectId,
      dated_at: now,
      attempts: 0,
      next_attempt_at: now,
      data_begun_at: null,
      last_error: null,
      created_at: now,
      sent_at: null,
    })
    .execute();
  await tx
    .insertInto('submission_recipients')
    .values(
      mail.envelope.to.map((address, position) => ({
        submission_id: mail.submissionId,
        position,
        address,
        state: 'queued',
        response: null,
      })),
    )
    .execute();
  await noteCorrespondents(tx, mail.accountId, mail.people, now);
  if (mail.threadId !== null) {
    // Answers to this mail belong to its thread.
    await tx
      .insertInto('thread_references')
      .values({ account_id: mail.accountId, message_id: mail.messageId, thread_id: mail.threadId })
      .onConflict((conflict) => conflict.columns(['account_id', 'message_id']).doNothing())
      .execute();
  }
  await jobs.enqueue(
    tx,
    'submission.send',
    { submission_id: mail.submissionId },
    { pool: outboxPool(mail.accountId) },
  );
  afterCommit(tx, () =>
    bus.publish('submission.changed', {
      submission_id: mail.submissionId,
      account_id: mail.accountId,
      state: 'queued',
    }),
  );
}
