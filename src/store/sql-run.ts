// One statement on a ledger opened for reading, seen through views and under an authorizer. Runs in a process of its
// own (sql-child.ts). On PostgreSQL there is no file to open: there the gateway has to read the rows of the views that a
// query names, by the same list and within the same limits, and hand them over as tables, as it does with what the
// connector answers; the rest stays as it is here.
import { randomBytes } from 'node:crypto';
import { DatabaseSync, type DatabaseSyncOptions } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { authorizer, type Denial } from './sql-authorizer.ts';
import { rowBytes, type SqlFailure, type SqlJob, type SqlValue } from './sql-job.ts';
import { locate, nameIn } from './sql-position.ts';
import { type SqlColumn, sqlViews } from './sql-views.ts';

const MAX_VALUE_BYTES = 16 * 1024 * 1024; // no value is longer than the longest answer
/** SQLite's own limits, lowered: a statement that a person or a program writes stays far below them. */
const LIMITS = {
  length: MAX_VALUE_BYTES,
  sqlLength: 1_000_000,
  column: 500,
  exprDepth: 200,
  compoundSelect: 100,
  vdbeOp: 1_000_000,
  functionArg: 100,
  attach: 1, // the ledger; 0 once that is done
  likePatternLength: 1_000,
  variableNumber: 1_000,
  triggerDepth: 1,
};
const BUSY_TIMEOUT_MS = 2_000; // readers wait for nobody in WAL, but for a moment while the ledger is opened

/** What Node 24 has and its types do not know yet. */
interface NewerMembers {
  limits: Record<string, number>;
  enableDefensive(on: boolean): void;
}

export class SqlRun {
  readonly #tables: { name: string; columns: readonly SqlColumn[]; rows: (readonly SqlValue[])[] }[] = [];
  #database: DatabaseSync | undefined;
  #sql = '';
  #denial: Denial | undefined;
  /** The name of the ledger's schema, and the beginning of the names of the views that read it. */
  readonly #secret = `s${randomBytes(16).toString('hex')}`;

  addTable(name: string, columns: readonly SqlColumn[]): void {
    this.#tables.push({ name, columns, rows: [] });
  }

  /** Into the table that was added last. */
  addRows(rows: readonly (readonly SqlValue[])[]): void {
    this.#tables.at(-1)?.rows.push(...rows);
  }

  /** The columns' names, and the rows as they are computed. Throws what `explain` understands. */
  start(job: SqlJob): { columns: string[]; rows: Iterable<SqlValue[]> } {
    this.#sql = job.sql;
    this.#denial = undefined;
    this.#database ??= this.#open(job.ledger);
    const database = this.#database;
    const statement = database.prepare(job.sql);
    statement.setReadBigInts(true);
    statement.setReturnArrays(true);
    const columns = statement.columns().map(({ name }) => name);
    if (columns.length === 0) throw failure('sql_forbidden', 'This statement reads nothing.');
    const rows = statement.iterate(job.parameters) as unknown as Iterable<unknown[]>;
    return { columns, rows: bounded(rows, job) };
  }

