// Looks into the ledger of a running gateway from outside: what it sees there has been committed and flushed.
import { statfsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import type { TestGateway } from '../test/support/gateway.ts';

const LOOK_EVERY_MS = 2; // far below what is measured, and a look takes some 20 µs
const WAIT_LIMIT_MS = 300_000;
const TMPFS_MAGIC = 0x01021994; // linux/magic.h

export class LedgerView {
  readonly #database: DatabaseSync;

  constructor({ folder }: TestGateway) {
    this.#database = new DatabaseSync(join(folder, 'data', 'ledger.sqlite'), { readOnly: true });
  }

  /** The first column of the first row of `sql`; undefined without a row. */
  value(sql: string): unknown {
    const row = this.#database.prepare(sql).get();
    return row && Object.values(row)[0];
  }

  /** Waits until `sql` gives `wanted`, and returns when that was first seen, by performance.now(). */
  async until(sql: string, wanted: unknown): Promise<number> {
    const statement = this.#database.prepare(sql);
    const endsAt = performance.now() + WAIT_LIMIT_MS;
    for (;;) {
      const row = statement.get();
      const now = performance.now();
      const found = row && Object.values(row)[0];
      if (found === wanted) return now;
      if (now > endsAt) throw new Error(`the ledger gives ${String(found)}, not ${String(wanted)}: ${sql}`);
      await delay(LOOK_EVERY_MS);
    }
  }

  close(): void {
    this.#database.close();
  }
}

/** A commit into memory is not durable: figures from there would say nothing. @throws Error */
export function requireRealDisk(folder: string): void {
  if (process.platform === 'linux' && statfsSync(folder).type === TMPFS_MAGIC)
    throw new Error(`${folder} lies in memory (tmpfs): set TMPDIR to a folder on a disk`);
}
