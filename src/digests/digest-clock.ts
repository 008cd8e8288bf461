// Looks whether a digest is due: at the time that comes next, when the rules change, and every half minute, so that a clock
// that is set or a machine that slept makes no difference. What is due is the ledger's to say; this only wakes it.
import type { DigestDefinition } from '../contracts/digest.ts';
import { explain } from '../kernel/errors.ts';
import type { Part } from '../kernel/lifecycle.ts';
import { type FiringParts, fireAll, forgetOthers } from './firings.ts';

const LONGEST_WAIT_MS = 30_000;
const SHORTEST_WAIT_MS = 50; // a timer may end a moment before its time by the clock

export interface DigestClockParts extends FiringParts {
  digests: () => ReadonlyMap<string, DigestDefinition>;
  /** Calls back when there are other rules. */
  onRules: (changed: () => void) => void;
}

export class DigestClock implements Part {
  readonly name = 'digest clock';
  readonly #parts: DigestClockParts;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #isRunning = false;

  constructor(parts: DigestClockParts) {
    this.#parts = parts;
    parts.onRules(() => this.look());
  }

  start(): void {
    this.#isRunning = true;
    this.look();
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    clearTimeout(this.#timer);
    await this.#looking;
  }

  /** Looks now, behind the look that is under way. */
  look(): void {
    if (!this.#isRunning) return;
    this.#looking = this.#looking.then(() => this.#look());
  }

  async #look(): Promise<void> {
    if (!this.#isRunning) return;
    clearTimeout(this.#timer);
    let waitMs = LONGEST_WAIT_MS;
    try {
      const digests = this.#parts.digests();
      await forgetOthers(this.#parts, [...digests.keys()]);
      const next = await fireAll(this.#parts, digests.values());
      if (next !== null)
        waitMs = Math.min(waitMs, Math.max(next - this.#parts.clock.now(), SHORTEST_WAIT_MS));
    } catch (error) {
      this.#parts.log.error({ error: explain(error) }, 'digests could not be looked after');
    }
    if (this.#isRunning) this.#timer = setTimeout(() => this.look(), waitMs);
  }
}
