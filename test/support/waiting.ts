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

/** For what nobody tells of: looks again and again, for 20 s. */
export async function eventually(look: () => Promise<boolean | undefined>): Promise<void> {
  const endsAt = Date.now() + 20_000;
  while (!(await look())) {
    if (Date.now() > endsAt) throw new Error('what was waited for did not come within 20 s');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
