// The suppression list as CSV, in and out.
import type { NewSuppression } from '../bounces/suppressions.ts';
import { type SuppressionReason, suppressionReason } from '../contracts/suppression.ts';
import { readCsv } from '../digests/csv.ts';
import { PosternError } from '../kernel/errors.ts';
import type { Rooms } from './rooms.ts';

const ROWS_AT_ONCE = 500;
const MOST_ROWS = 500_000; // of one list that is imported
const COLUMNS = [
  'address',
  'account',
  'list',
  'reason',
  'note',
  'expires_at',
  'created_at',
  'created_by',
] as const;

/** @throws PosternError `suppression_invalid` with the row, `not_found` for an account; nothing is imported then */
export async function importEntries(
  rooms: Pick<Rooms, 'accounts' | 'suppressions'>,
  { csv, account, reason }: { csv: string; account?: string | undefined; reason: SuppressionReason },
  by: string,
): Promise<number> {
  const rows = readCsv(csv);
  if (rows.length > MOST_ROWS) throw invalid(`The list has more than ${MOST_ROWS} rows.`);
  const accountIds = new Map<string, string | null>([['', null]]);
  const entries: NewSuppression[] = [];
  for (const [at, row] of rows.entries()) {
    const address = row.address ?? '';
    if (address === '') throw invalid(`Row ${at + 2} has no address.`);
    const label = row.account || account || '';
    if (!accountIds.has(label)) accountIds.set(label, (await rooms.accounts.find(label)).id);
    entries.push({
      address,
      accountId: accountIds.get(label) ?? null,
      list: row.list || null,
      reason: reasonOf(row.reason, reason, at),
      note: row.note || null,
      expiresAt: timeOf(row.expires_at, at),
      by,
    });
  }
  return rooms.suppressions.import(entries);
}

function reasonOf(written: string | undefined, otherwise: SuppressionReason, at: number): SuppressionReason {
  if (!written) return otherwise;
  const read = suppressionReason.safeParse(written);
  if (read.success) return read.data;
  throw invalid(`Row ${at + 2} has a reason that there is not: ${JSON.stringify(written.slice(0, 40))}.`);
}

function timeOf(written: string | undefined, at: number): number | null {
  if (!written) return null;
  const time = /^\d{10,}$/.test(written) ? Number(written) : Date.parse(written);
  if (Number.isSafeInteger(time)) return time;
  throw invalid(`Row ${at + 2} has an expires_at that is no time: ${JSON.stringify(written.slice(0, 40))}.`);
}

const invalid = (text: string): PosternError =>
  new PosternError('suppression_invalid', text, {
    hint: `The first row names the columns: ${COLUMNS.slice(0, 6).join(', ')}; only address is needed.`,
  });

/** The list, row by row, the newest first. */
export async function* exportRows(
  { suppressions }: Pick<Rooms, 'suppressions'>,
  signal: AbortSignal,
): AsyncGenerator<string> {
  yield `${COLUMNS.join(',')}\r\n`;
  let before: string | undefined;
  for (;;) {
    signal.throwIfAborted();
    const page = await suppressions.list({ limit: ROWS_AT_ONCE, before });
    for (const { account_id: account, ...entry } of page) {
      // A recipient who is called so; read again, it would be everybody of the domain.
      if (entry.address.startsWith('*@')) continue;
      yield `${COLUMNS.map((column) => cell(column === 'account' ? account : entry[column])).join(',')}\r\n`;
    }
    if (page.length < ROWS_AT_ONCE) return;
    before = page.at(-1)?.id;
  }
}

/** Exact, for it is read by programs: a note that begins like a formula stays as it is. */
function cell(value: string | number | null): string {
  if (value === null) return '';
  const text = String(value);
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
