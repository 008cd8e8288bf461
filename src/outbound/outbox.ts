// The ledger's side of sending: every change of a submission's state, each in the caller's transaction. A change names
// the attempt that it belongs to, so that an attempt that was taken over cannot write over the one that followed it.
import type { Bus } from '../cluster/bus.ts';
import type { Envelope } from '../drafts/composer.ts';
import { mailboxLane, outboxPool } from '../jobs/kinds.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Clock } from '../kernel/clock.ts';
import { notFound, PosternError } from '../kernel/errors.ts';
import type { SubmissionRecipientsTable, SubmissionsTable } from '../store/schema.ts';
import { afterCommit, type Reader, type Store, type Tx } from '../store/store.ts';
import type { Failure } from './failures.ts';
import { nextAttemptAt } from './retry-schedule.ts';

const RESOLVE_AFTER_MS = 30_000; // a provider needs a moment to file its own copy; a look too early would say “not sent”

export interface Outgoing {
  row: SubmissionsTable;
  envelope: Envelope;
  /** In the envelope's order. */
  recipients: SubmissionRecipientsTable[];
}

/** How one attempt ended for one recipient: its failure, or the words of the server that took it. */
export interface Outcome {
  address: string;
  failure: Failure | null;
  response: string | null;
}

export class Outbox {
  readonly #store: Store;
  readonly #queue: JobQueue;
  readonly #clock: Clock;
  readonly #bus: Bus;

  constructor(store: Store, queue: JobQueue, clock: Clock, bus: Bus) {
    this.#store = store;
    this.#queue = queue;
    this.#clock = clock;
    this.#bus = bus;
  }

  /** @throws PosternError `not_found` */
  async load(id: string, reader: Reader = this.#store.db): Promise<Outgoing> {
    const row = await reader.selectFrom('submissions').selectAll().where('id', '=', id).executeTakeFirst();
    if (!row) throw notFound('submission', id);
    const recipients = await reader
      .selectFrom('submission_recipients')
      .selectAll()
      .where('submission_id', '=', id)
      .orderBy('position')
      .execute();
    return { row, envelope: JSON.parse(row.envelope) as Envelope, recipients };
  }

