// What a view of the ledger is that SQL may read, and a short way to write one.

export interface SqlColumn {
  name: string;
  /** `json` is text that `->` and `json_each` read; `time` is epoch milliseconds. */
  type: 'text' | 'integer' | 'real' | 'json' | 'time';
}

export interface SqlView {
  name: string;
  about: string;
  columns: readonly SqlColumn[];
  /** What stands behind each column, in the same order, and the `from`. */
  select: string;
}

/** Columns as `name` or `name:type` (text where no type is given), each with an expression where it is not itself. */
export function view(name: string, about: string, columns: Record<string, string>, from: string): SqlView {
  const parts = Object.entries(columns).map(([word, expression]) => {
    const [column, type = 'text'] = word.split(':') as [string, SqlColumn['type'] | undefined];
    return { column, type, expression: expression === '' ? `t.${column}` : expression };
  });
  const list = parts.map(({ column, expression }) => `${expression} as "${column}"`).join(', ');
  return {
    name,
    about,
    columns: parts.map(({ column, type }) => ({ name: column, type })),
    select: `select ${list} from ${from}`,
  };
}

/** The label of an account, which people know better than its id; null once the account is removed. */
export const LABEL = '(select a.label from ledger.accounts a where a.id = t.account_id)';
