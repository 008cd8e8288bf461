// The ledger's port: reads through `db`, writes in `write`, and what must wait for the commit in `afterCommit`.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Kysely, Transaction } from 'kysely';
import type { Database } from './schema.ts';

export type Tx = Transaction<Database>;
/** Either: for queries that run inside and outside of a transaction. */
export type Reader = Kysely<Database>;

export interface Store {
  /** For reads and single statements. Inside `write` use the transaction only: on SQLite `db` would wait for it. */
  readonly db: Kysely<Database>;
  /**
   * Runs `work` in one transaction that is durable when the promise resolves, and undone when it rejects.
   * Never wait for the network or another room inside: on SQLite every other write waits.
   */
  write<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

const waiting = new WeakMap<Tx, (() => void)[]>();

/** Calls `act` once the transaction is committed, and never when it is undone. */
export function afterCommit(tx: Tx, act: () => void): void {
  const acts = waiting.get(tx);
  if (acts) acts.push(act);
  else waiting.set(tx, [act]);
}

/** The transaction that the running code is inside of. */
const inside = new AsyncLocalStorage<{ open: boolean }>();

/** Whether the caller runs inside of `write`, whose transaction is still open. */
export const isInsideWrite = (): boolean => inside.getStore()?.open === true;

/** `write` for any engine: a Kysely transaction, and then what waited for its commit. */
export async function writeWith<T>(db: Kysely<Database>, work: (tx: Tx) => Promise<T>): Promise<T> {
  let acts: (() => void)[] = [];
  const result = await db.transaction().execute(async (tx) => {
    const transaction = { open: true };
    try {
      const value = await inside.run(transaction, () => work(tx));
      acts = waiting.get(tx) ?? [];
      return value;
    } finally {
      transaction.open = false; // what was started inside and goes on is not inside any more
    }
  });
  for (const act of acts) {
    try {
      act();
    } catch (error) {
      // The transaction is durable: whoever wrote must not be told that it failed.
      process.emitWarning(error instanceof Error ? error : String(error), 'AfterCommitWarning');
    }
  }
  return result;
}
