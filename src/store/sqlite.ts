// The ledger on SQLite by node:sqlite: one connection, WAL, flushed by ourselves. Statements are prepared once and kept.
import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import {
  CompiledQuery,
  type DatabaseConnection,
  type Driver,
  Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { PosternError } from '../kernel/errors.ts';
import { Checkpointer } from './checkpointer.ts';
import { Flusher, WalFile } from './flusher.ts';
import { GroupCommit } from './group-commit.ts';
import { migrate } from './migrate.ts';
import type { Database } from './schema.ts';
import { isInsideWrite, misused, type Store } from './store.ts';

const BUSY_TIMEOUT_MS = 10_000; // another process on the same file holds its lock for a commit, not longer
const SQLITE_BUSY = 5; // its primary result code
const WAL_RETRY_MS = 20;
const PAGE_BYTES = 8192; // the row of a mail is some 2.4 kB: of SQLite's 4 kB a page would hold one, and be half empty
const WAL_PAGES = 8_000; // 64 MB: above it a commit moves what the Checkpointer has left
const STATEMENTS_KEPT = 500; // Postern has some 200 queries; lists of varying length make the rest
const CONNECTION_WAIT_MS = 60_000; // transactions take milliseconds: one that lasts longer will not end
const LOOP_SHARE_MS = 10; // SQLite answers at once, so a long queue would keep the network and timers from their turn

/**
 * Opens (or makes) the ledger at `path`, readable by its owner only, and brings its schema up to date.
 * @param onUnflushed is told that the disk did not keep what was written, and throws
 * @throws PosternError `ledger_too_new`, `ledger_unreadable`
 */
export async function openSqlite(path: string, onUnflushed = endProcess): Promise<Store> {
  const wal = new WalFile(path);
  const checkpointer = new Checkpointer(path);
  const flusher = new Flusher(async () => {
    await wal.flush().catch(onUnflushed);
    checkpointer.flushed();
  });
  const db = kyselyOn(openFile(path), flusher);
  const commits = new GroupCommit(db, () => flusher.flushed());
  const store: Store = {
    db,
    write: (work) => commits.write(work),
    close: async () => {
      await flusher.flushed().catch(() => undefined); // whoever wrote has heard of it
      await wal.close();
      await checkpointer.stop();
      await db.destroy();
    },
  };
  await store.write((tx) => migrate(tx as unknown as Kysely<unknown>, { integer: 'integer', bytes: 'blob' }));
  return store;
}

/** What was read since may not be true after a power failure: only a new start knows what the disk has. */
function endProcess(error: unknown): never {
  setImmediate(() => {
    throw error;
  });
  throw error;
}

/** The same ledger for reading alone, while another process has it open. */
export const readSqlite = (path: string): Kysely<Database> =>
  kyselyOn(new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS }));

const kyselyOn = (database: DatabaseSync, flusher?: Flusher): Kysely<Database> =>
  new Kysely<Database>({
    dialect: {
      createAdapter: () => new QueueingAdapter(),
      createDriver: () => new NodeSqliteDriver(database, flusher),
      createIntrospector: (kysely) => new SqliteIntrospector(kysely),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  });

function openFile(path: string): DatabaseSync {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    closeSync(openSync(path, 'a', 0o600)); // SQLite gives its own files beside it the mode that it finds here
    chmodSync(path, 0o600);
    const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
    database.exec(`pragma page_size = ${PAGE_BYTES}`); // counts for a new file alone
    enterWal(database);
    // Normal: a commit does not wait for the disk. Whoever wrote does, by the Flusher.
    database.exec(
      `pragma synchronous = normal; pragma foreign_keys = on; pragma wal_autocheckpoint = ${WAL_PAGES};`,
    );
    return database;
  } catch (error) {
    throw new PosternError('ledger_unreadable', `The ledger ${path} cannot be opened: ${String(error)}`, {
      hint: 'Check that the folder exists, is writable and holds no other kind of file.',
      cause: error,
    });
  }
}

/**
 * SQLite does not wait for its lock where two connections turn a new file into WAL at once (its busy handler is not
 * asked for that), so we do, and block as its own waiting would.
 */
function enterWal(database: DatabaseSync): void {
  const endsAt = Date.now() + BUSY_TIMEOUT_MS;
  for (;;) {
    try {
      database.exec('pragma journal_mode = wal');
      return;
    } catch (error) {
      const busy = (error as { errcode?: number }).errcode === SQLITE_BUSY;
      if (!busy || Date.now() > endsAt) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAL_RETRY_MS);
    }
  }
}

/** The queue for the connection is the driver's: Kysely's own waits without a limit, and for ever after a failure. */
class QueueingAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}

