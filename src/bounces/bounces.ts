// The reports that came back, as people read them.
import type { BounceView } from '../contracts/suppression.ts';
import type { Store } from '../store/store.ts';

export interface BounceFilter {
  submission?: string | undefined;
  address?: string | undefined;
  /** An account's id. */
  account?: string | undefined;
  limit: number;
  before?: string | undefined;
}

export class Bounces {
  readonly #store: Store;

  constructor({ store }: { store: Store }) {
    this.#store = store;
  }

  /** The newest first. */
  async list({ submission, address, account, limit, before }: BounceFilter): Promise<BounceView[]> {
    let query = this.#store.db.selectFrom('bounces').selectAll().orderBy('id', 'desc').limit(limit);
    if (submission !== undefined) query = query.where('submission_id', '=', submission);
    if (address !== undefined) query = query.where('address', '=', address);
    if (account !== undefined) query = query.where('account_id', '=', account);
    if (before !== undefined) query = query.where('id', '<', before);
    return (await query.execute()) as BounceView[];
  }
}
