// The record of what was asked of the operations that keep one: who, what, about which place, and how it ended. No
// content and no secret comes into it. Rows are only ever added, so that they can be chained later.
import type { AuditEntry } from '../contracts/connector.ts';
import type { Clock } from '../kernel/clock.ts';
import { newId } from '../kernel/ids.ts';
import type { Reader, Store, Tx } from '../store/store.ts';

const MAX_TARGET_CHARS = 1200; // an account and the longest mailbox

export type NewEntry = Omit<AuditEntry, 'id' | 'at'>;

export interface AuditFilter {
  operation?: string | undefined;
  principal?: string | undefined;
  limit: number;
  /** Only entries from before this id. */
  before?: string | undefined;
}

export class Audit {
  readonly #store: Store;
  readonly #clock: Clock;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** @param writer a transaction, where the entry and what it tells of belong together */
  async record(entry: NewEntry, writer: Reader = this.#store.db): Promise<void> {
    const at = this.#clock.now();
    const target = entry.target.slice(0, MAX_TARGET_CHARS);
    await writer
      .insertInto('audit')
      .values({ ...entry, target, id: newId('aud', at), at })
      .execute();
  }

  /** What the gateway does by itself, in the transaction of what it tells of. */
  readonly own = (
    tx: Tx,
    { operation, target, requestId }: { operation: string; target: string; requestId: string },
  ): Promise<void> => {
    const outcome = { outcome: 'ok', code: null, request_id: requestId } as const;
    return this.record({ principal: 'postern', operation, target, ...outcome }, tx);
  };

  /** The newest first. */
  async list(filter: AuditFilter): Promise<AuditEntry[]> {
    let query = this.#store.db.selectFrom('audit').selectAll().orderBy('id', 'desc').limit(filter.limit);
    if (filter.operation !== undefined) query = query.where('operation', '=', filter.operation);
    if (filter.principal !== undefined) query = query.where('principal', '=', filter.principal);
    if (filter.before !== undefined) query = query.where('id', '<', filter.before);
    return (await query.execute()) as AuditEntry[];
  }
}
