// Durable work: put in with a transaction, claimed by one statement, ended in the transaction that holds its effects.
import type { Clock } from '../kernel/clock.ts';
import { notFound, PosternError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { literal } from '../store/literal.ts';
import { afterCommit, type Store, type Tx } from '../store/store.ts';
import { firstOfLane, mayBegin, type Taker, takeNext, takeNextOfPool } from './at-once.ts';
import { claimDue, claimWithinPools, type PoolLimits } from './claim.ts';
import { type DeadLetter, deadLetterOf } from './dead-letter.ts';
import { type EnqueueOptions, idAfter, type Job, jobOf } from './job.ts';
import { insertJob, removeHeld } from './job-rows.ts';
import type { JobKind, JobPayload } from './kinds.ts';
import { JobTimes } from './set-back.ts';

export const LEASE_MS = 30_000; // a node that dies is missed after this long
const DEFAULT_ATTEMPTS = 10;

export class JobQueue {
  readonly times: JobTimes;
  readonly #store: Store;
  readonly #clock: Clock;
  #wake: (kind: JobKind | null, pool?: string | null) => void = () => undefined;
  #taker: Taker | undefined;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    this.times = new JobTimes(store, clock, LEASE_MS);
  }

  /** Whom to tell, after the commit, that there is work of a kind, or (null) of any: the next in a lane is free. */
  onEnqueue(wake: (kind: JobKind | null, pool?: string | null) => void): void {
    this.#wake = wake;
  }

  /** Who runs jobs in this process, for those that are to begin at once. */
  takenBy(taker: Taker): void {
    this.#taker = taker;
  }

  /** Puts a job in with the transaction: it exists if and only if the transaction commits. */
  async enqueue<K extends JobKind>(
    tx: Tx,
    kind: K,
    payload: JobPayload<K>,
    options: EnqueueOptions = {},
  ): Promise<void> {
    await this.put(tx, kind, payload, options);
  }

  /** The same. @returns whether it begins with the commit (`atOnce`) */
  async put<K extends JobKind>(
    tx: Tx,
    kind: K,
    payload: JobPayload<K>,
    options: EnqueueOptions,
  ): Promise<boolean> {
    const now = this.#clock.now();
    const job: Job = {
      id: options.inPlaceOf ? idAfter(options.inPlaceOf) : newId('job', now),
      kind,
      lane: options.lane ?? null,
      pool: options.pool ?? null,
      payload: JSON.stringify(payload),
      attempts: 0,
      maxAttempts: options.maxAttempts ?? DEFAULT_ATTEMPTS,
    };
    const taker = options.atOnce && this.#taker;
    const taken = taker && (await mayBegin(tx, job, taker.roomFor(kind, job.pool))) ? taker : null;
    if (taken) job.attempts = 1;
    const lease = taken ? { owner: taken.owner, until: now + LEASE_MS } : null;
    await insertJob(tx, job, { now, runAt: options.runAt }, lease);
    afterCommit(tx, () => (taken ? taken.run(job) : this.#wake(kind, job.pool)));
    return Boolean(taken);
  }

  /**
   * Takes up to `limit` jobs of a kind that are due. Of a lane only the first job that is left can be taken, so that a
   * lane runs in order also while its first job waits for another attempt.
   */
  async claim(kind: JobKind, owner: string, limit: number): Promise<Job[]> {
    const now = this.#clock.now();
    return claimDue(this.#store.db, kind, { owner, now, leaseUntil: now + LEASE_MS }, limit);
  }

  /** The same for a kind whose jobs have pools: all that is taken at once, and the count before it, are one transaction. */
  async claimByPool(kind: JobKind, owner: string, limit: number, pools: PoolLimits): Promise<Job[]> {
    const now = this.#clock.now();
    const lease = { owner, now, leaseUntil: now + LEASE_MS };
    return this.#store.write((tx) => claimWithinPools(tx, kind, lease, limit, pools));
  }

  /**
   * Makes due again what is held under a lease that ran out.
   * @param held ids of jobs that this process runs at this moment: after a machine slept, their leases have run out too
   * @returns whether there was any
   */
  async freeExpired(held: readonly string[] = []): Promise<boolean> {
    const now = this.#clock.now();
    const { numUpdatedRows } = await this.#store.db
      .updateTable('jobs')
      .set({ state: 'ready', run_at: now, lease_owner: null, lease_until: null, updated_at: now })
      .where('state', '=', literal('running'))
      .where('lease_until', '<', now)
      .whereRef('attempts', '<', 'max_attempts')
      .$if(held.length > 0, (query) => query.where('id', 'not in', held))
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /**
   * Takes jobs whose last attempt ended with its process, only to bury them: what kills a node must not kill the next
   * one for ever.
   */
  async claimCrashed(owner: string, held: readonly string[] = []): Promise<Job[]> {
    const now = this.#clock.now();
    const rows = await this.#store.db
      .updateTable('jobs')
      .set({ lease_owner: owner, lease_until: now + LEASE_MS, updated_at: now })
      .where('state', '=', literal('running'))
      .where('lease_until', '<', now)
      .whereRef('attempts', '>=', 'max_attempts')
      .$if(held.length > 0, (query) => query.where('id', 'not in', held))
      .returningAll()
      .execute();
    return rows.map(jobOf);
  }

  /**
   * Ends a job in the transaction that holds its effects.
   * @returns whether its place in its pool is taken by the next one with the commit
   * @throws PosternError `lease_lost` when somebody else has taken it over, which undoes the transaction
   */
  async finish(tx: Tx, id: string, owner: string): Promise<boolean> {
    const [row] = await removeHeld(tx, id, owner);
    if (!row) throw new PosternError('lease_lost', `The job ${id} was taken over by another worker.`);
    const taker = this.#taker;
    const now = this.#clock.now();
    if (row.lane === null) {
      const { kind, pool } = row;
      if (!taker || pool === null) return false;
      const taken = await takeNextOfPool(tx, { kind: kind as JobKind, pool }, taker, now, now + LEASE_MS);
      if (taken) afterCommit(tx, () => taker.run(taken));
      return taken !== undefined;
    }
    const next = await firstOfLane(tx, row.lane); // looking for every kind would cost a statement for each
    if (!next) return false;
    const taken = taker && (await takeNext(tx, next, taker, now, now + LEASE_MS));
    afterCommit(tx, () => (taken ? taker.run(taken) : this.#wake(next.kind)));
    return false;
  }

  /** Ends a job whose effects were committed before. @returns as `finish` */
  async end(id: string, owner: string): Promise<boolean> {
    return this.#store.write((tx) => this.finish(tx, id, owner));
  }

  /** Gives a job back for another attempt at `runAt`. */
  async retry(id: string, owner: string, runAt: number, error: string): Promise<void> {
    await this.#release(id, owner, { state: 'ready', run_at: runAt, error });
  }

  /** Gives a job back whose attempt does not count, because a stop interrupted it or the ledger was at fault. */
  async putBack(id: string, owner: string, runAt?: number): Promise<void> {
    await this.#store.write((tx) => this.putOff(tx, id, owner, runAt));
  }

  /** The same in a transaction. */
  async putOff(tx: Tx, id: string, owner: string, runAt?: number): Promise<void> {
    const now = this.#clock.now();
    await tx
      .updateTable('jobs')
      .set((eb) => ({
        state: 'ready' as const,
        run_at: runAt ?? now,
        attempts: eb('attempts', '-', 1),
        lease_owner: null,
        lease_until: null,
        updated_at: now,
      }))
      .where('id', '=', id)
      .where('lease_owner', '=', owner)
      .execute();
  }

  /** Makes due at once what waits and would be due within `withinMs`. */
  async hasten(tx: Tx, kind: JobKind, withinMs: number): Promise<void> {
    const now = this.#clock.now();
    await tx
      .updateTable('jobs')
      .set({ run_at: now, updated_at: now })
      .where('kind', '=', kind)
      .where('state', '=', literal('ready'))
      .where('run_at', '>', now)
      .where('run_at', '<=', now + withinMs)
      .execute();
    afterCommit(tx, () => this.#wake(kind));
  }

  /** Ends a job without success; it stays visible and can be run again. The rest of its lane goes on. */
  async bury(id: string, owner: string, error: string): Promise<void> {
    await this.#release(id, owner, { state: 'dead', error });
    this.#wake(null);
  }

  async #release(
    id: string,
    owner: string,
    change: { state: 'ready' | 'dead'; run_at?: number; error: string },
  ) {
    await this.#store.db
      .updateTable('jobs')
      .set({ ...change, lease_owner: null, lease_until: null, updated_at: this.#clock.now() })
      .where('id', '=', id)
      .where('lease_owner', '=', owner)
      .execute();
  }

  /** Prolongs the leases of `ids`; returns those that are still held by `owner`. */
  async heartbeat(ids: readonly string[], owner: string): Promise<Set<string>> {
    const rows = await this.#store.db
      .updateTable('jobs')
      .set({ lease_until: this.#clock.now() + LEASE_MS })
      .where('id', 'in', ids)
      .where('lease_owner', '=', owner)
      .returning('id')
      .execute();
    return new Set(rows.map((row) => row.id));
  }

  /** Ends the leases of workers that are known to be gone, so that nobody waits for them to run out. */
  async releaseLeasesOf(isGone: (owner: string) => boolean): Promise<void> {
    const owners = await this.#store.db
      .selectFrom('jobs')
      .select('lease_owner')
      .distinct()
      .where('state', '=', literal('running'))
      .execute();
    const gone = owners.map((row) => row.lease_owner).filter((owner) => owner !== null && isGone(owner));
    if (gone.length === 0) return;
    await this.#store.db
      .updateTable('jobs')
      .set({ lease_until: 0 })
      .where('state', '=', literal('running'))
      .where('lease_owner', 'in', gone)
      .execute();
  }

  async deadLetters(limit: number, before?: string): Promise<DeadLetter[]> {
    let query = this.#store.db
      .selectFrom('jobs')
      .selectAll()
      .where('state', '=', literal('dead'))
      .orderBy('id', 'desc')
      .limit(limit);
    if (before !== undefined) query = query.where('id', '<', before);
    const rows = await query.execute();
    return rows.map(deadLetterOf);
  }

  /** Gives a dead letter all its attempts again. @throws PosternError `not_found` */
  async revive(id: string): Promise<void> {
    const now = this.#clock.now();
    const row = await this.#store.db
      .updateTable('jobs')
      .set({ state: 'ready', attempts: 0, run_at: now, updated_at: now })
      .where('id', '=', id)
      .where('state', '=', literal('dead'))
      .returning('kind')
      .executeTakeFirst();
    if (!row) throw notFound('dead letter', id);
    this.#wake(row.kind as JobKind);
  }

  /** The same for all dead letters of a kind in these pools. @returns how many */
  async reviveAll(kind: JobKind, pools: readonly string[]): Promise<number> {
    if (pools.length === 0) return 0;
    const now = this.#clock.now();
    const { numUpdatedRows } = await this.#store.db
      .updateTable('jobs')
      .set({ state: 'ready', attempts: 0, run_at: now, updated_at: now })
      .where('state', '=', literal('dead'))
      .where('kind', '=', kind)
      .where('pool', 'in', pools)
      .executeTakeFirst();
    this.#wake(kind);
    return Number(numUpdatedRows);
  }
}
