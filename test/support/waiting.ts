// Waits for a condition that events may bring about: looked at once, and again whenever something was told.

export class Waiting {
  readonly #watching = new Set<() => void>();
  readonly #limitMs: number;
  readonly #seen: () => unknown;

  /** @param seen what the error shows when the wait was in vain */
  constructor(limitMs: number, seen: () => unknown) {
    this.#limitMs = limitMs;
    this.#seen = seen;
  }

  /** Something happened: everybody who waits looks again. */
  tell(): void {
    for (const wake of this.#watching) wake();
  }

  async until<T>(
    look: () => T | undefined | null | false | Promise<T | undefined | null | false>,
  ): Promise<T> {
    let woken = Promise.withResolvers<void>();
    const wake = (): void => woken.resolve();
    this.#watching.add(wake);
    const limit = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => limit.reject(new Error(`it never came to that: ${JSON.stringify(this.#seen())}`)),
      this.#limitMs,
    );
    try {
      for (;;) {
        const found = await look();
        if (found) return found;
        await Promise.race([woken.promise, limit.promise]);
        woken = Promise.withResolvers<void>();
      }
    } finally {
      clearTimeout(timer);
      this.#watching.delete(wake);
    }
  }
}

type Nothing = undefined | null | false;
const LOOKED_FOR_MS = 30_000; // a loaded machine of two cores
const LOOK_EVERY_MS = 20;

/** For what nobody tells of: looks again and again, and gives what it found. */
export async function eventually<T>(look: () => T | Nothing | Promise<T | Nothing>): Promise<T> {
  const endsAt = Date.now() + LOOKED_FOR_MS;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > endsAt)
      throw new Error(`what was waited for did not come within ${LOOKED_FOR_MS / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
