// Start and stop. What was started is stopped in the reverse order; a start that fails half way stops what had started;
// both can be called twice; and stopping has a hard end.
import { PosternError } from './errors.ts';
import type { Logger } from './logger.ts';

export interface Part {
  readonly name: string;
  start?(): Promise<void> | void;
  stop?(): Promise<void> | void;
}

const STOP_LIMIT_MS = 10_000; // docker and systemd kill after 10 s and 90 s: end by ourselves before the first

export class Lifecycle {
  readonly #started: Part[] = [];
  readonly #log: Logger;
  readonly #stopLimitMs: number;
  #starting: Promise<void> | undefined;
  /** The start of the part whose turn it is: nothing is stopped under its hands. */
  #underWay: Promise<void> = Promise.resolve();
  #stopping: Promise<void> | undefined;

  constructor(log: Logger, stopLimitMs = STOP_LIMIT_MS) {
    this.#log = log;
    this.#stopLimitMs = stopLimitMs;
  }

  /**
   * Starts the parts in order. A second call returns the first one's promise.
   * @throws what a part threw, or PosternError `stopping` when it was stopped meanwhile; all are stopped then
   */
  start(parts: readonly Part[]): Promise<void> {
    this.#starting ??= this.#startAll(parts);
    return this.#starting;
  }

  async #startAll(parts: readonly Part[]): Promise<void> {
    for (const part of parts) {
      try {
        this.#refuseWhenStopping();
        this.#started.push(part);
        const started = (async () => part.start?.())();
        this.#underWay = started.catch(() => undefined);
        await started;
        this.#refuseWhenStopping();
      } catch (error) {
        await this.stop();
        throw error;
      }
    }
  }

  #refuseWhenStopping(): void {
    if (this.#stopping) throw new PosternError('stopping', 'Postern was stopped while it started.');
  }

  /** Stops everything in the reverse order. A part that throws is logged and does not keep the others from stopping. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async #stopAll(): Promise<void> {
    const endsAt = Date.now() + this.#stopLimitMs;
    await within(this.#stopLimitMs / 2, () => this.#underWay).catch((error: unknown) =>
      this.#log.error({ error: String(error) }, 'a part did not end its start'),
    );
    for (let part = this.#started.pop(); part; part = this.#started.pop()) {
      const name = part.name;
      await within(Math.max(endsAt - Date.now(), 1), async () => part?.stop?.()).catch((error: unknown) => {
        this.#log.error({ part: name, error: String(error) }, 'part did not stop cleanly');
      });
    }
  }
}

async function within(ms: number, work: () => Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it did not end within ${ms} ms`)), ms);
  });
  try {
    await Promise.race([work(), limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** SIGINT and SIGTERM stop the parts and end the process; a second signal ends it at once. */
export function stopOnSignals(lifecycle: Lifecycle, log: Logger): void {
  let seen = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (seen) process.exit(130);
      seen = true;
      log.info({ signal }, 'stopping');
      void lifecycle.stop().then(() => process.exit(0));
    });
  }
}
