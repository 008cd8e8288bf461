// Queries whose SQL is built once: on the way from a mail to its agent, building a query costs more than running it.
import { type Compilable, CompiledQuery, type DialectAdapter } from 'kysely';
import type { Reader } from './store.ts';

export type QueryValue = string | number | null | Uint8Array;

/** The SQL, and for each parameter in it either the place of a value or a constant of the query. */
interface Kept {
  sql: string;
  parameters: ({ at: number } | { constant: unknown })[];
}

const STAND_IN = '\u0000value ';

/**
 * @param build the query for given values. It is called once, with texts that stand for them: the query must not look at
 *   them, and no part of it may depend on them but its parameters
 * @returns what runs it and gives its rows
 */
export function keptQuery<P extends readonly QueryValue[], R>(
  build: (db: Reader, ...values: P) => Compilable<R>,
): (db: Reader, ...values: P) => Promise<R[]> {
  const known = new WeakMap<DialectAdapter, Kept>(); // engines write SQL in different ways
  const keep = (db: Reader, count: number): Kept => {
    const standIns = Array.from({ length: count }, (_, at) => `${STAND_IN}${at}`);
    const { sql, parameters } = build(db, ...(standIns as unknown as P)).compile();
    return {
      sql,
      parameters: parameters.map((constant) => {
        const at = standIns.indexOf(constant as string);
        return at < 0 ? { constant } : { at };
      }),
    };
  };
  return async (db, ...values) => {
    const { adapter } = db.getExecutor();
    let kept = known.get(adapter);
    if (!kept) {
      kept = keep(db, values.length);
      known.set(adapter, kept);
    }
    const parameters = kept.parameters.map((one) => ('at' in one ? values[one.at] : one.constant));
    return (await db.executeQuery<R>(CompiledQuery.raw(kept.sql, parameters))).rows;
  };
}
