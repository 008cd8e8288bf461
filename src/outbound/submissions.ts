// The outbox as people see it: what is on its way, what became of it, and a person's word on what nobody knows.
import type { Bus } from '../cluster/bus.ts';
import type { SubmissionView } from '../contracts/draft.ts';
import type { Envelope } from '../drafts/composer.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Clock } from '../kernel/clock.ts';
import { notFound, PosternError } from '../kernel/errors.ts';
import type { SubmissionRecipientsTable, SubmissionRow } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import { Outbox } from './outbox.ts';

export interface SubmissionQuery {
  state?: string | undefined;
  /** An account's id. */
  account?: string | undefined;
  limit: number;
  /** Only those older than the submission with this id. */
  before?: string | undefined;
}

export class Submissions {
  readonly #store: Store;
  readonly #outbox: Outbox;

  constructor(store: Store, queue: JobQueue, clock: Clock, bus: Bus) {
    this.#store = store;
    this.#outbox = new Outbox(store, queue, clock, bus);
  }

  /** Newest first. */
  async list({ state, account, limit, before }: SubmissionQuery): Promise<SubmissionView[]> {
    let query = this.#store.db.selectFrom('submissions').selectAll().orderBy('id', 'desc').limit(limit);
    if (state !== undefined) query = query.where('state', '=', state);
    if (account !== undefined) query = query.where('account_id', '=', account);
    if (before !== undefined) query = query.where('id', '<', before);
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
    return rows.map((row) => viewOf(row, bySubmission.get(row.id) ?? []));
  }
}

function viewOf(row: SubmissionRow, recipients: readonly SubmissionRecipientsTable[]): SubmissionView {
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
    attempts: row.attempts,
    next_attempt_at: row.next_attempt_at,
    last_error: row.last_error,
    approved_by: row.approved_by,
    recipients: recipients.map(({ address, state, response }) => ({
      address,
      state: state as SubmissionView['recipients'][number]['state'],
      response,
    })),
    created_at: row.created_at,
    sent_at: row.sent_at,
  };
}
