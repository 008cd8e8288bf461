// The durable sources: named consumers of an account's mailboxes, their cursors, and the readings that are open.
import type { Account, Accounts } from '../accounts/accounts.ts';
import type { Bus } from '../cluster/bus.ts';
import type { SourceConsumer, SourceDefinition, SourceStart } from '../contracts/source.ts';
import type { ImapPool } from '../imap/pool.ts';
import type { Clock } from '../kernel/clock.ts';
import { notFound, PosternError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { Part } from '../kernel/lifecycle.ts';
import type { SourceConsumersTable } from '../store/schema.ts';
import { afterCommit, type Store } from '../store/store.ts';
import { acknowledge } from './source-acknowledge.ts';
import { beginningsAt, beginningsFrom } from './source-beginnings.ts';
import { type ContentOptions, contentBytes } from './source-content.ts';
import { beginAt, bumpEpoch } from './source-cursors.ts';
import { readPosition, unknownPosition } from './source-position.ts';
import { type ReadingOptions, type SourceItem, SourceReading } from './source-reader.ts';
import { consumerView, insertConsumer } from './source-records.ts';

const NEXT_BYTES = 8 * 1024 * 1024; // of content in one answer, and one message at the least
const POLL_MS = 5_000; // mailboxes that nobody watches; a STATUS of each costs the server next to nothing

export interface SourcesParts {
  store: Store;
  clock: Clock;
  bus: Bus;
  accounts: Pick<Accounts, 'get' | 'find'>;
  imap: Pick<ImapPool, 'use'>;
  /** For tests. */
  pollMs?: number;
}

export interface Acknowledged {
  /** Messages that this acknowledged for the first time. */
  acknowledged: number;
  consumer: SourceConsumer;
}

/** Where to move a consumer: one mailbox or all, or to a position that was handed out. */
export type SeekTarget = { mailbox?: string | undefined; to: SourceStart } | { position: string };

interface OpenReading {
  accountId: string;
  wake(): void;
  end(): void;
}

export class Sources implements Part {
  readonly name = 'sources';
  readonly #parts: SourcesParts;
  readonly #open = new Map<string, Set<OpenReading>>();
  #unsubscribe: () => void = () => undefined;

  constructor(parts: SourcesParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#unsubscribe = this.#parts.bus.subscribe(({ type, data }) => {
      if (type !== 'message.received') return;
      for (const readings of this.#open.values())
        for (const reading of readings) if (reading.accountId === data.account_id) reading.wake();
    });
  }

  stop(): void {
    this.#unsubscribe();
    for (const readings of this.#open.values()) for (const reading of readings) reading.end();
  }

  /**
   * Makes a consumer, or gives the one of that name. Its cursors are set now, so that `now` means now.
   * @throws PosternError `source_differs` where the name is taken for other mailboxes, `mailbox_missing`,
   *   `too_many_sources`
   */
  async open(
    account: Account,
    definition: SourceDefinition,
    signal?: AbortSignal,
  ): Promise<{ consumer: SourceConsumer; created: boolean }> {
    const { store, clock } = this.#parts;
    const { name, from } = definition;
    const mailboxes = definition.mailboxes ? [...new Set(definition.mailboxes)].sort() : null;
    const text = mailboxes && JSON.stringify(mailboxes);
    const before = await this.#byName(account.id, name);
    if (before) return { consumer: await this.#same(before, text), created: false };
    const beginnings = await this.#parts.imap.use(account.id, (connection) =>
      beginningsFrom(connection, mailboxes, from, clock.now(), signal),
    );
    const id = newId('src', clock.now());
    const created = await store.write(async (tx) => {
      const now = clock.now();
      const row = { id, account_id: account.id, name, mailboxes: text, epoch: 0, created_at: now };
      if (!(await insertConsumer(tx, { ...row, last_seen_at: null }))) return false;
      for (const { state, beginning } of beginnings) await beginAt(tx, id, state, beginning, now);
      return true;
    });
    if (created) return { consumer: await this.get(id), created };
    const winner = await this.#byName(account.id, name);
    if (!winner) throw notFound('source', name);
    return { consumer: await this.#same(winner, text), created };
  }

  /** Of one account or of all, by name. */
  async list(accountId?: string): Promise<SourceConsumer[]> {
    let query = this.#parts.store.db.selectFrom('source_consumers').selectAll().orderBy('name').orderBy('id');
    if (accountId !== undefined) query = query.where('account_id', '=', accountId);
    return Promise.all((await query.execute()).map((row) => consumerView(this.#parts.store.db, row)));
  }

  /** By id, or by name where one account alone has it. @throws PosternError `not_found` */
  async get(idOrName: string): Promise<SourceConsumer> {
    const rows = await this.#parts.store.db
      .selectFrom('source_consumers')
      .selectAll()
      .where((eb) => eb.or([eb('id', '=', idOrName), eb('name', '=', idOrName)]))
      .limit(2)
      .execute();
    const row = rows.find(({ id }) => id === idOrName) ?? rows[0];
    if (!row) throw notFound('source', idOrName);
    if (rows.length > 1 && row.id !== idOrName) {
      throw new PosternError('invalid_input', `Several accounts have a source ${idOrName}.`, {
        hint: 'Name it by its id (src_…).',
      });
    }
    return consumerView(this.#parts.store.db, row);
  }

  /**
   * Moves the cursors forward, in one transaction: all positions or none.
   * @throws PosternError `position_unknown`, `uid_validity_changed`
   */
  async acknowledge(consumerId: string, positions: readonly string[]): Promise<Acknowledged> {
    const { store, clock } = this.#parts;
    const places = positions.map(readPosition);
    const acknowledged = await store.write(async (tx) => {
      const now = clock.now();
      let count = 0;
      for (const place of places) count += await acknowledge(tx, consumerId, place, now);
      await tx
        .updateTable('source_consumers')
        .set({ last_seen_at: now })
        .where('id', '=', consumerId)
        .execute();
      afterCommit(tx, () => {
        for (const reading of this.#open.get(consumerId) ?? []) reading.wake();
      });
      return count;
    });
    return { acknowledged, consumer: await this.get(consumerId) };
  }

  /**
   * Moves cursors to anywhere, back too. Streams that are open end, and go on from there when they are opened again.
   * @throws PosternError `mailbox_missing`, `position_unknown`
   */
  async seek(consumerId: string, target: SeekTarget, signal?: AbortSignal): Promise<SourceConsumer> {
    const { store, clock, accounts } = this.#parts;
    const consumer = await this.get(consumerId);
    const account = await accounts.get(consumer.account_id);
    const place = 'position' in target ? readPosition(target.position) : null;
    const mailbox = 'position' in target ? place?.mailbox : target.mailbox;
    if (mailbox !== undefined && consumer.mailboxes && !consumer.mailboxes.includes(mailbox)) {
      throw place ? unknownPosition() : notFound('mailbox', mailbox);
    }
    const mailboxes = mailbox === undefined ? consumer.mailboxes : [mailbox];
    const beginnings = await this.#parts.imap.use(account.id, (connection) =>
      'position' in target
        ? beginningsAt(connection, readPosition(target.position), signal)
        : beginningsFrom(connection, mailboxes, target.to, clock.now(), signal),
    );
    await store.write(async (tx) => {
      await bumpEpoch(tx, consumer.id, clock.now());
      for (const { state, beginning } of beginnings)
        await beginAt(tx, consumer.id, state, beginning, clock.now());
      afterCommit(tx, () => this.#end(consumer.id));
    });
    return this.get(consumer.id);
  }

  async remove(consumerId: string): Promise<void> {
    const { id } = await this.get(consumerId);
    await this.#parts.store.write(async (tx) => {
      await tx.deleteFrom('source_consumers').where('id', '=', id).execute();
      await tx.deleteFrom('source_cursors').where('consumer_id', '=', id).execute();
      await tx.deleteFrom('source_deliveries').where('consumer_id', '=', id).execute();
      afterCommit(tx, () => this.#end(id));
    });
  }

  /**
   * Reads for a consumer from its cursors on; a stream that it had before ends.
   * @throws PosternError `source_superseded` when another stream is opened or the consumer is moved, and what no
   *   waiting mends
   */
  async *stream(
    consumerId: string,
    options: ReadingOptions,
    signal: AbortSignal,
  ): AsyncGenerator<SourceItem> {
    const { store, clock } = this.#parts;
    const { id } = await this.get(consumerId);
    const epoch = await store.write(async (tx) => {
      const number = await bumpEpoch(tx, id, clock.now());
      afterCommit(tx, () => this.#end(id));
      return number;
    });
    yield* this.#read(id, epoch, options, signal);
  }

  /**
   * The next from the cursors on: at most `limit`, and fewer where they are large. They come again until acknowledged.
   * @param take is given each in its turn, while its content is there
   */
  async next<T>(
    consumerId: string,
    limit: number,
    options: ContentOptions,
    signal: AbortSignal,
    take: (item: SourceItem) => Promise<T>,
  ): Promise<{ items: T[]; caughtUp: boolean }> {
    const { id } = await this.get(consumerId);
    const { epoch } = await this.#parts.store.db
      .selectFrom('source_consumers')
      .select('epoch')
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    const items: T[] = [];
    let messages = 0;
    let bytes = 0;
    const reading = { ...options, maxInFlight: limit, follow: false };
    for await (const item of this.#read(id, epoch, reading, signal)) {
      if (item.type === 'caught_up') return { items, caughtUp: true };
      if (item.type === 'opened') continue;
      items.push(await take(item));
      if (item.type === 'message') bytes += contentBytes(item.found);
      if (item.type !== 'renumbered' && ++messages >= limit) break;
      if (bytes >= NEXT_BYTES) break;
    }
    return { items, caughtUp: false };
  }

  async *#read(
    id: string,
    epoch: number,
    options: ReadingOptions,
    signal: AbortSignal,
  ): AsyncGenerator<SourceItem> {
    const { store, clock, imap, accounts, pollMs = POLL_MS } = this.#parts;
    const consumer = await this.get(id);
    const account = await accounts.get(consumer.account_id);
    const ended = new AbortController();
    const until = AbortSignal.any([signal, ended.signal]);
    const reading = new SourceReading(
      { store, clock, imap, pollMs },
      { consumer, epoch, account },
      options,
      until,
    );
    const open = { accountId: account.id, wake: () => reading.wake(), end: () => ended.abort() };
    const readings = this.#open.get(id) ?? new Set();
    this.#open.set(id, readings.add(open));
    try {
      yield* reading.items();
      if (ended.signal.aborted) {
        throw new PosternError(
          'source_superseded',
          'Another stream was opened for this consumer, or it was moved or removed.',
        );
      }
    } finally {
      readings.delete(open);
      if (readings.size === 0 && this.#open.get(id) === readings) this.#open.delete(id);
    }
  }

  #end(consumerId: string): void {
    for (const reading of this.#open.get(consumerId) ?? []) reading.end();
  }

  async #byName(accountId: string, name: string): Promise<SourceConsumersTable | undefined> {
    return this.#parts.store.db
      .selectFrom('source_consumers')
      .selectAll()
      .where('account_id', '=', accountId)
      .where('name', '=', name)
      .executeTakeFirst();
  }

  async #same(row: SourceConsumersTable, mailboxes: string | null): Promise<SourceConsumer> {
    if (row.mailboxes === mailboxes) return consumerView(this.#parts.store.db, row);
    throw new PosternError('source_differs', `There is a source ${row.name} of other mailboxes already.`, {
      hint: 'Choose another name, or remove the one that is there.',
      details: { id: row.id },
    });
  }
}
