// Deliveries in the ledger: put in with the decision of a rule, tried by jobs, shown to people, and run again by them.
import type { Accounts } from '../accounts/accounts.ts';
import type { Bus } from '../cluster/bus.ts';
import type { DeliveryState, DeliveryView } from '../contracts/delivery.ts';
import { destinationOfPool, destinationPool, mailboxLane } from '../jobs/kinds.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { JobContext, JobWorker } from '../jobs/worker.ts';
import { codeOf, explain, notFound, PosternError, retryOf } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import type { RuleSet } from '../rules/match.ts';
import type { DeliveriesTable } from '../store/schema.ts';
import { afterCommit, type Tx } from '../store/store.ts';
import { type Handled, type PostParts, post } from './post.ts';
import { subjectOf } from './subject.ts';

/** Against exhaustion only: each destination has a limit of its own, so that none stalls another. */
const DELIVERIES_AT_ONCE = 256;

export interface DeliveriesParts extends PostParts {
  jobs: JobQueue;
  worker: JobWorker;
  bus: Bus;
  log: Logger;
  accounts: Pick<Accounts, 'get'>;
  rules: () => Pick<RuleSet, 'destinations'>;
}

export interface DeliveryQuery {
  state?: DeliveryState | undefined;
  /** An account's id. */
  account?: string | undefined;
  destination?: string | undefined;
  message?: string | undefined;
  limit: number;
  /** Only those older than the delivery with this id. */
  before?: string | undefined;
}

export interface NewDelivery {
  accountId: string;
  messageId: string;
  rule: string;
  destination: string;
}

/** Puts a delivery in with the transaction that decides on it. One that was there before stays as it is. */
export async function addDelivery(
  tx: Tx,
  { jobs, now, attempts }: { jobs: JobQueue; now: number; attempts: number },
  { accountId, messageId, rule, destination }: NewDelivery,
): Promise<void> {
  const row = await tx
    .insertInto('deliveries')
    .values({
      id: newId('dlv', now),
      account_id: accountId,
      message_id: messageId,
      rule,
      destination,
      state: 'queued',
      attempts: 0,
      status: null,
      error: null,
      job_id: null,
      next_attempt_at: now,
      created_at: now,
      updated_at: now,
      handled_at: null,
    })
    .onConflict((conflict) => conflict.columns(['message_id', 'rule', 'destination']).doNothing())
    .returning('id')
    .executeTakeFirst();
  if (row) await enqueue(tx, jobs, { id: row.id, destination }, attempts);
}

const enqueue = (
  tx: Tx,
  jobs: JobQueue,
  { id, destination }: { id: string; destination: string },
  maxAttempts: number,
): Promise<void> =>
  jobs.enqueue(tx, 'delivery.post', { delivery_id: id }, { pool: destinationPool(destination), maxAttempts });

export class Deliveries {
  readonly #parts: DeliveriesParts;

  /** Registers the job that delivers. */
  constructor(parts: DeliveriesParts) {
    this.#parts = parts;
    parts.worker.handle('delivery.post', ({ delivery_id: id }, context) => this.#attempt(id, context), {
      concurrency: DELIVERIES_AT_ONCE,
      poolLimit: (pool) => parts.rules().destinations.get(destinationOfPool(pool))?.concurrency ?? 1,
      onDead: ({ delivery_id: id }: { delivery_id: string }, error) =>
        parts.store.write((tx) => this.#set(tx, id, { state: 'dead', error, next_attempt_at: null })),
    });
  }

  /** Newest first. */
  async list({
    state,
    account,
    destination,
    message,
    limit,
    before,
  }: DeliveryQuery): Promise<DeliveryView[]> {
    let query = this.#parts.store.db.selectFrom('deliveries').selectAll().orderBy('id', 'desc').limit(limit);
    if (state !== undefined) query = query.where('state', '=', state);
    if (account !== undefined) query = query.where('account_id', '=', account);
    if (destination !== undefined) query = query.where('destination', '=', destination);
    if (message !== undefined) query = query.where('message_id', '=', message);
    if (before !== undefined) query = query.where('id', '<', before);
    return (await query.execute()).map(viewOf);
  }

