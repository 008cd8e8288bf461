// SQL from text to rows: read the statement, ask the connector, run it in the sandbox, and say where it is wrong.
import { mend } from '../../rules/nearest.ts';
import { type SqlAnswer, type SqlColumn, SqlRefused, sqlViews } from '../../store/sql-sandbox.ts';
import type { Context, Operation } from '../registry.ts';
import { CONNECTOR_OPERATIONS, type ConnectorShape, connectorShape } from './connector-columns.ts';
import { connectorTables } from './connector-tables.ts';
import { type Parameters, readStatement, type Statement } from './statement.ts';
import { tokensOf, wrongAt } from './tokens.ts';

export interface SqlTableDescription {
  /** `messages`, or `connector_table('imap', 'search_messages', JSON '{…}')`. */
  name: string;
  about: string;
  columns: readonly SqlColumn[];
}

export class SqlDoor {
  readonly #find: (name: string) => Operation | undefined;
  #shapes: ReadonlyMap<string, ConnectorShape> | undefined;

  /** `find` looks an operation up in the registry. */
  constructor(find: (name: string) => Operation | undefined) {
    this.#find = find;
  }

  /**
   * @throws PosternError `sql_invalid` and `sql_forbidden` with line and column, `sql_time_limit`, `sql_memory_limit`,
   *   `sql_too_many_rows`, `sql_result_too_large`, `sql_busy`, and what the connector's operations throw
   */
  async query(text: string, parameters: Parameters, context: Context): Promise<SqlAnswer> {
    const shapes = this.#connector();
    const statement = readStatement(text, parameters, [...shapes.keys()]);
    const tables = await connectorTables(text, statement.calls, shapes, context);
    try {
      const { sql, parameters: values } = statement;
      return await context.rooms.sql.query({ sql, parameters: values, tables }, context.signal);
    } catch (error) {
      throw error instanceof SqlRefused ? placed(text, statement, error) : error;
    }
  }

  tables(): SqlTableDescription[] {
    const connector = [...this.#connector()].map(([name, { operation, columns }]) => ({
      name: `connector_table('imap', '${name}', JSON '{…}')`,
      about: operation.summary,
      columns,
    }));
    return [...sqlViews.map(({ name, about, columns }) => ({ name, about, columns })), ...connector];
  }

  #connector(): ReadonlyMap<string, ConnectorShape> {
    this.#shapes ??= new Map(
      Object.entries(CONNECTOR_OPERATIONS).flatMap(([name, registered]) => {
        const operation = this.#find(registered);
        return operation ? [[name, connectorShape(operation)] as const] : [];
      }),
    );
    return this.#shapes;
  }
}

const VIEWS = sqlViews.map(({ name }) => name);

function placed(text: string, statement: Statement, { failure }: SqlRefused) {
  const { code, message, offset, name } = failure;
  const at = offset === null ? placeOfName(text, name) : statement.origin(offset);
  const isTable = /^no such table: /.test(message);
  const isColumn = /^no such column: /.test(message);
  const columns = sqlViews.flatMap((view) => view.columns.map((column) => column.name));
  const known = isTable ? VIEWS : isColumn ? [...new Set(columns)] : [];
  const near = name === null || known.length === 0 ? '' : mend(name, known);
  const words = `${message}${isColumn && !near.includes('did you mean') ? '' : near}`;
  const hint = isTable || isColumn ? '`postern sql --schema` lists the tables and their columns.' : undefined;
  return wrongAt(text, at, sentence(words), hint, code);
}

/** Where a name stands first. It was compiled, so the text has tokens. */
function placeOfName(text: string, name: string | null): number {
  if (name === null) return 0;
  const wanted = name.toLowerCase();
  const found = tokensOf(text).find(
    ({ kind, text: word }) =>
      (kind === 'word' && word.toLowerCase() === wanted) ||
      (kind === 'quoted' && word.slice(1, -1).toLowerCase() === wanted),
  );
  return found?.start ?? 0;
}

const sentence = (words: string): string =>
  words.charAt(0).toUpperCase() + words.slice(1) + (words.endsWith('?') ? '' : '.');
