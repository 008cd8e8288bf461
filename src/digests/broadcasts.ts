// Broadcasts as people see them, and what people decide: one approval for all of it, by the digest of what was shown; and the
// word to wait, to go on, or to stop in the middle.
import type {
  BroadcastCounts,
  BroadcastDetail,
  BroadcastInput,
  BroadcastRecipient,
  BroadcastState,
  BroadcastView,
} from '../contracts/broadcast.ts';
import { PosternError } from '../kernel/errors.ts';
import { thawTemplate } from '../outbound/frozen-template.ts';
import { Outbox } from '../outbound/outbox.ts';
import { afterCommit, type Tx } from '../store/store.ts';
import {
  type BroadcastFilter,
  type BroadcastRow,
  broadcastRow,
  broadcastView,
  countsOf,
  listBroadcasts,
  moveBroadcast,
  takeOutcomes,
} from './broadcast-rows.ts';
import { readContent } from './content.ts';
import { wayOutFor, wordsFor } from './mail.ts';
import { enqueueRun, type MakeParts, makeBroadcast } from './make.ts';
import { recipientsOf } from './recipients.ts';
import { takeBack } from './take-back.ts';

const SAMPLES = 3;
const SHOWN_RECIPIENTS = 50;

export class Broadcasts {
  readonly #parts: MakeParts;
  readonly #outbox: Outbox;

  constructor(parts: MakeParts) {
    this.#parts = parts;
    this.#outbox = new Outbox(parts.store, parts.jobs, parts.clock, parts.bus);
  }

  async list(filter: BroadcastFilter): Promise<BroadcastView[]> {
    const { db } = this.#parts.store;
    const rows = await listBroadcasts(db, filter);
    const counts = await countsOf(db, rows);
    return rows.map((row) => broadcastView(row, counts.get(row.id) as BroadcastCounts));
  }

  /** With what a person needs to decide. @throws PosternError `not_found`, `broadcast_damaged` */
  async get(id: string): Promise<BroadcastDetail> {
    const { store, blobs } = this.#parts;
    const row = await broadcastRow(store.db, id);
    const counts = await this.#countsNow(row);
    const { head, recipients } = readContent(await blobs.load(row.content_object_id), row.digest);
    const template = await thawTemplate(head.template);
    const samples: BroadcastDetail['samples'] = [];
    for (const recipient of recipients.slice(0, SAMPLES)) {
      const way = await wayOutFor(this.#parts, head, recipient);
      const { subject, text, html, language } = wordsFor(head, template, recipient, way);
      samples.push({
        ...{ to: [{ name: recipient.name, address: recipient.address }], subject, text, html, language },
      });
    }
    return {
      ...broadcastView(row, counts),
      samples,
      recipients: recipients
        .slice(0, SHOWN_RECIPIENTS)
        .map(({ address, name, language }) => ({ address, name, language })),
      data: { ...head.data },
    };
  }

  /** Those whose turn has come, in the order of the list. @param after the position that the page begins behind */
  async recipients(
    id: string,
    limit: number,
    after = -1,
  ): Promise<(BroadcastRecipient & { position: number })[]> {
    const { db } = this.#parts.store;
    await broadcastRow(db, id);
    const rows = await db
      .selectFrom('broadcast_recipients')
      .select(['position', 'address', 'state', 'submission_id', 'note'])
      .where('broadcast_id', '=', id)
      .where('position', '>', after)
      .orderBy('position')
      .limit(limit)
      .execute();
    return rows as (BroadcastRecipient & { position: number })[];
  }

  /** Makes one that waits for a person. */
  async create(input: BroadcastInput, by: string): Promise<BroadcastView> {
    const { store } = this.#parts;
    const made = await makeBroadcast(this.#parts, {
      ...{ name: input.name, list: input.name, account: input.account, template: input.template },
      ...{ subject: input.subject ?? null, language: input.language ?? null, timezone: null },
      data: input.data ?? {},
      recipients: await recipientsOf(input.to),
      unsubscribe: input.unsubscribe,
      ...{ digestName: null, firingId: null, madeBy: by, approve: true, reportTo: [] },
    });
    try {
      await store.write((tx) => made.record(tx));
    } catch (error) {
      await made.discard();
      throw error;
    }
    return this.#view(made.id);
  }

