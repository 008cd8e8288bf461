// The ledger's side of sending: every change of a submission's state, each in the caller's transaction. A change names
// the attempt that it belongs to, so that an attempt that was taken over cannot write over the one that followed it.
import type { Bus } from '../cluster/bus.ts';
import { mailboxLane, outboxPool, sendJob } from '../jobs/kinds.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Clock } from '../kernel/clock.ts';
import { PosternError } from '../kernel/errors.ts';
import type { SubmissionRow } from '../store/schema.ts';
import { afterCommit, type Reader, type Store, type Tx } from '../store/store.ts';
import type { Attempt, Outcome } from './attempt.ts';
import { logAttempt } from './attempt-log.ts';
import {
  beginAgain,
  beginContent,
  cancelQueued,
  countAttempt,
  holdQueued,
  takenForAll,
} from './attempt-rows.ts';
import type { Refusal } from './failures.ts';
import { loadOutgoing, type Outgoing } from './outgoing.ts';
import {
  backToQueue,
  endState,
  giveUpOn,
  hasLeft,
  leaveOut,
  moveRecipients,
  summary,
  wereTooMany,
  writeOutcomes,
} from './recipient-rows.ts';
import { nextAttemptAt } from './retry-schedule.ts';
import { SharedWrites } from './shared-writes.ts';

const RESOLVE_AFTER_MS = 30_000; // a provider needs a moment to file its own copy; a look too early would say “not sent”

export type { Attempt, Outcome } from './attempt.ts';

export class Outbox {
  readonly #store: Store;
  readonly #writes: SharedWrites;
  readonly #queue: JobQueue;
  readonly #clock: Clock;
  readonly #bus: Bus;

  constructor(store: Store, queue: JobQueue, clock: Clock, bus: Bus) {
    this.#store = store;
    this.#writes = new SharedWrites(store);
    this.#queue = queue;
    this.#clock = clock;
    this.#bus = bus;
  }

