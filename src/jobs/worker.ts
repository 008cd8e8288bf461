// Claims jobs and runs them: a bound of concurrency for each kind, leases kept by heartbeat, retries as the error says.
import type { Clock } from '../kernel/clock.ts';
import { codeOf, explain, PosternError, retryOf } from '../kernel/errors.ts';
import type { Part } from '../kernel/lifecycle.ts';
import type { Logger } from '../kernel/logger.ts';
import { isGone, newOwner } from '../kernel/owner.ts';
import { isLedgerFault } from '../store/ledger-fault.ts';
import { afterCommit } from '../store/store.ts';
import type { HandlerOptions, JobContext, JobHandler } from './handler.ts';
import { type Job, payloadOf } from './job.ts';
import type { JobKind } from './kinds.ts';
import { type JobQueue, LEASE_MS } from './queue.ts';

export type { HandlerOptions, JobContext, JobHandler } from './handler.ts';

const HEARTBEAT_MS = LEASE_MS / 3;
const POLL_MS = 1_000; // for jobs that other processes put in, and for those that wait for their time
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 10 * 60_000;

interface Registered {
  handler: JobHandler<JobKind>;
  concurrency: number;
  running: number;
  poolLimit: ((pool: string) => number) | undefined;
  claimAtOnce: number;
  handsOn: boolean;
  onDead: ((payload: unknown, error: string) => Promise<void>) | undefined;
}

interface Running {
  job: Job;
  abort: AbortController;
  ended: Promise<void>;
}

export class JobWorker implements Part {
  readonly name = 'jobs';
  readonly owner = newOwner();
  readonly #queue: JobQueue;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #kinds = new Map<JobKind, Registered>();
  readonly #running = new Map<string, Running>();
  readonly #dirty = new Set<JobKind>();
  #claiming: Promise<void> | undefined;
  #timers: NodeJS.Timeout[] = [];
  #stopped = true;

  constructor(queue: JobQueue, clock: Clock, log: Logger) {
    this.#queue = queue;
    this.#clock = clock;
    this.#log = log;
  }

