// The ledger's port: reads through `db`, writes in `write`, and what must wait for the commit in `afterCommit`.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Kysely, Transaction } from 'kysely';
import { PosternError } from '../kernel/errors.ts';
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

/** What waits for the transaction's commit; it is forgotten here. */
export function takeActs(tx: Tx): (() => void)[] {
  const acts = waiting.get(tx) ?? [];
  waiting.delete(tx);
  return acts;
}

/** The transaction that the running code is inside of. */
const inside = new AsyncLocalStorage<{ open: boolean }>();

/** Whether the caller runs inside of `write`, whose transaction is still open. */
export const isInsideWrite = (): boolean => inside.getStore()?.open === true;

export const misused = (): PosternError =>
  new PosternError(
    'ledger_misused',
    '`db` or `write` was used inside `write`: it would wait for its own end. Use the transaction.',
  );

/** Runs the work of a `write`, which is inside of it until it ends. */
export async function insideWrite<T>(work: () => Promise<T>): Promise<T> {
  const transaction = { open: true };
  try {
    return await inside.run(transaction, work);
  } finally {
    transaction.open = false; // what was started inside and goes on is not inside any more
  }
}