  /** What the attempts of several mails write at the same moment shares a commit. As `Store.write`. */
  write<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#writes.write(work);
  }

  /** @throws PosternError `not_found` */
  async load(id: string, reader: Reader = this.#store.db): Promise<Outgoing> {
    return loadOutgoing(reader, id);
  }

  /**
   * Writes down that an attempt is made and its content about to leave. Durable when it resolves. What comes before it, the
   * connection and the envelope, needs no word in the ledger: after a crash there it is safe to begin anew.
   * @param refused those whom the server will not send it to: whatever becomes of the others, it is not on its way to them
   * @throws PosternError `lease_lost` when another attempt has taken over, so that this one sends nothing
   */
  async begin(attempt: Attempt, refused: readonly Refusal[] = []): Promise<void> {
    const { submission, number } = attempt;
    await this.write(async (tx) => {
      // Once more where a connection that had lain idle broke in between, and another is tried at once.
      const begin = attempt.begun ? beginAgain : beginContent;
      const { signature } = attempt;
      if (!(await begin(tx, submission.id, number, this.#clock.now(), signature)))
        throw takenOver(submission.id);
      if (attempt.begun) await backToQueue(tx, submission.id);
      else await attempt.count?.(tx);
      await leaveOut(tx, submission.id, refused);
      attempt.begun = true; // now, for the write that comes next, and not only after the flush
      this.#tell(tx, submission, 'sending');
    });
  }

  /** Puts an attempt back that was stopped before content left: it is made again at once. */
  async putBack(tx: Tx, attempt: Attempt): Promise<void> {
    const { row } = await this.#held(tx, attempt);
    const now = this.#clock.now();
    await backToQueue(tx, row.id);
    await this.#set(tx, row, { state: 'queued', data_begun_at: null, next_attempt_at: now });
    await this.#enqueueSend(tx, row);
  }

  /**
   * Writes down how an attempt ended, and what follows from it.
   * @param connected whether the server answered at all
   * @param files whether the account has a copy filed in its Sent mailbox
   * @throws PosternError `lease_lost` when another attempt has taken over
   */
  async conclude(
    tx: Tx,
    attempt: Attempt,
    outcomes: readonly Outcome[],
    { connected, files, random }: { connected: boolean; files: boolean; random: number },
  ): Promise<void> {
    if (await this.#allTaken(tx, attempt, outcomes)) {
      this.#tell(tx, attempt.submission, 'sent');
      return this.#afterSending(tx, attempt.submission, files);
    }
    const { row } = await this.#held(tx, attempt);
    const now = this.#clock.now();
    const at = row.tried_at ?? now;
    await writeOutcomes(tx, row.id, outcomes);
    await logAttempt(tx, row.id, { number: attempt.number, at: now, connected, outcomes });
    const troubles = outcomes.flatMap(({ failure }) => (failure ? [failure.text] : []));
    const attempted = { attempts: attempt.number, firstAt: at, connected };
    // The server took as many recipients as it takes of one mail: the others follow at once (RFC 5321 §4.5.3.1.10).
    const next = wereTooMany(outcomes) ? now : nextAttemptAt(attempted, now, random);
    await tx.updateTable('submissions').set({ tried_at: at }).where('id', '=', row.id).execute();
    await this.#follow(tx, row, summary(troubles), next, files);
  }

  /** The common end, in two statements instead of six. @returns false where it is another one, and nothing is written */
  async #allTaken(tx: Tx, attempt: Attempt, outcomes: readonly Outcome[]): Promise<boolean> {
    const { submission, number, begun } = attempt;
    const response = outcomes[0]?.response ?? null;
    const same = outcomes.every((outcome) => outcome.failure === null && outcome.response === response);
    // Of an earlier attempt some may have it, and reports on theirs be back.
    if (!begun || number > 1 || outcomes.length === 0 || !same) return false;
    return takenForAll(tx, { id: submission.id, attempt: number, response, now: this.#clock.now() });
  }

  /** Says that a mail waits for a limit. */
  async hold(tx: Tx, row: SubmissionRow, at: number, reason: string): Promise<void> {
    const held = await holdQueued(tx, row.id, at, reason);
    if (held) this.#tell(tx, row, 'queued');
  }

  /** Ends a submission that may never be sent as it is. Nothing of it left in this attempt. */
  async fail(tx: Tx, { row }: Outgoing, text: string): Promise<void> {
    await this.#heldAs(tx, row.id, row.attempts);
    await moveRecipients(tx, row.id, 'queued', 'failed', text);
    await this.#follow(tx, row, text, null);
  }

  /** An attempt whose process died while content was on its way: nobody knows how it ended. */
  async loseTrack(tx: Tx, { row }: Outgoing): Promise<void> {
    const { recipients } = await this.#heldAs(tx, row.id, row.attempts);
    const text = 'Postern was stopped while the mail was on its way.';
    const failure = { kind: 'unknown', code: 'outcome_unknown', text } as const;
    const outcomes = recipients
      .filter(({ state }) => state === 'queued')
      .map(({ address }) => ({ address, failure, response: null }));
    await moveRecipients(tx, row.id, 'queued', 'unknown', text);
    await backToQueue(tx, row.id);
    const at = this.#clock.now();
    await logAttempt(tx, row.id, { number: row.attempts, at, connected: true, outcomes });
    await this.#follow(tx, row, text, null);
  }

  /**
   * Takes back what has not begun to leave: of it and an attempt that begins at the same moment one wins.
   * @returns false where nothing of it can be taken back (any more)
   */
  async cancel(tx: Tx, id: string, why: string): Promise<boolean> {
    if (!(await cancelQueued(tx, id, why))) return false;
    await moveRecipients(tx, id, 'queued', 'cancelled', why);
    const { row } = await this.load(id, tx);
    await this.#follow(tx, row, why, null); // some recipients may have it since an earlier attempt
    return true;
  }

  /**
   * Settles a submission in state `unknown`.
   * @param outcome `sent` and `failed` say what happened; `resend` sends it again to those of whom nothing is known
   * @param resendAt epoch milliseconds; now where absent
   * @returns false where it is not in that state (any more)
   */
  async settle(
    tx: Tx,
    id: string,
    outcome: 'sent' | 'resend' | 'failed',
    why: string,
    resendAt = this.#clock.now(),
  ): Promise<boolean> {
    const { row } = await this.load(id, tx);
    if (row.state !== 'unknown') return false;
    const to = ({ sent: 'sent', resend: 'queued', failed: 'failed' } as const)[outcome];
    await moveRecipients(tx, id, 'unknown', to, why);
    await this.#follow(tx, row, outcome === 'sent' ? null : why, resendAt);
    return true;
  }

  /** Says something about a submission where people look. */
  async note(id: string, text: string): Promise<void> {
    await this.#store.write(async (tx) => {
      const row = await tx
        .updateTable('submissions')
        .set({ last_error: text })
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirst();
      if (row) this.#tell(tx, row, row.state);
    });
  }

  /** The submission, if it is still the given attempt's. One that never began is counted here. */
  async #held(tx: Tx, { submission: { id }, number, begun }: Attempt): Promise<Outgoing> {
    if (!begun && !(await countAttempt(tx, id, number))) throw takenOver(id);
    return this.#heldAs(tx, id, number);
  }

  async #heldAs(tx: Tx, id: string, attempts: number): Promise<Outgoing> {
    const outgoing = await this.load(id, tx);
    const { row } = outgoing;
    // `unknown`: somebody took this attempt for dead; its real answer is better than a guess.
    if (row.attempts === attempts && ['queued', 'sending', 'unknown'].includes(row.state)) return outgoing;
    throw takenOver(id);
  }

  /** What the recipients' states make of the whole, and the jobs that follow. @param next null: no more attempts */
  async #follow(
    tx: Tx,
    row: SubmissionRow,
    trouble: string | null,
    next: number | null,
    files = true,
  ): Promise<void> {
    const { recipients } = await this.load(row.id, tx);
    const has = (state: string) => recipients.some((recipient) => recipient.state === state);
    const now = this.#clock.now();
    if (has('unknown')) {
      await this.#set(tx, row, { state: 'unknown', last_error: trouble });
      const runAt = now + RESOLVE_AFTER_MS;
      await this.#queue.enqueue(tx, 'submission.resolve', { submission_id: row.id }, { runAt });
    } else if (has('queued') && next !== null) {
      await this.#set(tx, row, {
        state: 'queued',
        last_error: trouble,
        next_attempt_at: next,
        data_begun_at: null,
      });
      await this.#enqueueSend(tx, row, next);
    } else {
      if (has('queued')) await giveUpOn(tx, recipients);
      const state = endState(recipients);
      const sent = hasLeft(state);
      await this.#set(tx, row, {
        state,
        waits_for: null,
        last_error: trouble,
        sent_at: sent ? now : null,
        next_attempt_at: null,
      });
      if (sent) await this.#afterSending(tx, row, files);
    }
  }

  async #enqueueSend(tx: Tx, row: SubmissionRow, runAt = this.#clock.now()): Promise<void> {
    const job = sendJob(row.priority, runAt, this.#clock.now());
    const options = { pool: outboxPool(row.account_id), runAt: job.runAt };
    await this.#queue.enqueue(tx, job.kind, { submission_id: row.id }, options);
  }

  async #afterSending(tx: Tx, row: SubmissionRow, files: boolean): Promise<void> {
    const lane = mailboxLane(row.account_id);
    if (files) await this.#queue.enqueue(tx, 'submission.file', { submission_id: row.id }, { lane });
    if (row.answers_message_id !== null) {
      const flag = { message_id: row.answers_message_id, add: ['\\Answered'] };
      await this.#queue.enqueue(tx, 'message.flag', flag, { lane });
    }
  }

  async #set(tx: Tx, row: SubmissionRow, change: Partial<SubmissionRow>): Promise<void> {
    await tx.updateTable('submissions').set(change).where('id', '=', row.id).execute();
    this.#tell(tx, row, change.state ?? row.state);
  }

  #tell(tx: Tx, row: SubmissionRow, state: string): void {
    const { id: submission_id, account_id, draft_id } = row;
    const data = { submission_id, account_id, draft_id, state };
    afterCommit(tx, () => this.#bus.publish('submission.changed', data));
  }
}

const takenOver = (id: string): PosternError =>
  new PosternError('lease_lost', `The submission ${id} was taken over by another worker.`);