/** One connection, handed out to one user at a time; a transaction keeps it until it ends. */
class NodeSqliteDriver implements Driver {
  readonly #database: DatabaseSync;
  readonly #flusher: Flusher | undefined;
  readonly #connection: NodeSqliteConnection;
  readonly #queue: (() => void)[] = [];
  #taken = false;
  /** Until when the ledger may work before the event loop turns; undefined before the first work of a turn. */
  #shareEndsAt: number | undefined;

  constructor(database: DatabaseSync, flusher?: Flusher) {
    this.#database = database;
    this.#flusher = flusher;
    this.#connection = new NodeSqliteConnection(database, flusher);
  }

  async init(): Promise<void> {}

  acquireConnection(): Promise<DatabaseConnection> {
    if (isInsideWrite()) return Promise.reject(misused());
    if (!this.#taken) {
      this.#taken = true;
      if (!this.#hasHadItsShare()) return Promise.resolve(this.#connection);
      return new Promise((resolve) => setImmediate(() => resolve(this.#connection)));
    }
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => {
        this.#queue.splice(this.#queue.indexOf(turn), 1);
        reject(
          new PosternError('ledger_stuck', 'A transaction has held the ledger for a minute.', {
            retry: 'later',
          }),
        );
      }, CONNECTION_WAIT_MS);
      // Its wait is over now, also where its turn comes with the next of the event loop.
      const turn = () => {
        clearTimeout(limit);
        if (this.#hasHadItsShare()) setImmediate(() => resolve(this.#connection));
        else resolve(this.#connection);
      };
      this.#queue.push(turn);
    });
  }

  async releaseConnection(): Promise<void> {
    const next = this.#queue.shift();
    if (next) next();
    else this.#taken = false;
  }

  /** Whether this turn of the event loop has been the ledger's for long enough. */
  #hasHadItsShare(): boolean {
    const now = performance.now();
    if (this.#shareEndsAt === undefined) {
      this.#shareEndsAt = now + LOOP_SHARE_MS;
      setImmediate(() => {
        this.#shareEndsAt = undefined;
      });
      return false;
    }
    return now >= this.#shareEndsAt;
  }

  // Immediate: the write lock is taken at the start, so that a transaction never fails half way on another's lock.
  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'));
    this.#connection.hasWritten = false;
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'));
    if (this.#connection.hasWritten) this.#flusher?.wrote();
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#database.isTransaction) await connection.executeQuery(CompiledQuery.raw('rollback'));
  }

  async destroy(): Promise<void> {
    if (this.#database.isOpen) this.#database.close();
  }
}

interface Prepared {
  statement: StatementSync;
  returnsRows: boolean;
  /** Whether it may change anything. */
  writes: boolean;
}

const WRITES = /\b(insert|update|delete|replace)\b/i; // a migration that makes tables inserts its name as well

class NodeSqliteConnection implements DatabaseConnection {
  readonly #database: DatabaseSync;
  readonly #flusher: Flusher | undefined;
  /** Since it was last set to false. */
  hasWritten = false;
  /** In the order of their last use: the first is the one to drop. */
  readonly #prepared = new Map<string, Prepared>();

  constructor(database: DatabaseSync, flusher?: Flusher) {
    this.#database = database;
    this.#flusher = flusher;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const { statement, returnsRows, writes } = this.#prepare(query.sql);
    const parameters = query.parameters as SQLInputValue[];
    if (returnsRows) {
      const rows = statement.all(...parameters) as R[];
      if (writes && rows.length > 0) await this.#wrote();
      return { rows };
    }
    const { changes } = statement.run(...parameters);
    if (writes && changes) await this.#wrote();
    return { rows: [], numAffectedRows: BigInt(changes) };
  }

  /** A statement outside of a transaction is one by itself, and durable when it ends. */
  async #wrote(): Promise<void> {
    this.hasWritten = true;
    if (this.#database.isTransaction) return;
    this.#flusher?.wrote();
    await this.#flusher?.flushed();
  }

  async *streamQuery<R>(query: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    const statement = this.#database.prepare(query.sql);
    for (const row of statement.iterate(...(query.parameters as SQLInputValue[]))) yield { rows: [row as R] };
  }

  #prepare(text: string): Prepared {
    const known = this.#prepared.get(text);
    if (known) {
      this.#prepared.delete(text);
      this.#prepared.set(text, known);
      return known;
    }
    const statement = this.#database.prepare(text);
    const prepared = {
      statement,
      returnsRows: statement.columns().length > 0,
      writes: WRITES.test(text),
    };
    if (this.#prepared.size >= STATEMENTS_KEPT) {
      const [oldest] = this.#prepared.keys();
      if (oldest !== undefined) this.#prepared.delete(oldest);
    }
    this.#prepared.set(text, prepared);
    return prepared;
  }
}
