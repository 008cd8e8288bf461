// Writes that wait for the ledger at the same moment share one commit: the flush to the disk is what takes the time, and
// a thousand mailboxes that begin to be watched ask for a thousand of them. Each write stays all or nothing for itself.
import { CompiledQuery, type Kysely } from 'kysely';
import type { Database } from './schema.ts';
import { insideWrite, isInsideWrite, misused, type Tx, takeActs } from './store.ts';

const LARGEST_GROUP = 64; // more would make the flush no cheaper
const LONGEST_GROUP_MS = 10; // the first in a group waits for the last: what is left goes into the next one

interface Write {
  work: (tx: Tx) => Promise<unknown>;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

/** What became of a write inside of the transaction; it counts once that is committed. */
interface Done {
  write: Write;
  result: { value: unknown } | { error: unknown };
  acts: (() => void)[];
}

export class GroupCommit {
  readonly #db: Kysely<Database>;
  readonly #flushed: () => Promise<void>;
  /** The group that waits for the connection; others may still join. */
  #open: Write[] | undefined;

  /** @param flushed resolves when all that was committed before the call is durable */
  constructor(db: Kysely<Database>, flushed: () => Promise<void>) {
    this.#db = db;
    this.#flushed = flushed;
  }

  /** Runs `work` in a transaction that is durable when the promise resolves, and undone when it rejects. @throws PosternError `ledger_misused` */
  write<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    if (isInsideWrite()) return Promise.reject(misused());
    return new Promise<T>((resolve, reject) => {
      this.#join({ work, resolve: resolve as (value: unknown) => void, reject });
    });
  }

  #join(write: Write): void {
    if (this.#open && this.#open.length < LARGEST_GROUP) {
      this.#open.push(write);
      return;
    }
    const group = [write];
    this.#open = group;
    void this.#commit(group);
  }

  #close(group: Write[]): void {
    if (this.#open === group) this.#open = undefined;
  }

  async #commit(group: Write[]): Promise<void> {
    const done: Done[] = [];
    let current: Write | undefined;
    try {
      await this.#db.transaction().execute(async (tx) => {
        this.#close(group);
        const alone = group.length === 1;
        const endsAt = performance.now() + LONGEST_GROUP_MS;
        while (group.length > 0 && (done.length === 0 || performance.now() < endsAt)) {
          current = group.shift() as Write;
          done.push(await (alone ? plainly(tx, current) : withSavepoint(tx, current)));
        }
        current = undefined;
      });
    } catch (error) {
      this.#close(group);
      const begun = current !== undefined || done.length > 0;
      current?.reject(error);
      for (const { write } of done) write.reject(error);
      // Without a connection there is none for the others either; else only those that were begun are lost.
      if (begun) this.#goOn(group);
      else for (const write of group) write.reject(error);
      return;
    }
    this.#goOn(group); // and is at work while the disk is
    try {
      await this.#flushed();
    } catch (error) {
      for (const { write } of done) write.reject(error);
      return;
    }
    for (const { acts } of done) for (const act of acts) attempt(act);
    for (const { write, result } of done)
      if ('error' in result) write.reject(result.error);
      else write.resolve(result.value);
  }

  /** What is left of a group comes first in the next: behind what came meanwhile it could wait for ever. */
  #goOn(left: Write[]): void {
    if (left.length === 0) return;
    if (this.#open) this.#open.unshift(...left);
    else {
      this.#open = left;
      void this.#commit(left);
    }
  }
}

/** @throws what the work throws: its transaction is to be undone */
async function plainly(tx: Tx, write: Write): Promise<Done> {
  try {
    return { write, result: { value: await insideWrite(() => write.work(tx)) }, acts: takeActs(tx) };
  } catch (error) {
    takeActs(tx);
    throw error;
  }
}

/** Undoes the work alone when it throws. @throws what the work throws when SQLite undid the whole transaction with it */
async function withSavepoint(tx: Tx, write: Write): Promise<Done> {
  await tx.executeQuery(CompiledQuery.raw('savepoint one_write'));
  try {
    const done = await plainly(tx, write);
    await tx.executeQuery(CompiledQuery.raw('release one_write'));
    return done;
  } catch (error) {
    try {
      await tx.executeQuery(CompiledQuery.raw('rollback to one_write'));
      await tx.executeQuery(CompiledQuery.raw('release one_write'));
    } catch {
      throw error; // there is no savepoint any more: the disk is full, or the like
    }
    return { write, result: { error }, acts: [] };
  }
}

/** The transaction is durable: whoever wrote must not be told that it failed because a listener did. */
function attempt(act: () => void): void {
  try {
    act();
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : String(error), 'AfterCommitWarning');
  }
}
