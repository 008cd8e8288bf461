// Searches kept under a name with an account, so that people and programs ask the same thing again (FEATURES C4).
import { type StoredQuery, type StoredSearch, storedSearch } from '../contracts/connector.ts';
import type { Clock } from '../kernel/clock.ts';
import { notFound, PosternError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { StoredQueriesTable } from '../store/schema.ts';
import type { Store } from '../store/store.ts';

const MAX_QUERIES = 500; // of one account: names that people gave, not a heap that a program fills

export class StoredQueries {
  readonly #store: Store;
  readonly #clock: Clock;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** By name. */
  async list(accountId: string): Promise<StoredQuery[]> {
    const rows = await this.#store.db
      .selectFrom('stored_queries')
      .selectAll()
      .where('account_id', '=', accountId)
      .orderBy('name')
      .limit(MAX_QUERIES)
      .execute();
    return rows.map(queryOf);
  }

  /** @throws PosternError `not_found` */
  async get(accountId: string, name: string): Promise<StoredQuery> {
    const row = await this.#store.db
      .selectFrom('stored_queries')
      .selectAll()
      .where('account_id', '=', accountId)
      .where('name', '=', name)
      .executeTakeFirst();
    if (!row) throw notFound('stored query', name);
    return queryOf(row);
  }

  /** Keeps a search under a name, in the place of what was there. @throws PosternError `too_many_queries` */
  async save(accountId: string, name: string, search: StoredSearch): Promise<StoredQuery> {
    const now = this.#clock.now();
    await this.#store.write(async (tx) => {
      const { count } = await tx
        .selectFrom('stored_queries')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .where('account_id', '=', accountId)
        .where('name', '<>', name)
        .executeTakeFirstOrThrow();
      if (Number(count) >= MAX_QUERIES) {
        throw new PosternError('too_many_queries', `An account has at most ${MAX_QUERIES} stored queries.`);
      }
      const text = JSON.stringify(search);
      await tx
        .insertInto('stored_queries')
        .values({
          id: newId('qry', now),
          account_id: accountId,
          name,
          search: text,
          created_at: now,
          updated_at: now,
        })
        .onConflict((on) => on.columns(['account_id', 'name']).doUpdateSet({ search: text, updated_at: now }))
        .execute();
    });
    return this.get(accountId, name);
  }

  /** @throws PosternError `not_found` */
  async remove(accountId: string, name: string): Promise<void> {
    const { numDeletedRows } = await this.#store.db
      .deleteFrom('stored_queries')
      .where('account_id', '=', accountId)
      .where('name', '=', name)
      .executeTakeFirst();
    if (Number(numDeletedRows) === 0) throw notFound('stored query', name);
  }
}

const queryOf = (row: StoredQueriesTable): StoredQuery => ({
  ...storedSearch.parse(JSON.parse(row.search)),
  id: row.id,
  account_id: row.account_id,
  name: row.name,
  created_at: row.created_at,
  updated_at: row.updated_at,
});
