// So many at once, of two kinds: what watches, and what an operation wants. A part is kept free for operations, and they
// never take more than half of it or that part, so that neither can starve the other. Who comes too late waits in line.
import type { PosternError } from '../kernel/errors.ts';

export type Purpose = 'watch' | 'operation';

/** Gives the place back; calling it again does nothing. */
export type Release = () => void;

export interface WaitOptions {
  /** For how long to wait for a place. */
  limitMs: number;
  signal: AbortSignal;
  /** What to throw when it takes too long, and when it is aborted. */
  tooLate: () => PosternError;
  aborted: () => PosternError;
}

interface Waiter {
  grant: () => void;
}

export class ConnectionBudget {
  readonly #reserved: number;
  readonly #held: Record<Purpose, number> = { watch: 0, operation: 0 };
  readonly #waiting: Record<Purpose, Set<Waiter>> = { watch: new Set(), operation: new Set() };
  #limit: number;

  /** @param reserved for operations, at least 1 and less than the limit */
  constructor(limit: number, reserved: number) {
    this.#limit = limit;
    this.#reserved = reserved;
  }

  get held(): number {
    return this.#held.watch + this.#held.operation;
  }

  /** Whether nobody holds a place or waits for one. */
  get idle(): boolean {
    return this.held === 0 && this.#waiting.watch.size === 0 && this.#waiting.operation.size === 0;
  }

  /** How many may watch at once. */
  get watchShare(): number {
    return Math.max(this.#limit - this.#reserved, 1);
  }

  /** Who holds a place keeps it; nobody gets another until there are fewer than the limit. */
  set limit(limit: number) {
    this.#limit = limit;
    this.#serve();
  }

  /** @throws PosternError as the options say */
  async acquire(purpose: Purpose, { limitMs, signal, tooLate, aborted }: WaitOptions): Promise<Release> {
    if (signal.aborted) throw aborted();
    const waiting = this.#waiting[purpose];
    if (waiting.size > 0 || !this.#hasRoom(purpose)) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const waiter: Waiter = { grant: resolve };
      const giveUp = (error: PosternError): void => {
        if (waiting.delete(waiter)) reject(error);
      };
      const onAbort = (): void => giveUp(aborted());
      const timer = setTimeout(() => giveUp(tooLate()), limitMs);
      signal.addEventListener('abort', onAbort, { once: true });
      waiting.add(waiter);
      try {
        await promise; // its place was counted when it was granted
      } finally {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
      }
    } else {
      this.#held[purpose]++;
    }
    let given = false;
    return () => {
      if (given) return;
      given = true;
      this.#held[purpose]--;
      this.#serve();
    };
  }

  #hasRoom(purpose: Purpose): boolean {
    if (this.held >= this.#limit) return false;
    return purpose === 'watch'
      ? this.#held.watch < this.watchShare
      : this.#held.operation < Math.max(this.#reserved, Math.floor(this.#limit / 2));
  }

  /** Operations first: somebody waits for their answer. */
  #serve(): void {
    for (const purpose of ['operation', 'watch'] as const) {
      const waiting = this.#waiting[purpose];
      for (const waiter of waiting) {
        if (!this.#hasRoom(purpose)) break;
        waiting.delete(waiter);
        this.#held[purpose]++;
        waiter.grant();
      }
    }
  }
}