  handle<K extends JobKind>(kind: K, handler: JobHandler<K>, options: HandlerOptions = {}): void {
    this.#kinds.set(kind, {
      handler: handler as unknown as JobHandler<JobKind>,
      concurrency: options.concurrency ?? 4,
      running: 0,
      poolLimit: options.poolLimit,
      claimAtOnce: options.claimAtOnce ?? 1,
      handsOn: options.handsOn ?? false,
      onDead: options.onDead as Registered['onDead'],
    });
  }

  async start(): Promise<void> {
    this.#stopped = false;
    await this.#queue.releaseLeasesOf(isGone);
    await this.#queue.freeExpired();
    await this.#queue.times.look();
    this.#queue.onEnqueue((kind, pool) => (kind === null ? this.#wakeAll() : this.#wake(kind, pool)));
    this.#queue.takenBy({
      owner: this.owner,
      roomFor: (kind, pool) => this.#roomFor(kind, pool),
      handsOn: (kind) => this.#kinds.get(kind)?.handsOn ?? false,
      run: (job) => this.#runTaken(job),
    });
    this.#timers = [
      setInterval(() => void this.#poll(), POLL_MS),
      setInterval(() => void this.#heartbeat(), HEARTBEAT_MS),
    ];
    this.#wakeAll();
  }

  /** Takes no more jobs, aborts those that run, and waits for them; what did not end keeps its lease and is retried. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers) clearInterval(timer);
    await this.#claiming;
    for (const { abort } of this.#running.values())
      abort.abort(new PosternError('stopping', 'Postern is stopping.', { retry: 'later' }));
    await Promise.allSettled([...this.#running.values()].map(({ ended }) => ended));
  }

  async #poll(): Promise<void> {
    try {
      await this.#queue.times.look();
      await this.#queue.freeExpired([...this.#running.keys()]);
    } catch (error) {
      this.#log.error({ error: explain(error) }, 'times and leases could not be put right');
    }
    this.#wakeAll();
  }

  #wakeAll(): void {
    for (const kind of this.#kinds.keys()) this.#dirty.add(kind);
    this.#claimSoon();
  }

  #wake(kind: JobKind, pool: string | null = null): void {
    const registered = this.#kinds.get(kind);
    if (!registered || this.#isFull(registered, pool)) return;
    this.#dirty.add(kind);
    this.#claimSoon();
  }

  /** Whether so many of a pool run here that one more has to wait for the end of one of them in any case. */
  #isFull({ poolLimit }: Registered, pool: string | null): boolean {
    if (pool === null || poolLimit === undefined) return false;
    let running = 0;
    for (const { job } of this.#running.values()) if (job.pool === pool) running++;
    return running >= poolLimit(pool);
  }

  #claimSoon(): void {
    if (this.#stopped || this.#claiming) return;
    this.#claiming = this.#claimAll()
      .catch((error: unknown) => this.#log.error({ error: explain(error) }, 'jobs could not be claimed'))
      .finally(() => {
        this.#claiming = undefined;
        if (this.#dirty.size > 0 && !this.#stopped) this.#claimSoon();
      });
  }

  async #claimAll(): Promise<void> {
    for (const kind of [...this.#dirty]) {
      this.#dirty.delete(kind);
      const registered = this.#kinds.get(kind);
      const free = registered ? registered.concurrency - registered.running : 0;
      if (!registered || free <= 0) continue; // woken again when one of them ends
      const { poolLimit: limitOf, claimAtOnce } = registered;
      const jobs = limitOf
        ? await this.#queue.claimByPool(kind, this.owner, free, { limitOf, claimAtOnce })
        : await this.#queue.claim(kind, this.owner, free);
      for (const job of jobs) {
        // Another process took its lease for run out, and gave it up again: what runs here goes on under the new one.
        if (!this.#running.has(job.id)) this.#run(job, registered);
      }
      if (jobs.length === free) this.#dirty.add(kind);
    }
  }

  #roomFor(kind: JobKind, pool: string | null): number {
    const registered = this.#kinds.get(kind);
    if (this.#stopped || !registered || registered.running >= registered.concurrency) return 0;
    return pool === null
      ? Number.POSITIVE_INFINITY
      : (registered.poolLimit?.(pool) ?? Number.POSITIVE_INFINITY);
  }

  /** Stopped since it was taken: as after a crash, its lease is ended by the next start. */
  #runTaken(job: Job): void {
    const registered = this.#kinds.get(job.kind);
    if (registered && !this.#stopped) this.#run(job, registered);
  }

  #run(job: Job, registered: Registered): void {
    const abort = new AbortController();
    registered.running++;
    const ended = this.#attempt(job, registered, abort.signal).then((handedOn) => {
      registered.running--;
      this.#running.delete(job.id);
      if (!handedOn) this.#wake(job.kind);
    });
    this.#running.set(job.id, { job, abort, ended });
  }

  /** Never rejects. @returns whether the next of its pool has its place already */
  async #attempt(job: Job, registered: Registered, signal: AbortSignal): Promise<boolean> {
    let finished = false;
    let handedOn = false;
    const context: JobContext = {
      id: job.id,
      attempt: job.attempts,
      lastAttempt: job.attempts >= job.maxAttempts,
      signal,
      finish: async (tx) => {
        const passed = await this.#queue.finish(tx, job.id, this.owner);
        afterCommit(tx, () => {
          finished = true;
          handedOn = passed;
        });
      },
      putOff: async (tx, runAt) => {
        await this.#queue.putOff(tx, job.id, this.owner, runAt);
        afterCommit(tx, () => {
          finished = true;
        });
      },
    };
    try {
      await registered.handler(payloadOf(job) as never, context);
      if (!finished) handedOn = await this.#queue.end(job.id, this.owner);
    } catch (error) {
      // An attempt that was interrupted because another worker has the job says nothing of the job.
      const cause = codeOf(signal.reason) === 'lease_lost' ? signal.reason : error;
      await this.#fail(job, cause).catch((later: unknown) =>
        this.#log.error(
          { job: job.id, kind: job.kind, error: explain(later) },
          'a failed job could not be put back',
        ),
      );
    }
    return handedOn;
  }

  async #fail(job: Job, error: unknown): Promise<void> {
    const code = codeOf(error);
    const text = explain(error);
    if (code === 'lease_lost') {
      this.#log.warn({ job: job.id, kind: job.kind }, 'job was taken over by another worker');
      return;
    }
    if (!(error instanceof PosternError) && !isLedgerFault(error)) {
      this.#log.error(
        { job: job.id, kind: job.kind, error: error instanceof Error ? error.stack : text },
        'a bug: job failed with an unknown error',
      );
    }
    if (isLedgerFault(error)) {
      this.#log.error({ job: job.id, kind: job.kind, error: text }, 'the ledger is at fault: the job waits');
      return this.#queue.putBack(job.id, this.owner, this.#clock.now() + FIRST_RETRY_MS);
    }
    const retry = retryOf(error);
    if (this.#stopped && retry !== 'never') return this.#queue.putBack(job.id, this.owner);
    if (retry === 'never' || job.attempts >= job.maxAttempts) {
      return this.#bury(job, text, code);
    }
    const wait = retry === 'later' ? backoff(job.attempts) : retry.afterMs;
    await this.#queue.retry(job.id, this.owner, this.#clock.now() + wait, text);
    this.#log.info({ job: job.id, kind: job.kind, code, wait }, `job will be tried again: ${text}`);
  }

  async #bury(job: Job, text: string, code: string): Promise<void> {
    // Whoever took it over may be at work on it: nothing of it has ended.
    if (!(await this.#queue.heartbeat([job.id], this.owner)).has(job.id)) return;
    try {
      await this.#kinds.get(job.kind)?.onDead?.(payloadOf(job), text);
    } catch (error) {
      if (isLedgerFault(error)) throw error; // what hangs on it would stay as it is for ever: it comes again with its lease
      this.#log.error(
        { job: job.id, kind: job.kind, error: explain(error) },
        'the end of a job could not be told',
      );
    }
    await this.#queue.bury(job.id, this.owner, text);
    this.#log.warn({ job: job.id, kind: job.kind, code, attempts: job.attempts }, `job is dead: ${text}`);
  }

  async #heartbeat(): Promise<void> {
    try {
      for (const job of await this.#queue.claimCrashed(this.owner, [...this.#running.keys()])) {
        await this.#bury(job, 'The process ended during the last attempt.', 'process_ended');
      }
      if (this.#running.size === 0) return;
      const held = await this.#queue.heartbeat([...this.#running.keys()], this.owner);
      for (const [id, { abort }] of this.#running) {
        if (!held.has(id))
          abort.abort(new PosternError('lease_lost', `The job ${id} was taken over by another worker.`));
      }
    } catch (error) {
      this.#log.error({ error: explain(error) }, 'leases could not be prolonged');
    }
  }
}

/** Doubling from one second to ten minutes, with a fifth of jitter. */
function backoff(attempts: number): number {
  const wait = Math.min(FIRST_RETRY_MS * 2 ** (attempts - 1), LONGEST_RETRY_MS);
  return Math.round(wait * (0.9 + Math.random() * 0.2));
}
