// The suppression list: addresses and domains to which no mail goes, whoever wants to send it, until somebody takes them
// off it.
import type { SuppressionInput, SuppressionReason, SuppressionView } from '../contracts/suppression.ts';
import type { Clock } from '../kernel/clock.ts';
import { notFound, PosternError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { addressForm, domainForm } from '../rules/addresses.ts';
import type { SuppressionsTable } from '../store/schema.ts';
import type { Reader, Store, Tx } from '../store/store.ts';
import { type Suppression, suppressedAmong, suppressionForm } from './suppressed.ts';

const WRITTEN_AT_ONCE = 500; // of a list that is imported: others have their turn in between

export interface SuppressionFilter {
  /** Part of the address, in any case of letters. */
  address?: string | undefined;
  /** An account's id: those that hold for its mail alone. */
  account?: string | undefined;
  reason?: SuppressionReason | undefined;
  list?: string | undefined;
  limit: number;
  before?: string | undefined;
}

/** An entry as a room of ours makes it. */
export interface NewSuppression {
  address: string;
  reason: SuppressionReason;
  /** The id of the only account that it holds for; null or absent: for all. */
  accountId?: string | null | undefined;
  list?: string | null | undefined;
  note?: string | null | undefined;
  source?: string | null | undefined;
  by: string;
  expiresAt?: number | null | undefined;
}

export class Suppressions {
  readonly #store: Store;
  readonly #clock: Clock;

  constructor({ store, clock }: { store: Store; clock: Clock }) {
    this.#store = store;
    this.#clock = clock;
  }

  /**
   * Those of the addresses to which no mail of the account may go, as they were written, and why.
   * @param list the broadcast that the mail is part of
   */
  among(
    reader: Reader,
    accountId: string,
    addresses: readonly string[],
    list: string | null = null,
  ): Promise<Map<string, Suppression>> {
    return suppressedAmong(reader, { accountId, list, now: this.#clock.now() }, addresses);
  }

  /** The newest first. Entries that have expired are not shown. */
  async list(filter: SuppressionFilter): Promise<SuppressionView[]> {
    const { address, account, reason, list, limit, before } = filter;
    const now = this.#clock.now();
    let query = this.#store.db
      .selectFrom('suppressions')
      .selectAll()
      .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', now)]))
      .orderBy('id', 'desc')
      .limit(limit);
    if (address !== undefined) {
      const part = address
        .normalize('NFC')
        .toLowerCase()
        .replace(/[\\%_]/g, '\\$&');
      query = query.where((eb) => eb('value', 'like', eb.val(`%${part}%`)));
    }
    if (account !== undefined) query = query.where('scope', '=', account);
    if (reason !== undefined) query = query.where('reason', '=', reason);
    if (list !== undefined) query = query.where('list', '=', list);
    if (before !== undefined) query = query.where('id', '<', before);
    return (await query.execute()).map(viewOf);
  }

  /** @throws PosternError `not_found` */
  async get(id: string): Promise<SuppressionView> {
    const row = await this.#store.db
      .selectFrom('suppressions')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst();
    if (!row) throw notFound('suppression', id);
    return viewOf(row);
  }

  /** Adds what a person wrote. What is there already is written over. @throws PosternError `suppression_invalid` */
  async add(
    input: Omit<SuppressionInput, 'account'>,
    accountId: string | null,
    by: string,
  ): Promise<SuppressionView> {
    const entry = { ...input, accountId, expiresAt: input.expires_at, by };
    const id = await this.#store.write((tx) => suppressWritten(tx, this.#clock.now(), entry));
    return this.get(id);
  }

  /** @returns how many entries there are of it now. @throws PosternError `suppression_invalid`, with nothing written */
  async import(entries: readonly NewSuppression[]): Promise<number> {
    for (const { address } of entries) suppressionValue(address);
    for (let at = 0; at < entries.length; at += WRITTEN_AT_ONCE) {
      await this.#store.write(async (tx) => {
        for (const entry of entries.slice(at, at + WRITTEN_AT_ONCE))
          await suppressWritten(tx, this.#clock.now(), entry);
      });
    }
    return entries.length;
  }

  /** @throws PosternError `not_found` */
  async remove(id: string): Promise<void> {
    const removed = await this.#store.write((tx) =>
      tx.deleteFrom('suppressions').where('id', '=', id).returning('id').executeTakeFirst(),
    );
    if (!removed) throw notFound('suppression', id);
  }
}

/** What a person wrote: an address, or a whole domain. @throws PosternError `suppression_invalid` */
const suppressWritten = (tx: Tx, now: number, entry: NewSuppression): Promise<string> =>
  putOnList(tx, now, suppressionValue(entry.address), entry);

/**
 * Puts the recipient of a mail on the list, in the transaction of what it follows from. It is that address and no other:
 * anybody may write to us from `*@example.org`, and what comes back of the answer is no word about the whole domain. What a
 * person wrote for the same address is not written over by a machine, and a complaint not by a bounce.
 * @returns its id, or that of the one that is there
 */
export const suppress = (tx: Tx, now: number, entry: NewSuppression): Promise<string> =>
  putOnList(tx, now, suppressionForm(entry.address), entry);

async function putOnList(tx: Tx, now: number, value: string, entry: NewSuppression): Promise<string> {
  const scope = entry.accountId ?? '';
  const list = entry.list ?? '';
  const before = await tx
    .selectFrom('suppressions')
    .select(['id', 'reason', 'expires_at'])
    .where('value', '=', value)
    .where('scope', '=', scope)
    .where('list', '=', list)
    .executeTakeFirst();
  const row = {
    reason: entry.reason,
    note: entry.note ?? null,
    source: entry.source ?? null,
    created_by: entry.by,
    created_at: now,
    expires_at: entry.expiresAt ?? null,
  };
  if (!before) {
    const id = newId('sup', now);
    await tx
      .insertInto('suppressions')
      .values({ id, scope, value, list, ...row })
      .execute();
    return id;
  }
  const isOver = before.expires_at !== null && before.expires_at <= now;
  if (isOver || weightOf(entry.reason) >= weightOf(before.reason as SuppressionReason)) {
    await tx.updateTable('suppressions').set(row).where('id', '=', before.id).execute();
  }
  return before.id;
}

const WEIGHTS = ['soft_bounces', 'hard_bounce', 'unsubscribe', 'complaint', 'manual'] as const;
const weightOf = (reason: SuppressionReason): number => WEIGHTS.indexOf(reason);

/**
 * An address in the form in which addresses are compared; a domain with an @ before it.
 * @throws PosternError `suppression_invalid`
 */
export function suppressionValue(written: string): string {
  const text = written.trim().replace(/^\*@/, '@');
  const at = text.lastIndexOf('@');
  const form = addressForm(text);
  const domain = at > 0 ? form.domain : domainForm(text.slice(at + 1));
  const isDomain = domain.includes('.') && !/[\s,;<>@/\\:*?]/.test(domain);
  if (at > 0 && isDomain && !/[\s,;<>@]/.test(form.local)) return form.address;
  if (at <= 0 && isDomain) return `@${domain}`;
  throw new PosternError(
    'suppression_invalid',
    `${JSON.stringify(text.slice(0, 100))} is no address and no domain.`,
    {
      hint: 'Write anna@example.org, or @example.org for everybody there.',
    },
  );
}

const viewOf = (row: SuppressionsTable): SuppressionView => ({
  id: row.id,
  address: row.value,
  account_id: row.scope === '' ? null : row.scope,
  list: row.list === '' ? null : row.list,
  reason: row.reason as SuppressionReason,
  note: row.note,
  source: row.source,
  created_by: row.created_by,
  created_at: row.created_at,
  expires_at: row.expires_at,
});
