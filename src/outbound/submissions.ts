// The outbox as people see it: what is on its way, what became of it, and a person's word on what nobody knows.
import type { Bus } from '../cluster/bus.ts';
import type { SubmissionAttempt, SubmissionView } from '../contracts/draft.ts';
import type { Envelope } from '../drafts/composer.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Clock } from '../kernel/clock.ts';
import { notFound, PosternError } from '../kernel/errors.ts';
import { beforeIdsOf } from '../kernel/ids.ts';
import type { SubmissionRecipientsTable, SubmissionRow } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import { attemptsOf, withLast } from './attempt-log.ts';
import { waitsOf } from './held-back.ts';
import { Outbox } from './outbox.ts';
import { shownState } from './recipient-rows.ts';
import { prepareReopening, type ReopenParts } from './reopen.ts';

export interface SubmissionQuery {
  state?: string | undefined;
  /** An account's id. */
  account?: string | undefined;
  limit: number;
  /** An address that it goes to. */
  recipient?: string | undefined;
  /** Only those made from then on, epoch milliseconds. */
  since?: number | undefined;
  /** Of a broadcast. */
  broadcast?: string | undefined;
  /** Only those older than the submission with this id. */
  before?: string | undefined;
}

export class Submissions {
  readonly #store: Store;
  readonly #outbox: Outbox;
  readonly #clock: Clock;
  readonly #reopen: ReopenParts | undefined;

  constructor(
    store: Store,
    queue: JobQueue,
    clock: Clock,
    bus: Bus,
    reopen?: Omit<ReopenParts, 'clock' | 'bus'>,
  ) {
    this.#store = store;
    this.#outbox = new Outbox(store, queue, clock, bus);
    this.#clock = clock;
    this.#reopen = reopen && { clock, bus, ...reopen };
  }

  /** Newest first. */
  async list(wanted: SubmissionQuery): Promise<SubmissionView[]> {
    const { state, account, recipient, since, broadcast, before } = wanted;
    let query = this.#store.db
      .selectFrom('submissions')
      .selectAll()
      .orderBy('id', 'desc')
      .limit(wanted.limit);
    if (state !== undefined) query = query.where('state', '=', state);
    if (account !== undefined) query = query.where('account_id', '=', account);
    if (broadcast !== undefined) query = query.where('broadcast_id', '=', broadcast);
    if (since !== undefined) query = query.where('id', '>=', beforeIdsOf('sub', since));
    if (before !== undefined) query = query.where('id', '<', before);
    if (recipient !== undefined)
      query = query.where('id', 'in', (eb) =>
        eb
          .selectFrom('submission_recipients')
          .select('submission_id')
          .where((w) => w(w.fn<string>('lower', ['address']), '=', recipient.toLowerCase())),
      );
    return this.#views(await query.execute());
  }

  /** @throws PosternError `not_found` */
  async get(id: string): Promise<SubmissionView> {
    const rows = await this.#store.db.selectFrom('submissions').selectAll().where('id', '=', id).execute();
    const [view] = await this.#views(rows);
    if (!view) throw notFound('submission', id);
    return view;
  }

