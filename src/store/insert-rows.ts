// Inserts of many rows whose statement is built once: building one for 64 rows costs more than running it.
import { CompiledQuery, type DialectAdapter, type InsertQueryBuilder, type InsertResult } from 'kysely';
import type { Database } from './schema.ts';
import type { Tx } from './store.ts';

const CHUNK_ROWS = [64, 8, 1]; // three statements to keep for a table, and few to run

type Table = keyof Database;
type Value = string | number | null;

/** Inserts the rows that are not there yet. Returns how many there were. */
export type RowInsert<C extends string> = (tx: Tx, rows: readonly Record<C, Value>[]) => Promise<number>;

/** @param key the columns by which a row is known to be there already */
export function rowInsert<C extends string>(
  table: Table,
  columns: readonly C[],
  key: readonly string[],
): RowInsert<C> {
  const statements = new WeakMap<DialectAdapter, Map<number, string>>(); // engines write SQL in different ways
  const statementFor = (tx: Tx, count: number): string => {
    const { adapter } = tx.getExecutor();
    let known = statements.get(adapter);
    if (!known) {
      known = new Map();
      statements.set(adapter, known);
    }
    let sql = known.get(count);
    if (sql === undefined) {
      // Kysely's types follow one table at a time; which columns there are is checked where rows are handed over.
      const insert = tx.insertInto(table) as unknown as InsertQueryBuilder<
        Record<string, Record<string, Value>>,
        string,
        InsertResult
      >;
      const row = Object.fromEntries(columns.map((column) => [column, 0]));
      sql = insert
        .values(Array.from({ length: count }, () => row))
        .onConflict((conflict) => conflict.columns([...key]).doNothing())
        .compile().sql;
      known.set(count, sql);
    }
    return sql;
  };
  return async (tx, rows) => {
    let inserted = 0;
    for (let at = 0; at < rows.length; ) {
      const count = CHUNK_ROWS.find((size) => size <= rows.length - at) ?? 1;
      const parameters: Value[] = [];
      for (let i = at; i < at + count; i++) {
        const row = rows[i] as Record<C, Value>;
        for (const column of columns) parameters.push(row[column]);
      }
      const { numAffectedRows } = await tx.executeQuery(
        CompiledQuery.raw(statementFor(tx, count), parameters),
      );
      inserted += Number(numAffectedRows ?? 0n);
      at += count;
    }
    return inserted;
  };
}
