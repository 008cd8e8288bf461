// Who asks for links that are not there. A token cannot be guessed; whoever tries is slowed down and seen in the log all
// the same. What is there is given to everybody: behind a proxy all recipients have one address.
import type { Clock } from '../../kernel/clock.ts';

const WINDOW_MS = 60_000;
const MISSES = 30; // a mail program that looks at an old mail's links again and again has fewer
const MAX_ADDRESSES = 10_000; // some bytes each; who comes from more of them at once is not counted

export class MissCounter {
  readonly #clock: Clock;
  readonly #counts = new Map<string, number>();
  #since = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts one; says whether there were too many within a minute, and whether this is the first of those. */
  count(address: string): { isOver: boolean; isFirstOver: boolean } {
    const now = this.#clock.now();
    if (now - this.#since >= WINDOW_MS) {
      this.#counts.clear();
      this.#since = now;
    }
    const before = this.#counts.get(address) ?? 0;
    if (before > 0 || this.#counts.size < MAX_ADDRESSES) this.#counts.set(address, before + 1);
    return { isOver: before >= MISSES, isFirstOver: before === MISSES };
  }
}
