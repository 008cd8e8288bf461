// Objects that nobody names: a process that was killed between storing bytes and committing the row that names them
// leaves them behind. Once a day they are removed.
import type { Clock } from '../kernel/clock.ts';
import { explain } from '../kernel/errors.ts';
import type { Part } from '../kernel/lifecycle.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Store } from '../store/store.ts';
import type { ObjectStore } from './object-store.ts';

const SWEEP_EVERY_MS = 24 * 3_600_000;
const UNDER_WAY_MS = 48 * 3_600_000; // far longer than any upload or mail takes from its first byte to its row
const KEYS_AT_ONCE = 500;

/**
 * Removes the objects that were stored two days ago and that no row names.
 * @returns how many
 */
export async function sweepObjects(
  store: Store,
  objects: ObjectStore,
  clock: Clock,
  signal?: AbortSignal,
): Promise<number> {
  let removed = 0;
  const sweep = async (keys: readonly string[]): Promise<void> => {
    const rows = await store.db
      .selectFrom('objects')
      .select('store_key')
      .where('store_key', 'in', keys)
      .execute();
    const named = new Set(rows.map((row) => row.store_key));
    for (const key of keys) {
      if (named.has(key)) continue;
      await objects.remove(key);
      removed++;
    }
  };
  let keys: string[] = [];
  for await (const key of objects.storedBefore(clock.now() - UNDER_WAY_MS)) {
    if (signal?.aborted) return removed;
    keys.push(key);
    if (keys.length < KEYS_AT_ONCE) continue;
    await sweep(keys);
    keys = [];
  }
  if (keys.length > 0) await sweep(keys);
  return removed;
}

/** Sweeps soon after the start, and then once a day. */
export class ObjectSweep implements Part {
  readonly name = 'object sweep';
  readonly #parts: { store: Store; objects: ObjectStore; clock: Clock; log: Logger };
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> = Promise.resolve();

  constructor(parts: { store: Store; objects: ObjectStore; clock: Clock; log: Logger }) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer = setInterval(() => this.#sweep(), SWEEP_EVERY_MS);
    this.#sweep();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stop.abort();
    await this.#sweeping;
  }

  #sweep(): void {
    const { store, objects, clock, log } = this.#parts;
    this.#sweeping = this.#sweeping
      .then(() => sweepObjects(store, objects, clock, this.#stop.signal))
      .then((removed) => {
        if (removed > 0) log.info({ removed }, 'objects that nothing names were removed');
      })
      .catch((error: unknown) => log.error({ error: explain(error) }, 'objects could not be swept'));
  }
}
