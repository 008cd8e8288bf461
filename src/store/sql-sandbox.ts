// The gateway's side of the SQL sandbox: one short-lived process for each query. Not a thread: a thread inside SQLite
// cannot be stopped before its statement ends, and `terminate` would wait for it; a process can be killed at any moment,
// its memory is its own, and the ledger's locks fall with it.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { PosternError } from '../kernel/errors.ts';
import type { Part } from '../kernel/lifecycle.ts';
import { Turns } from '../kernel/turns.ts';
import {
  batches,
  type FromChild,
  type SqlFailure,
  type SqlLimits,
  type SqlParameter,
  type SqlTable,
  type SqlValue,
  type ToChild,
} from './sql-job.ts';

export {
  rowBytes,
  type SqlFailure,
  type SqlLimits,
  type SqlParameter,
  type SqlTable,
  type SqlValue,
} from './sql-job.ts';
export { type SqlColumn, type SqlView, sqlViews } from './sql-views.ts';

const MEGABYTE = 1024 * 1024;
const START_LIMIT_MS = 30_000; // a cold process on a busy machine; not charged to the query
const AT_ONCE = 2; // queries that run beside the mail's own work, which comes first
const MAX_WAITING = 20;
const HEAP_MB = 96; // of JavaScript: an answer of 16 MB on its way, several times over

export const defaultSqlLimits: SqlLimits = {
  timeMs: 5_000,
  rows: 10_000,
  resultBytes: 16 * MEGABYTE,
  memoryBytes: 128 * MEGABYTE,
};

export interface SqlQuery {
  /** One statement; its parameters are `:name`. */
  sql: string;
  parameters: Readonly<Record<string, SqlParameter>>;
  /** Tables that exist for this query, besides the views. */
  tables: readonly SqlTable[];
}

export interface SqlAnswer {
  columns: string[];
  rows: SqlValue[][];
}

/** A statement that is wrong or not allowed; the caller knows the text it came from and says where. */
export class SqlRefused extends Error {
  readonly failure: SqlFailure;
  constructor(failure: SqlFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

export class SqlSandbox implements Part {
  readonly name = 'sql';
  readonly limits: SqlLimits;
  readonly #ledger: string;
  readonly #running = new Set<ChildProcess>();
  readonly #turns = new Turns(AT_ONCE, (waiting) => {
    if (waiting >= MAX_WAITING)
      throw new PosternError('sql_busy', 'Too many queries wait already.', { retry: 'later' });
  });
  #stopped = false;

  /** `ledger` is the path of the SQLite file. */
  constructor(ledger: string, limits: Partial<SqlLimits> = {}) {
    this.#ledger = ledger;
    this.limits = { ...defaultSqlLimits, ...limits };
  }

  /** The processes that run now; for tests. */
  get pids(): number[] {
    return [...this.#running].flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  }

  stop(): void {
    this.#stopped = true;
    for (const child of this.#running) child.kill('SIGKILL');
  }

  /**
   * Runs one statement in a process of its own; an abort kills it.
   * @throws SqlRefused for what the statement says; PosternError `sql_time_limit`, `sql_memory_limit`, `sql_busy`,
   *   `sql_sandbox_failed`, and the reason of the abort
   */
  query(query: SqlQuery, signal: AbortSignal): Promise<SqlAnswer> {
    return this.#turns.take(signal, () => this.#run(query, signal));
  }

  async #run(query: SqlQuery, signal: AbortSignal): Promise<SqlAnswer> {
    signal.throwIfAborted();
    if (this.#stopped) throw new PosternError('stopping', 'Postern is stopping.', { retry: 'later' });
    const { timeMs, memoryBytes } = this.limits;
    const child = fork(fileURLToPath(new URL('./sql-child.ts', import.meta.url)), [String(memoryBytes)], {
      env: {}, // a query needs no secrets
      execArgv: [`--max-old-space-size=${HEAP_MB}`],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    this.#running.add(child);
    const answer: SqlAnswer = { columns: [], rows: [] };
    let timer: NodeJS.Timeout | undefined;
    return new Promise<SqlAnswer>((resolve, reject) => {
      const abort = (): void => reject(signal.reason);
      const within = (ms: number, error: () => PosternError): void => {
        clearTimeout(timer);
        timer = setTimeout(() => reject(error()), ms);
      };
      signal.addEventListener('abort', abort, { once: true });
      child.once('error', (cause) => reject(sandboxFailed(cause)));
      child.once('exit', (code, by) => {
        this.#running.delete(child);
        signal.removeEventListener('abort', abort);
        // Whoever else kills it has settled the promise before. 134: V8 gave up for want of memory.
        const outOfMemory = by === 'SIGKILL' || by === 'SIGABRT' || code === 134;
        reject(outOfMemory ? this.#outOfMemory() : sandboxFailed(new Error(`it ended with ${code ?? by}`)));
      });
      child.on('message', (message: FromChild) => {
        if (message.kind === 'ready') {
          within(timeMs, () => this.#outOfTime());
          this.#feed(child, query).catch((cause: unknown) => reject(sandboxFailed(cause)));
        } else if (message.kind === 'columns') answer.columns = message.columns;
        else if (message.kind === 'rows') answer.rows.push(...message.rows);
        else if (message.kind === 'done') resolve(answer);
        else reject(new SqlRefused(message.failure));
      });
      within(START_LIMIT_MS, () => sandboxFailed(new Error('it did not start')));
    }).finally(() => {
      clearTimeout(timer);
      child.kill('SIGKILL');
    });
  }

  async #feed(child: ChildProcess, { sql, parameters, tables }: SqlQuery): Promise<void> {
    const say = (message: ToChild): Promise<void> =>
      new Promise((resolve, reject) => {
        child.send(message, (error) => (error ? reject(error) : resolve()));
      });
    for (const { name, columns, rows } of tables) {
      await say({ kind: 'table', name, columns });
      for (const batch of batches(rows)) await say({ kind: 'rows', rows: batch });
    }
    const { rows, resultBytes } = this.limits;
    await say({ kind: 'run', job: { ledger: this.#ledger, sql, parameters, rows, resultBytes } });
  }

  #outOfTime(): PosternError {
    return new PosternError('sql_time_limit', `The query took longer than ${this.limits.timeMs} ms.`, {
      hint: 'Join on columns that are equal, narrow it by a WHERE, or ask for less.',
    });
  }

  #outOfMemory(): PosternError {
    const megabytes = Math.round(this.limits.memoryBytes / MEGABYTE);
    return new PosternError('sql_memory_limit', `The query needed more than ${megabytes} MB of memory.`, {
      hint: 'Sort, group or join fewer rows: narrow it by a WHERE first.',
    });
  }
}

const sandboxFailed = (cause: unknown): PosternError =>
  new PosternError('sql_sandbox_failed', 'The process of the query failed.', { retry: 'later', cause });
