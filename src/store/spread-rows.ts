// Puts off the jobs of a pool that are due, each to its place in a row of windows: one statement, however many there are.
import { sql } from 'kysely';
import type { Tx } from './store.ts';

export interface SpreadRows {
  kind: string;
  pool: string;
  /** When the first of them is due again, epoch milliseconds. */
  from: number;
  /** So many in each window. */
  count: number;
  windowMs: number;
  now: number;
  /** Their error from then on. */
  mark: string;
}

export async function spreadRows(tx: Tx, rows: SpreadRows): Promise<void> {
  const { kind, pool, from, count, windowMs, now, mark } = rows;
  // The casts make the division one of whole numbers on every engine; a millisecond between two keeps their order.
  const [first, many, every] = [from, count, windowMs].map((value) => sql`cast(${value} as bigint)`);
  await sql`update jobs set run_at = placed.at, updated_at = ${now}, error = ${mark} from (
      select id, ${first} + ((row_number() over (order by run_at, id) - 1) / ${many}) * ${every}
        + row_number() over (order by run_at, id) as at
      from jobs where pool = ${pool} and kind = ${kind} and state = 'ready' and run_at <= ${now}
    ) as placed where jobs.id = placed.id`.execute(tx);
}
