// The one place where a mail gets into the outbox: with the approval of exactly these bytes, in one transaction.
import type { Bus } from '../cluster/bus.ts';
import type { SendPriority } from '../contracts/draft.ts';
import type { Address } from '../contracts/mail.ts';
import { outboxPool, sendJob } from '../jobs/kinds.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Clock } from '../kernel/clock.ts';
import { rowInsert } from '../store/insert-rows.ts';
import { keptQuery } from '../store/kept-query.ts';
import { afterCommit, type Tx } from '../store/store.ts';
import { noteCorrespondents } from '../watch/correspondents.ts';
import type { Envelope } from './composer.ts';

const BY_POLICY = 'policy:';

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

/** When it leaves, and behind whom. */
export interface Timing {
  /** Epoch milliseconds; at once where absent. */
  notBefore?: number | undefined;
  /** By whom it was approved where absent: policy's mails go behind those of people. */
  priority?: SendPriority | undefined;
  /** The broadcast that it is a part of. */
  broadcastId?: string | undefined;
}

/** What an operator says of it. */
export const timingOf = ({
  send_at: at,
  priority,
}: {
  send_at?: string | undefined;
  priority?: SendPriority | undefined;
}): Timing => ({ notBefore: at === undefined ? undefined : Date.parse(at), priority });

const insertSubmission = keptQuery(
  (
    db,
    id: string,
    account_id: string,
    draft_id: string,
    session_id: string | null,
    answers_message_id: string | null,
    message_id: string,
    subject: string,
    digest: string,
    approved_by: string,
    envelope: string,
    raw_object_id: string,
    priority: string,
    not_before: number | null,
    broadcast_id: string | null,
    now: number,
    leaves_at: number,
  ) =>
    db.insertInto('submissions').values({
      ...{
        id,
        account_id,
        draft_id,
        session_id,
        answers_message_id,
        message_id,
        subject,
        digest,
        approved_by,
      },
      ...{ envelope, raw_object_id, priority, not_before, broadcast_id },
      ...{ created_at: now, dated_at: leaves_at, next_attempt_at: leaves_at },
      ...{ state: 'queued', attempts: 0, data_begun_at: null, last_error: null, sent_at: null },
    }),
);
const insertRecipients = rowInsert(
  'submission_recipients',
  ['submission_id', 'position', 'address', 'state', 'response'],
  ['submission_id', 'position'],
);
const insertReference = rowInsert(
  'thread_references',
  ['account_id', 'message_id', 'thread_id'],
  ['account_id', 'message_id'],
);

/** The draft's row must say approved, with the same digest, in the same transaction. */
export async function release(
  tx: Tx,
  { jobs, clock, bus }: ReleaseParts,
  mail: Released,
  timing: Timing = {},
): Promise<void> {
  const now = clock.now();
  const notBefore = timing.notBefore !== undefined && timing.notBefore > now ? timing.notBefore : null;
  const priority = timing.priority ?? (mail.approvedBy.startsWith(BY_POLICY) ? 'agent' : 'person');
  await insertSubmission(
    tx,
    mail.submissionId,
    mail.accountId,
    mail.draftId,
    mail.sessionId,
    mail.answersMessageId,
    mail.messageId,
    mail.subject,
    mail.digest,
    mail.approvedBy,
    JSON.stringify(mail.envelope),
    mail.rawObjectId,
    priority,
    notBefore,
    timing.broadcastId ?? null,
    now,
    notBefore ?? now,
  );
  await insertRecipients(
    tx,
    mail.envelope.to.map((address, position) => ({
      submission_id: mail.submissionId,
      position,
      address,
      state: 'queued',
      response: null,
    })),
  );
  await noteCorrespondents(tx, mail.accountId, mail.people, now);
  if (mail.threadId !== null) {
    // Answers to this mail belong to its thread.
    await insertReference(tx, [
      { account_id: mail.accountId, message_id: mail.messageId, thread_id: mail.threadId },
    ]);
  }
  const { kind, runAt } = sendJob(priority, notBefore ?? now, now);
  await jobs.enqueue(
    tx,
    kind,
    { submission_id: mail.submissionId },
    { pool: outboxPool(mail.accountId), runAt },
  );
  afterCommit(tx, () =>
    bus.publish('submission.changed', {
      submission_id: mail.submissionId,
      account_id: mail.accountId,
      state: 'queued',
    }),
  );
}
