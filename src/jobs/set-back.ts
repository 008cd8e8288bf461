// The time of day may be set back, by hours perhaps: jobs must not wait until it is again what it was. They keep their
// times in the ledger, where only the time of day means the same to every process.
import type { Clock } from '../kernel/clock.ts';
import { literal } from '../store/literal.ts';
import type { Store } from '../store/store.ts';

const SPARE_MS = 1_000; // nodes whose clocks differ by so much do not take each other's work for a sign
const LONGEST_RETRY_MS = 10 * 60_000; // a job that waits longer was put off by somebody's wish: it keeps its time

export class JobTimes {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #leaseMs: number;
  #lookedAt = Number.POSITIVE_INFINITY;

  constructor(store: Store, clock: Clock, leaseMs: number) {
    this.#store = store;
    this.#clock = clock;
    this.#leaseMs = leaseMs;
  }

  /**
   * At the first look, and at each after the clock was set back: makes due what was put in or tried again before, and
   * cuts leases to their length. Otherwise it does nothing.
   */
  async look(): Promise<void> {
    const now = this.#clock.now();
    const isDue = now < this.#lookedAt;
    this.#lookedAt = now;
    if (!isDue) return;
    await this.#store.write(async (tx) => {
      await tx
        .updateTable('jobs')
        .set({ run_at: now, updated_at: now })
        .where('state', '=', literal('ready'))
        .where('updated_at', '>', now + SPARE_MS)
        .where('run_at', '>', now)
        .where((where) => where('run_at', '<=', where('updated_at', '+', LONGEST_RETRY_MS)))
        .execute();
      await tx
        .updateTable('jobs')
        .set({ lease_until: now + this.#leaseMs })
        .where('state', '=', literal('running'))
        .where('lease_until', '>', now + this.#leaseMs + SPARE_MS)
        .execute();
    });
  }
}