  /**
   * Lets all of it leave: exactly what the digest names.
   * @throws PosternError `broadcast_digest_mismatch`, `broadcast_state`, `broadcast_damaged`
   */
  async approve(id: string, digest: string, by: string): Promise<BroadcastView> {
    const { store, blobs, clock, jobs } = this.#parts;
    const seen = await broadcastRow(store.db, id);
    if (seen.digest !== digest)
      throw new PosternError(
        'broadcast_digest_mismatch',
        `The broadcast ${id} is not what was looked at: its digest is another one.`,
        { hint: 'Look at it again, and approve what it is.' },
      );
    readContent(await blobs.load(seen.content_object_id), digest);
    const now = clock.now();
    const change = { decided_by: by, decided_at: now, started_at: now };
    await this.#move(id, ['waiting'], 'running', change, (tx) => enqueueRun(jobs, tx, id));
    return this.#view(id);
  }

  async reject(id: string, feedback: string | null, by: string): Promise<BroadcastView> {
    const now = this.#parts.clock.now();
    await this.#move(id, ['waiting'], 'rejected', {
      decided_by: by,
      decided_at: now,
      feedback,
      ended_at: now,
    });
    return this.#view(id);
  }

  /** What is in the outbox already leaves; nothing more is put in. */
  async pause(id: string): Promise<BroadcastView> {
    await this.#move(id, ['running'], 'paused', {});
    return this.#view(id);
  }

  /** Also one that has stopped by itself, once what stopped it was mended. */
  async resume(id: string): Promise<BroadcastView> {
    const change = { error: null, ended_at: null };
    await this.#move(id, ['paused', 'failed'], 'running', change, (tx) =>
      enqueueRun(this.#parts.jobs, tx, id),
    );
    return this.#view(id);
  }

  /** Ends it: what has not begun to leave is taken back. */
  async cancel(id: string, by: string): Promise<BroadcastView> {
    const { clock, store } = this.#parts;
    const now = clock.now();
    await this.#move(id, ['waiting', 'running', 'paused'], 'cancelled', {
      ...{ ended_at: now, feedback: `Cancelled by ${by}.` },
    });
    await takeBack({ store, outbox: this.#outbox }, await broadcastRow(store.db, id));
    await store.write((tx) => takeOutcomes(tx, id, clock.now()));
    return this.#view(id);
  }

  /** What nobody knew when it ended may be known by now: nothing else looks any more. */
  async #countsNow(row: BroadcastRow): Promise<BroadcastCounts> {
    const { store, clock } = this.#parts;
    const count = async () => (await countsOf(store.db, [row])).get(row.id) as BroadcastCounts;
    const counts = await count();
    if (row.state === 'running' || counts.unknown === 0) return counts;
    const changed = await store.write((tx) => takeOutcomes(tx, row.id, clock.now()));
    return changed > 0 ? count() : counts;
  }

  async #view(id: string): Promise<BroadcastView> {
    const { db } = this.#parts.store;
    const row = await broadcastRow(db, id);
    return broadcastView(row, (await countsOf(db, [row])).get(id) as BroadcastCounts);
  }

  async #move(
    id: string,
    from: readonly BroadcastState[],
    state: BroadcastState,
    change: Partial<
      Pick<BroadcastRow, 'decided_by' | 'decided_at' | 'started_at' | 'ended_at' | 'feedback' | 'error'>
    >,
    also?: (tx: Tx) => Promise<void>,
  ): Promise<void> {
    const { store, clock, bus } = this.#parts;
    await store.write(async (tx) => {
      const row = await moveBroadcast(tx, id, from, { ...change, state, updated_at: clock.now() });
      await also?.(tx);
      afterCommit(tx, () =>
        bus.publish('broadcast.changed', { broadcast_id: id, account_id: row.account_id, state }),
      );
    });
  }
}