  /**
   * What a person says of a submission in state `unknown`: the server took it, it did not, or send it again.
   * @throws PosternError `not_found`, `submission_not_unknown`
   */
  async settle(id: string, outcome: 'sent' | 'resend' | 'failed', by: string): Promise<SubmissionView> {
    const settled = await this.#store.write((tx) =>
      this.#outbox.settle(tx, id, outcome, `Settled as “${outcome}” by ${by}.`),
    );
    if (!settled) {
      throw new PosternError('submission_not_unknown', `The submission ${id} is not in state unknown.`, {
        hint: 'Read it again: somebody may have settled it already.',
      });
    }
    return this.get(id);
  }

  /**
   * Takes a mail back that has not begun to leave. What some of its recipients got in an earlier attempt they have.
   * @throws PosternError `not_found`, `submission_not_cancellable`
   */
  async cancel(
    id: string,
    by: string,
    { reopen = false }: { reopen?: boolean | undefined } = {},
  ): Promise<SubmissionView & { reopened_draft_id: string | null }> {
    const row = await this.#outbox.load(id).then((outgoing) => outgoing.row);
    const again = reopen && this.#reopen ? await prepareReopening(this.#reopen, row) : null;
    let draftId: string | null = null;
    try {
      const cancelled = await this.#store.write(async (tx) => {
        if (!(await this.#outbox.cancel(tx, id, `Cancelled by ${by}.`))) return false;
        if (again) draftId = await again.insert(tx, by);
        return true;
      });
      if (!cancelled) throw notCancellable(await this.get(id));
    } catch (error) {
      await again?.prepared.discard();
      throw error;
    }
    return { ...(await this.get(id)), reopened_draft_id: draftId };
  }

  async #views(rows: readonly SubmissionRow[]): Promise<SubmissionView[]> {
    if (rows.length === 0) return [];
    const recipients = await this.#store.db
      .selectFrom('submission_recipients')
      .selectAll()
      .where(
        'submission_id',
        'in',
        rows.map(({ id }) => id),
      )
      .orderBy('position')
      .execute();
    const bySubmission = Map.groupBy(recipients, ({ submission_id: id }) => id);
    const logged = await attemptsOf(
      this.#store.db,
      rows.map(({ id }) => id),
    );
    const now = this.#clock.now();
    const queued = rows.filter(({ state }) => state === 'queued').map(({ account_id: id }) => id);
    const waitFor = await waitsOf(this.#store.db, [...new Set(queued)], now);
    return rows.map((row) =>
      viewOf(waiting(row, waitFor(row), now), bySubmission.get(row.id) ?? [], logged.get(row.id) ?? []),
    );
  }
}

function viewOf(
  row: SubmissionRow,
  recipients: readonly SubmissionRecipientsTable[],
  logged: readonly SubmissionAttempt[],
): SubmissionView {
  return {
    id: row.id,
    state: row.state as SubmissionView['state'],
    account_id: row.account_id,
    draft_id: row.draft_id,
    session_id: row.session_id,
    message_id: row.message_id,
    from: (JSON.parse(row.envelope) as Envelope).from,
    subject: row.subject,
    digest: row.digest,
    priority: row.priority as SubmissionView['priority'],
    broadcast_id: row.broadcast_id,
    send_at: row.not_before,
    attempts: row.attempts,
    next_attempt_at: row.next_attempt_at,
    waits_for: row.waits_for,
    last_error: row.last_error,
    approved_by: row.approved_by,
    recipients: recipients.map(({ address, state, response }) => ({
      address,
      state: shownState(state),
      response,
    })),
    attempt_log: withLast(logged, row, recipients),
    created_at: row.created_at,
    sent_at: row.sent_at,
  };
}

/** With why it waits, where another mail of the account was told. */
function waiting(
  row: SubmissionRow,
  wait: { until: number; reason: string } | null,
  now: number,
): SubmissionRow {
  const { state, not_before: at, next_attempt_at: next } = row;
  if (state !== 'queued') return row;
  if (at !== null && at > now)
    return { ...row, waits_for: `It leaves at its time, ${new Date(at).toISOString()}.` };
  // One that was told a time which is over was put off once more together with others.
  if (wait === null || (next !== null && next > now)) return row;
  return { ...row, waits_for: wait.reason, next_attempt_at: wait.until };
}

const notCancellable = ({ id, state }: SubmissionView): PosternError =>
  new PosternError('submission_not_cancellable', `The submission ${id} is ${state}.`, {
    hint:
      state === 'unknown'
        ? 'Say what became of it: POST /v1/submissions/{id}/settle.'
        : 'Only what has not begun to leave can be taken back.',
  });
