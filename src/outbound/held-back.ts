// What is over a limit waits, and says why where people look. Where the limit is the account's, everything of it that is due
// waits as well, in its order; where it is a domain's or an address's, only the mail itself.
import { outboxPool, sendJob } from '../jobs/kinds.ts';
import { behindOthers, markSpread, spreadDue } from '../jobs/spread.ts';
import type { JobContext } from '../jobs/worker.ts';
import type { Clock } from '../kernel/clock.ts';
import type { SubmissionRow } from '../store/schema.ts';
import type { Reader, Store } from '../store/store.ts';
import type { Hold } from './cadence.ts';
import type { Outbox } from './outbox.ts';

const MAX_SCOPES = 10_000; // domains and addresses that mail waits for, in this process

export interface HeldBackParts {
  store: Store;
  outbox: Outbox;
  clock: Clock;
}

interface Slots {
  from: number;
  given: number;
}

export class HeldBack {
  readonly #parts: HeldBackParts;
  /** By account and scope: how many mails were told to come when. */
  readonly #slots = new Map<string, Slots>();

  constructor(parts: HeldBackParts) {
    this.#parts = parts;
  }

  async hold(row: SubmissionRow, hold: Hold, context: JobContext): Promise<void> {
    const { store, outbox, clock } = this.#parts;
    const now = clock.now();
    const { kind } = sendJob(row.priority, now, now);
    const spread = {
      ...{ kind, pool: outboxPool(row.account_id) },
      ...{ from: hold.until, count: hold.max, windowMs: hold.windowMs },
    };
    const isAll = hold.scope === 'account';
    const slot = isAll ? hold.until : this.#slotOf(row.account_id, hold, now);
    await store.write(async (tx) => {
      const isFirst = isAll && row.priority !== 'person';
      const at = isFirst ? await behindOthers(tx, context.id, spread) : slot;
      await outbox.hold(tx, row, at, reasonOf(hold, at));
      await context.putOff(tx, at);
      await markSpread(tx, context.id);
      if (!isAll) return;
      await spreadDue(tx, this.#parts, spread);
      const wait = { until: hold.until, reason: reasonOf(hold, hold.until) };
      await tx
        .insertInto('send_waits')
        .values({ account_id: row.account_id, is_bulk: row.priority === 'bulk' ? 1 : 0, ...wait })
        .onConflict((conflict) => conflict.columns(['account_id', 'is_bulk']).doUpdateSet(wait))
        .execute();
    });
  }

  #slotOf(accountId: string, { scope, until, max, windowMs }: Hold, now: number): number {
    if (this.#slots.size > MAX_SCOPES) this.#slots.clear(); // they come together then, and are put off again
    const key = `${accountId}|${scope}`;
    const known = this.#slots.get(key);
    const slots = known && known.from > now ? known : { from: until, given: 0 };
    this.#slots.set(key, slots);
    return slots.from + Math.floor(slots.given++ / max) * windowMs;
  }
}

const reasonOf = ({ limit }: Hold, at: number): string =>
  `Waits: ${limit}. Next at ${new Date(at).toISOString()}.`;

/** Why the mail of accounts waits now, by account and whether it is a broadcast's. */
export async function waitsOf(
  reader: Reader,
  accounts: readonly string[],
  now: number,
): Promise<
  (row: Pick<SubmissionRow, 'account_id' | 'priority'>) => { until: number; reason: string } | null
> {
  if (accounts.length === 0) return () => null;
  const rows = await reader
    .selectFrom('send_waits')
    .selectAll()
    .where('account_id', 'in', accounts)
    .where('until', '>', now)
    .execute();
  return ({ account_id: id, priority }) =>
    rows.find((row) => row.account_id === id && (row.is_bulk === 1) === (priority === 'bulk')) ?? null;
}