  /** @throws PosternError `not_found` */
  async get(id: string): Promise<DeliveryView> {
    return viewOf(await this.#row(id));
  }

  /**
   * Gives a dead delivery all its attempts again, and one that the receiver refused another time.
   * @throws PosternError `not_found`, `delivery_not_failed`
   */
  async retry(id: string): Promise<DeliveryView> {
    const { jobs, store, clock } = this.#parts;
    const row = await this.#row(id);
    const requeue = (tx: Tx, from: DeliveryState) =>
      tx
        .updateTable('deliveries')
        .set({ state: 'queued', handled_at: null, next_attempt_at: clock.now() })
        .where('id', '=', id)
        .where('state', '=', from)
        .returning('id')
        .executeTakeFirst();
    if (row.state === 'dead' && row.job_id !== null) {
      await jobs.revive(row.job_id);
      await store.write((tx) => requeue(tx, 'dead')); // unless its attempt has begun already
    } else {
      await store.write(async (tx) => {
        if (!(await requeue(tx, 'refused'))) {
          throw new PosternError('delivery_not_failed', `The delivery ${id} is ${row.state}.`, {
            hint: 'Only what is dead or was refused can be run again.',
          });
        }
        await enqueue(tx, jobs, row, this.#destination(row).attempts);
      });
    }
    return this.get(id);
  }

  async #attempt(id: string, context: JobContext): Promise<void> {
    const { store } = this.#parts;
    const row = await this.#row(id);
    if (row.state === 'delivered' || row.state === 'refused') return;
    await store.write((tx) =>
      this.#set(tx, id, {
        state: 'delivering',
        attempts: row.attempts + 1,
        job_id: context.id,
        next_attempt_at: null,
      }),
    );
    try {
      const destination = this.#destination(row);
      const subject = await subjectOf(this.#parts, row, destination);
      const attempt = { number: context.attempt, signal: context.signal };
      const handled = await post(this.#parts, subject, attempt);
      await store.write((tx) => this.#handle(tx, row, handled, destination.mark_seen, context));
    } catch (error) {
      const isTakenOver = [error, context.signal.reason].some((cause) => codeOf(cause) === 'lease_lost');
      if (!isTakenOver) await store.write((tx) => this.#note(tx, row, error, context));
      throw error;
    }
  }

  /** An attempt that failed; one that Postern's own stop interrupted does not count. */
  async #note(tx: Tx, row: DeliveriesTable, error: unknown, context: JobContext): Promise<void> {
    const retry = retryOf(error);
    const afterMs = typeof retry === 'object' ? retry.afterMs : 0;
    const again = { state: 'queued' as const, next_attempt_at: this.#parts.clock.now() + afterMs };
    if (context.signal.aborted) return this.#set(tx, row.id, { ...again, attempts: row.attempts });
    const isLast = retry === 'never' || context.lastAttempt; // then the job is dead, and says so itself
    await this.#set(tx, row.id, {
      ...(isLast ? { state: 'delivering' } : again),
      error: reasonOf(error),
      status: statusOf(error),
    });
  }

  /** What follows from an answer, in the transaction that ends the job. */
  async #handle(
    tx: Tx,
    row: DeliveriesTable,
    { outcome, status }: Handled,
    markSeen: boolean,
    context: JobContext,
  ): Promise<void> {
    const { jobs, clock, log } = this.#parts;
    await context.finish(tx);
    const error = outcome === 'refused' ? `The receiver refused it with status ${status}.` : null;
    await this.#set(tx, row.id, { state: outcome, status, error, handled_at: clock.now() });
    if (markSeen) {
      const flag = { message_id: row.message_id, add: ['\\Seen'] };
      await jobs.enqueue(tx, 'message.flag', flag, { lane: mailboxLane(row.account_id) });
    }
    if (outcome === 'refused')
      afterCommit(tx, () =>
        log.warn(
          { delivery: row.id, destination: row.destination, status },
          'the receiver refused a delivery',
        ),
      );
  }

  async #set(
    tx: Tx,
    id: string,
    change: Partial<Omit<DeliveriesTable, 'state'>> & { state: DeliveryState },
  ): Promise<void> {
    const row = await tx
      .updateTable('deliveries')
      .set({ ...change, updated_at: this.#parts.clock.now() })
      .where('id', '=', id)
      .returning(['account_id', 'message_id', 'destination'])
      .executeTakeFirst();
    if (!row) return;
    afterCommit(tx, () =>
      this.#parts.bus.publish('delivery.changed', { delivery_id: id, state: change.state, ...row }),
    );
  }

  /** @throws PosternError `destination_missing` */
  #destination({ destination: name }: { destination: string }) {
    const destination = this.#parts.rules().destinations.get(name);
    if (destination) return destination;
    throw new PosternError('destination_missing', `The destination ${name} is not in the rules any more.`, {
      hint: 'Put it back, and retry the dead letter.',
    });
  }

  async #row(id: string): Promise<DeliveriesTable> {
    const row = await this.#parts.store.db
      .selectFrom('deliveries')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst();
    if (!row) throw notFound('delivery', id);
    return row;
  }
}

/** In the words of people; what nobody foresaw is in the log. */
const reasonOf = (error: unknown): string =>
  error instanceof PosternError ? explain(error) : 'an internal error';

const statusOf = (error: unknown): number | null =>
  error instanceof PosternError && typeof error.details.status === 'number' ? error.details.status : null;

const viewOf = ({ job_id: _, ...row }: DeliveriesTable): DeliveryView => ({
  ...row,
  state: row.state as DeliveryState,
});
