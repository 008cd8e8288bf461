// How much left already, in the ledger: counted in the transaction in which content is about to leave, so that it is right
// across nodes and restarts. One statement for a mail, however many limits there are.
import { keptQuery, type QueryValue } from '../store/kept-query.ts';
import type { Reader, Store, Tx } from '../store/store.ts';
import { type Bucket, SPANS, type Span } from './limits.ts';

const ROWS_AT_ONCE = 500; // a statement has room for some thousand values

export interface Count {
  scope: string;
  span: Span;
  at: number;
  mails: number;
  recipients: number;
}

type Adding = (db: Reader, ...values: QueryValue[]) => Promise<Count[]>;
/** By how many rows are added. */
const addings = new Map<number, Adding>();

function addingOf(count: number): Adding {
  const known = addings.get(count);
  if (known) return known;
  const made: Adding = keptQuery((db, ...values: QueryValue[]) => {
    const [account, ...rest] = values as [string, ...never[]];
    const rows = Array.from({ length: count }, (_, row) => {
      const [scope, span, bucket_at, mails, recipients] = rest.slice(row * 5, row * 5 + 5) as never[];
      return {
        account_id: account,
        ...{ scope: scope as never, span: span as never, bucket_at: bucket_at as never },
        ...{ mails: mails as never, recipients: recipients as never },
      };
    });
    return db
      .insertInto('send_counts')
      .values(rows)
      .onConflict((conflict) =>
        conflict.columns(['account_id', 'scope', 'span', 'bucket_at']).doUpdateSet((eb) => ({
          mails: eb('send_counts.mails', '+', eb.ref('excluded.mails')),
          recipients: eb('send_counts.recipients', '+', eb.ref('excluded.recipients')),
        })),
      )
      .returning(['scope', 'span', 'bucket_at as at', 'mails', 'recipients']);
  }) as Adding;
  addings.set(count, made);
  return made;
}

/** @returns what the buckets hold with it, also by other nodes */
export async function addCounts(tx: Tx, accountId: string, counts: readonly Count[]): Promise<Count[]> {
  const totals: Count[] = [];
  for (let at = 0; at < counts.length; at += ROWS_AT_ONCE) {
    const some = counts.slice(at, at + ROWS_AT_ONCE);
    const values = some.flatMap(({ scope, span, at: bucket, mails, recipients }) => [
      ...[scope, span, bucket, mails, recipients],
    ]);
    for (const row of await addingOf(some.length)(tx, accountId, ...values))
      totals.push({
        ...row,
        at: Number(row.at),
        mails: Number(row.mails),
        recipients: Number(row.recipients),
      });
  }
  return totals;
}

/** What still counts, the oldest buckets first, by `scope|span`. */
export async function countsOf(
  reader: Reader,
  accountId: string,
  scopes: readonly string[],
  now: number,
): Promise<Map<string, Bucket[]>> {
  const rows = await reader
    .selectFrom('send_counts')
    .select(['scope', 'span', 'bucket_at', 'mails', 'recipients'])
    .where('account_id', '=', accountId)
    .where('scope', 'in', scopes)
    .where('bucket_at', '>', now - SPANS.day.windowMs - SPANS.day.bucketMs)
    .orderBy('bucket_at')
    .execute();
  const found = new Map<string, Bucket[]>();
  for (const { scope, span, bucket_at: at, mails, recipients } of rows) {
    const key = `${scope}|${span}`;
    found.set(key, [...(found.get(key) ?? []), { at: Number(at), mails, recipients }]);
  }
  return found;
}

/** Removes what counts in no window any more. */
export async function sweepCounts(store: Store, now: number): Promise<void> {
  await store.write(async (tx) => {
    for (const [span, { windowMs, bucketMs }] of Object.entries(SPANS))
      await tx
        .deleteFrom('send_counts')
        .where('span', '=', span)
        .where('bucket_at', '<', now - windowMs - 2 * bucketMs)
        .execute();
  });
}

/** When the warm-up of an account began; null where it has not. */
export async function warmUpStart(reader: Reader, accountId: string): Promise<number | null> {
  const row = await reader
    .selectFrom('send_starts')
    .select('started_at')
    .where('account_id', '=', accountId)
    .executeTakeFirst();
  return row ? Number(row.started_at) : null;
}

export async function beginWarmUp(tx: Tx, accountId: string, now: number): Promise<void> {
  await tx
    .insertInto('send_starts')
    .values({ account_id: accountId, started_at: now })
    .onConflict((conflict) => conflict.column('account_id').doNothing())
    .execute();
}