  /** What went wrong, in words that a person can act on. */
  explain(error: unknown): SqlFailure {
    if (error instanceof SqlStop) return error.failure;
    if (this.#denial) return denied(this.#denial);
    const { message, errcode } = error as { message: string; errcode?: number };
    const said = message.replaceAll(this.#secret, '');
    if (errcode === 7) return stop('sql_memory_limit', 'The query needs more memory than it may take.');
    if (errcode === 18) return stop('sql_memory_limit', 'A value or the statement grows too large.');
    const offset = this.#database ? locate(this.#database, this.#sql, said) : null;
    return { code: 'sql_invalid', message: said, offset, name: nameIn(said) };
  }

  #open(ledger: string): DatabaseSync {
    const database = new DatabaseSync(':memory:', {
      timeout: BUSY_TIMEOUT_MS,
      limits: LIMITS,
    } as DatabaseSyncOptions);
    database.exec('pragma temp_store = memory; pragma trusted_schema = off; pragma cell_size_check = on;');
    database.prepare(`attach ? as "${this.#secret}"`).run(`${pathToFileURL(ledger).href}?mode=ro`);
    const known = new Set([...sqlViews, ...this.#tables].map(({ name }) => name));
    const hidden = this.#hideTables(database, known);
    this.#addViews(database);
    this.#fillTables(database);
    database.exec('pragma query_only = on;');
    const { limits, enableDefensive } = database as DatabaseSync & NewerMembers;
    limits.attach = 0;
    enableDefensive.call(database, true);
    database.setAuthorizer(
      authorizer({ tables: known, secret: this.#secret, hidden }, (denial) => {
        this.#denial ??= denial;
      }),
    );
    return database;
  }

  /**
   * Puts an empty table before each one of the ledger, so that no name leads there. The authorizer alone does not do:
   * `FULL JOIN … USING` reads a column of which SQLite (3.53) never asks it. Returns the names that are none of ours.
   */
  #hideTables(database: DatabaseSync, known: ReadonlySet<string>): Set<string> {
    const names = (query: string): string[] =>
      database
        .prepare(query)
        .all()
        .map(({ name }) => String(name).toLowerCase());
    const tables = names(`select name from "${this.#secret}".sqlite_schema where type in ('table', 'view')`);
    for (const name of tables) {
      if (known.has(name) || name.startsWith('sqlite_')) continue;
      database.exec(`create temp table "${name.replaceAll('"', '""')}" ("${this.#secret}")`);
    }
    const hidden = new Set([...tables, ...names('select name from pragma_module_list')]);
    for (const name of [...known, 'json_each', 'json_tree']) hidden.delete(name);
    return hidden;
  }

  #addViews(database: DatabaseSync): void {
    for (const { name, columns, select } of sqlViews) {
      const inner = `${this.#secret}_${name}`;
      const list = columns.map((column) => `"${column.name}"`).join(', ');
      database.exec(`create temp view "${inner}" as ${select.replace(/\bledger\./g, `"${this.#secret}".`)}`);
      database.exec(`create temp view "${name}" as select ${list} from temp."${inner}"`);
    }
  }

  #fillTables(database: DatabaseSync): void {
    for (const { name, columns, rows } of this.#tables) {
      const list = columns.map((column) => `"${column.name}" ${storage(column.type)}`).join(', ');
      database.exec(`create temp table "${name}" (${list})`);
      const insert = database.prepare(
        `insert into temp."${name}" values (${columns.map(() => '?').join(', ')})`,
      );
      database.exec('begin');
      for (const row of rows) insert.run(...row);
      database.exec('commit');
    }
    this.#tables.length = 0;
  }
}

class SqlStop extends Error {
  readonly failure: SqlFailure;
  constructor(failure: SqlFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

const stop = (code: SqlFailure['code'], message: string): SqlFailure => ({
  code,
  message,
  offset: null,
  name: null,
});
const failure = (code: SqlFailure['code'], message: string): SqlStop => new SqlStop(stop(code, message));

function denied({ what, name }: Denial): SqlFailure {
  if (what === 'table') return { ...stop('sql_forbidden', `no such table: ${name}`), name };
  if (what === 'function') return { ...stop('sql_forbidden', `the function ${name} is not allowed`), name };
  return stop('sql_forbidden', 'only reading is allowed: SELECT, WITH … SELECT and VALUES');
}

const storage = (type: SqlColumn['type']): string =>
  type === 'integer' || type === 'time' ? 'integer' : type === 'real' ? 'real' : 'text';

function* bounded(rows: Iterable<unknown[]>, limits: SqlJob): Generator<SqlValue[]> {
  let count = 0;
  let bytes = 0;
  for (const row of rows) {
    const values = row.map(jsonValue);
    bytes += rowBytes(values);
    if (++count > limits.rows) {
      throw failure('sql_too_many_rows', `The query gives more than ${limits.rows} rows.`);
    }
    if (bytes > limits.resultBytes) {
      throw failure('sql_result_too_large', `The answer is larger than ${limits.resultBytes} bytes.`);
    }
    yield values;
  }
}

function jsonValue(value: unknown): SqlValue {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  return typeof value === 'string' ? value : null;
}
