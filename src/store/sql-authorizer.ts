// What a statement may do in the SQL sandbox: read the views that are there for it, and call functions that only compute.
// SQLite asks for every table, column and function when it compiles a statement; whatever is not allowed here is denied.
import { constants } from 'node:sqlite';

/** Functions that depend on their arguments and the clock alone, and make nothing large out of something small. */
const FUNCTIONS = new Set(
  [
    'abs ceil ceiling char coalesce concat concat_ws floor format glob hex if ifnull iif instr length like likelihood',
    'likely lower ltrim max min mod nullif octet_length pow power printf quote random replace round rtrim sign sqrt',
    'substr substring trim trunc typeof unhex unicode unlikely upper exp ln log log10 log2 pi',
    'date time datetime julianday unixepoch strftime timediff current_date current_time current_timestamp',
    'avg count group_concat string_agg sum total median percentile percentile_cont percentile_disc',
    'row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value',
    'json json_array json_array_length json_extract json_object json_patch json_pretty json_quote json_type json_valid',
    'json_set json_insert json_replace json_remove json_group_array json_group_object json_error_position -> ->>',
  ].flatMap((line) => line.split(' ')),
);
const TABLE_FUNCTIONS = new Set(['json_each', 'json_tree']);

export interface Known {
  /** Views and connector tables that a query may name. */
  tables: ReadonlySet<string>;
  /** The ledger's schema, and the beginning of the names of the views that read it: no query knows it. */
  secret: string;
  /** Names, in lower case, that must not even be counted: tables behind no view, and virtual tables. */
  hidden: ReadonlySet<string>;
}

export interface Denial {
  /** What was asked for: a table, a function, or something else that is not reading. */
  what: 'table' | 'function' | 'statement';
  name: string;
}

/**
 * The callback for `setAuthorizer`; `denied` hears what was refused. SQLite names, beside a column, the view through
 * which it is read. A common table expression is named in the same way, so the name of the view must be one that a
 * query cannot know: hence the inner views.
 */
export function authorizer(known: Known, denied: (denial: Denial) => void) {
  const { SQLITE_OK, SQLITE_DENY, SQLITE_SELECT, SQLITE_READ, SQLITE_FUNCTION, SQLITE_RECURSIVE } = constants;
  const check = (allowed: boolean, denial: Denial): number => {
    if (!allowed) denied(denial);
    return allowed ? SQLITE_OK : SQLITE_DENY;
  };
  return (
    action: number,
    first: string | null,
    second: string | null,
    database: string | null,
    through: string | null,
  ): number => {
    if (action === SQLITE_SELECT || action === SQLITE_RECURSIVE) return SQLITE_OK;
    if (action === SQLITE_FUNCTION) {
      const name = (second ?? '').toLowerCase();
      return check(FUNCTIONS.has(name), { what: 'function', name });
    }
    if (action !== SQLITE_READ) return check(false, { what: 'statement', name: first ?? '' });
    const table = first ?? '';
    const denial: Denial = { what: 'table', name: table };
    const isOurs = (name: string | null): boolean => name?.startsWith(known.secret) === true;
    if (isOurs(table) || TABLE_FUNCTIONS.has(table.toLowerCase())) return SQLITE_OK;
    if (database === 'temp') return check(known.tables.has(table.toLowerCase()), denial);
    // Without a column it is only counted. The name of the ledger's schema is known to the views alone.
    if (isOurs(database)) return check(second === '' || isOurs(through), denial);
    return check(database === null && second === '' && countable(known, table), denial);
  };
}

/** A table of which no column is used, as in count(*), may be one that `with` made: then nothing says so. */
function countable({ hidden }: Known, table: string): boolean {
  const name = table.toLowerCase();
  return !hidden.has(name) && !name.startsWith('sqlite_') && !name.startsWith('pragma_');
}