  /**
   * Marks the next attempt as begun and returns its number, or null where the submission is no longer as it was read.
   */
  async begin({ row }: Outgoing): Promise<number | null> {
    return this.#store.write(async (tx) => {
      const begun = await tx
        .updateTable('submissions')
        .set({ state: 'sending', attempts: row.attempts + 1, data_begun_at: null, next_attempt_at: null })
        .where('id', '=', row.id)
        .where('state', 'in', ['queued', 'sending'])
        .where('attempts', '=', row.attempts)
        .where('data_begun_at', 'is', null)
        .returning('attempts')
        .executeTakeFirst();
      if (begun) this.#tell(tx, row, 'sending');
      return begun?.attempts ?? null;
    });
  }

  /**
   * Writes down that content is about to leave. Durable when it resolves.
   * @throws PosternError `lease_lost` when another attempt has taken over, so that this one sends nothing
   */
  async markDataBegun(id: string, attempt: number): Promise<void> {
    await this.#store.write(async (tx) => {
      const marked = await tx
        .updateTable('submissions')
        .set({ data_begun_at: this.#clock.now() })
        .where('id', '=', id)
        .where('state', '=', 'sending')
        .where('attempts', '=', attempt)
        .returning('id')
        .executeTakeFirst();
      if (!marked)
        throw new PosternError('lease_lost', `The submission ${id} was taken over by another worker.`);
    });
  }

  /** Puts an attempt back that was stopped before content left: it is made again at once. */
  async putBack(tx: Tx, id: string, attempt: number): Promise<void> {
    const { row } = await this.#held(tx, id, attempt);
    const now = this.#clock.now();
    await this.#set(tx, row, { state: 'queued', next_attempt_at: now });
    await this.#enqueueSend(tx, row);
  }

  /**
   * Writes down how an attempt ended, and what follows from it.
   * @param connected whether the server answered at all
   * @throws PosternError `lease_lost` when another attempt has taken over
   */
  async conclude(
    tx: Tx,
    id: string,
    attempt: number,
    outcomes: readonly Outcome[],
    connected: boolean,
    random: number,
  ): Promise<void> {
    const { row } = await this.#held(tx, id, attempt);
    for (const { address, failure, response } of outcomes) {
      const state =
        failure === null
          ? 'sent'
          : ({ permanent: 'failed', temporary: 'queued', unknown: 'unknown' } as const)[failure.kind];
      await tx
        .updateTable('submission_recipients')
        .set({ state, response: failure ? failure.text : response })
        .where('submission_id', '=', id)
        .where('address', '=', address)
        .execute();
    }
    const troubles = outcomes.flatMap(({ failure }) => (failure ? [failure.text] : []));
    const next = nextAttemptAt(
      { attempts: attempt, createdAt: row.created_at, connected },
      this.#clock.now(),
      random,
    );
    await this.#follow(tx, row, summary(troubles), next);
  }

  /** Ends a submission that may never be sent as it is. Nothing of it left in this attempt. */
  async fail(tx: Tx, { row }: Outgoing, text: string): Promise<void> {
    await this.#held(tx, row.id, row.attempts);
    await this.#moveRecipients(tx, row.id, 'queued', 'failed', text);
    await this.#follow(tx, row, text, null);
  }

  /** An attempt whose process died while content was on its way: nobody knows how it ended. */
  async loseTrack(tx: Tx, { row }: Outgoing): Promise<void> {
    await this.#held(tx, row.id, row.attempts);
    const text = 'Postern was stopped while the mail was on its way.';
    await this.#moveRecipients(tx, row.id, 'queued', 'unknown', text);
    await this.#follow(tx, row, text, null);
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
    await this.#moveRecipients(tx, id, 'unknown', to, why);
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

  /** The submission, if it is still the given attempt's. */
  async #held(tx: Tx, id: string, attempt: number): Promise<Outgoing> {
    const outgoing = await this.load(id, tx);
    const { state, attempts } = outgoing.row;
    // `unknown`: somebody took this attempt for dead; its real answer is better than a guess.
    if (attempts === attempt && ['queued', 'sending', 'unknown'].includes(state)) return outgoing;
    throw new PosternError('lease_lost', `The submission ${id} was taken over by another worker.`);
  }

  async #moveRecipients(tx: Tx, id: string, from: string, to: string, response: string): Promise<void> {
    await tx
      .updateTable('submission_recipients')
      .set({ state: to, response })
      .where('submission_id', '=', id)
      .where('state', '=', from)
      .execute();
  }

  /** What the recipients' states make of the whole, and the jobs that follow. @param next null: no more attempts */
  async #follow(tx: Tx, row: SubmissionsTable, trouble: string | null, next: number | null): Promise<void> {
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
      await this.#giveUpOn(tx, recipients);
      const sent = has('sent');
      await this.#set(tx, row, {
        state: sent ? 'sent' : 'failed',
        last_error: trouble,
        sent_at: sent ? now : null,
        next_attempt_at: null,
      });
      if (sent) await this.#afterSending(tx, row);
    }
  }

  async #enqueueSend(tx: Tx, row: SubmissionsTable, runAt = this.#clock.now()): Promise<void> {
    const options = { pool: outboxPool(row.account_id), runAt };
    await this.#queue.enqueue(tx, 'submission.send', { submission_id: row.id }, options);
  }

  async #giveUpOn(tx: Tx, recipients: readonly SubmissionRecipientsTable[]): Promise<void> {
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

  async #afterSending(tx: Tx, row: SubmissionsTable): Promise<void> {
    const lane = mailboxLane(row.account_id);
    await this.#queue.enqueue(tx, 'submission.file', { submission_id: row.id }, { lane });
    if (row.answers_message_id !== null) {
      const flag = { message_id: row.answers_message_id, add: ['\\Answered'] };
      await this.#queue.enqueue(tx, 'message.flag', flag, { lane });
    }
  }

  async #set(tx: Tx, row: SubmissionsTable, change: Partial<SubmissionsTable>): Promise<void> {
    await tx.updateTable('submissions').set(change).where('id', '=', row.id).execute();
    this.#tell(tx, row, change.state ?? row.state);
  }

  #tell(tx: Tx, row: SubmissionsTable, state: string): void {
    const { id: submission_id, account_id, draft_id } = row;
    const data = { submission_id, account_id, draft_id, state };
    afterCommit(tx, () => this.#bus.publish('submission.changed', data));
  }
}

const MAX_TROUBLES = 3; // of 300 recipients, some examples say enough

function summary(troubles: readonly string[]): string | null {
  const different = [...new Set(troubles)];
  if (different.length === 0) return null;
  const more = different.length > MAX_TROUBLES ? ` … and ${different.length - MAX_TROUBLES} more` : '';
  return different.slice(0, MAX_TROUBLES).join(' | ') + more;
}
