// Words that stand in the SQL itself and not as values beside it.
import { type RawBuilder, sql } from 'kysely';

/** A constant of ours, never what somebody wrote: so an engine sees that a partial index holds the rows that are asked for. */
export const literal = <S extends string>(word: S): RawBuilder<S> => sql.lit(word);
