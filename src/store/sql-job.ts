// What the gateway and the process of a query say to each other. Rows go in batches, so that neither side ever holds up
// its event loop with megabytes in one piece.
import type { SqlColumn } from './sql-views.ts';

/** JSON-safe: an integer past 2^53 is a decimal text, a blob is base64, an infinite number is null. */
export type SqlValue = string | number | null;
export type SqlParameter = SqlValue | bigint;

/** A table that exists for one query. */
export interface SqlTable {
  name: string;
  columns: readonly SqlColumn[];
  rows: readonly (readonly SqlValue[])[];
}

export interface SqlLimits {
  timeMs: number;
  rows: number;
  /** Of the answer as JSON. */
  resultBytes: number;
  /** That the query's process may take besides what it needs for itself. */
  memoryBytes: number;
}

export interface SqlJob {
  ledger: string;
  sql: string;
  /** By their names without a colon. */
  parameters: Readonly<Record<string, SqlParameter>>;
  rows: number;
  resultBytes: number;
}

export type ToChild =
  | { kind: 'table'; name: string; columns: readonly SqlColumn[] }
  | { kind: 'rows'; rows: readonly (readonly SqlValue[])[] }
  | { kind: 'run'; job: SqlJob };

export type FromChild =
  | { kind: 'ready' }
  | { kind: 'columns'; columns: string[] }
  | { kind: 'rows'; rows: SqlValue[][] }
  | { kind: 'done' }
  | { kind: 'failed'; failure: SqlFailure };

export interface SqlFailure {
  code: 'sql_invalid' | 'sql_forbidden' | 'sql_too_many_rows' | 'sql_result_too_large' | 'sql_memory_limit';
  message: string;
  /** Where in the statement, as a count of characters; null where SQLite does not say. */
  offset: number | null;
  /** The name that is not known or not allowed, where that is what is wrong. */
  name: string | null;
}

/** Roughly the size of a row as JSON. */
export const rowBytes = (row: readonly SqlValue[]): number => Buffer.byteLength(JSON.stringify(row));

const BATCH_BYTES = 64 * 1024; // a batch takes well under a millisecond to pack and unpack

/** Cuts rows into batches of about 64 kB; a larger row stands alone. */
export function* batches<T extends readonly SqlValue[]>(rows: Iterable<T>): Generator<T[]> {
  let batch: T[] = [];
  let bytes = 0;
  for (const row of rows) {
    const size = rowBytes(row);
    if (bytes + size > BATCH_BYTES && batch.length > 0) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(row);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
