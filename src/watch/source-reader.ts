// One reading of a source: mailbox by mailbox, UID by UID, from the cursor on. It reads a piece, writes down what it hands
// out, hands it out, and reads the next piece only when that was taken: a consumer that stops reading stops the reading.
import type { Account } from '../accounts/accounts.ts';
import type { SourceConsumer } from '../contracts/source.ts';
import type { ImapConnection } from '../imap/connection.ts';
import type { ImapPool } from '../imap/pool.ts';
import { type MailboxState, mailboxStates, readUids, uidsAfter } from '../imap/read-range.ts';
import type { Clock } from '../kernel/clock.ts';
import { codeOf, explain, PosternError, retryOf } from '../kernel/errors.ts';
import { fingerprintOf } from '../mail/fingerprint.ts';
import { metadataOf } from '../mail/metadata.ts';
import type { Store } from '../store/store.ts';
import { Backoff } from './backoff.ts';
import { type ContentOptions, SourceContent, type SourceMessage } from './source-content.ts';
import {
  type Candidate,
  type Cursor,
  cursorOf,
  demandEpoch,
  knownBefore,
  pruneDeliveries,
  recordDeliveries,
} from './source-cursors.ts';
import { positionToken } from './source-position.ts';
import { SourceWindow } from './source-window.ts';

const BATCH_MESSAGES = 100; // header blocks of some 5 kB each: half a megabyte at a time
const LISTED_UIDS = 10_000; // one search for as many; the rest is searched for when they are through
const PRUNE_EVERY_BATCHES = 50;
const RENUMBERED_WAIT_MS = 200; // the server is at it right now
const LONGEST_WAIT_MS = 60_000; // a consumer that waits for mail waits no longer than this after a failure has passed

export type SourceItem =
  | { type: 'opened'; consumer: SourceConsumer }
  | { type: 'message'; position: string; place: MailboxState; found: SourceMessage }
  | {
      type: 'renumbered';
      position: string;
      mailbox: string;
      uidValidity: string;
      previous: string;
      known: number;
    }
  | { type: 'unreadable'; position: string; mailbox: string; uid: number; uidValidity: string }
  | { type: 'caught_up' }
  | { type: 'waiting'; code: string; detail: string };

export interface ReadingOptions extends ContentOptions {
  maxInFlight: number;
  follow: boolean;
}

export interface ReadingParts {
  store: Store;
  clock: Clock;
  imap: Pick<ImapPool, 'use'>;
  /** Milliseconds between two looks at mailboxes of which nobody tells that they changed. */
  pollMs: number;
}

interface Progress {
  uidValidity: string;
  /** Handed out or passed over up to here. */
  uid: number;
  /** The mailbox was searched when the next UID was this one: while it is, there is nothing new. */
  searchedAt: number;
}

/** The reading of one consumer; see `items`. */
export class SourceReading {
  readonly #parts: ReadingParts;
  readonly #consumer: SourceConsumer;
  readonly #epoch: number;
  readonly #account: Account;
  readonly #options: ReadingOptions;
  readonly #signal: AbortSignal;
  readonly #window: SourceWindow;
  readonly #content: SourceContent;
  readonly #progress = new Map<string, Progress>();
  #batches = 0;

  constructor(
    parts: ReadingParts,
    reader: { consumer: SourceConsumer; epoch: number; account: Account },
    options: ReadingOptions,
    signal: AbortSignal,
  ) {
    this.#parts = parts;
    this.#consumer = reader.consumer;
    this.#epoch = reader.epoch;
    this.#account = reader.account;
    this.#options = options;
    this.#signal = signal;
    this.#window = new SourceWindow(parts.store, reader.consumer.id, options.maxInFlight);
    this.#content = new SourceContent((work) => this.#use(work), options, signal);
  }

  /** Something was acknowledged, or new mail is said to be there. */
  wake(): void {
    this.#window.wake();
  }

  /**
   * Everything from the cursor on; without `follow`, until all that is there was handed out.
   * @throws PosternError `source_superseded`, and what no waiting mends
   */
  async *items(): AsyncGenerator<SourceItem> {
    yield { type: 'opened', consumer: this.#consumer };
    const backoff = new Backoff();
    let toldCaughtUp = false;
    let toldMissing = new Set<string>();
    while (!this.#signal.aborted) {
      try {
        await demandEpoch(this.#parts.store.db, this.#consumer.id, this.#epoch);
        this.#window.listen();
        let any = false;
        const { states, missing } = await this.#states();
        for (const mailbox of missing) {
          if (!toldMissing.has(mailbox))
            yield { type: 'waiting', code: 'mailbox_missing', detail: `There is no mailbox ${mailbox} now.` };
        }
        toldMissing = new Set(missing);
        for (const state of states) {
          for await (const item of this.#mailbox(state)) {
            any = true;
            yield item;
          }
        }
        if (any) {
          toldCaughtUp = false;
          continue; // whatever came meanwhile is read before anybody rests
        }
        if (!toldCaughtUp) yield { type: 'caught_up' };
        toldCaughtUp = true;
        if (!this.#options.follow) return;
        await this.#window.untilWoken(this.#parts.pollMs, this.#signal);
      } catch (error) {
        if (this.#signal.aborted) return;
        const code = codeOf(error);
        if (code === 'uid_validity_changed') {
          await this.#window.untilWoken(RENUMBERED_WAIT_MS, this.#signal);
          continue;
        }
        if (retryOf(error) === 'never' || !this.#options.follow) throw error;
        yield { type: 'waiting', code, detail: explain(error) };
        await this.#window.untilWoken(Math.min(backoff.next(error, 0), LONGEST_WAIT_MS), this.#signal);
      }
    }
  }

  #use<T>(work: (connection: ImapConnection) => Promise<T>): Promise<T> {
    return this.#parts.imap.use(this.#account.id, work);
  }

  /** One mailbox that somebody removed does not hold up the others. */
  async #states(): Promise<{ states: MailboxState[]; missing: string[] }> {
    const missing: string[] = [];
    const states = await this.#use((connection) =>
      mailboxStates(connection, this.#consumer.mailboxes, this.#signal, (mailbox) => missing.push(mailbox)),
    );
    return { states, missing };
  }

  async *#mailbox(state: MailboxState): AsyncGenerator<SourceItem> {
    const { store, clock } = this.#parts;
    const { mailbox, uidValidity, uidNext } = state;
    let progress = this.#progress.get(mailbox);
    if (progress?.uidValidity !== uidValidity) {
      const cursor = await store.write((tx) => cursorOf(tx, this.#consumer.id, state, clock.now()));
      this.#window.forget(mailbox);
      progress = { uidValidity, uid: cursor.last_uid, searchedAt: 0 };
      this.#progress.set(mailbox, progress);
      if (cursor.renumbered_from !== null) yield await this.#renumbered(cursor, cursor.renumbered_from);
    }
    let more = uidNext === 0 || (progress.uid < uidNext - 1 && progress.searchedAt !== uidNext);
    while (more && !this.#signal.aborted) {
      const after = progress.uid;
      const next = await this.#use((connection) =>
        uidsAfter(connection, state, after, LISTED_UIDS, this.#signal),
      );
      // No more is written down as handed out than may be on its way.
      const step = Math.min(BATCH_MESSAGES, this.#options.maxInFlight);
      for (let at = 0; at < next.uids.length; at += step) {
        yield* this.#batch(state, progress, next.uids.slice(at, at + step));
      }
      more = next.more && next.uids.length > 0;
      if (!more) progress.searchedAt = next.uidNext;
    }
  }

  async #renumbered(cursor: Cursor, previous: string): Promise<SourceItem> {
    const { mailbox, uid_validity: uidValidity } = cursor;
    const known = await knownBefore(this.#parts.store.db, cursor);
    const position = positionToken({ mailbox, uidValidity, uid: 0 });
    return { type: 'renumbered', position, mailbox, uidValidity, previous, known };
  }

  async *#batch(state: MailboxState, progress: Progress, uids: number[]): AsyncGenerator<SourceItem> {
    const { mailbox, uidValidity } = state;
    const { messages, unreadable } = await this.#use((connection) =>
      readUids(connection, state, uids, null, this.#signal),
    );
    const read = messages.map((one) => ({ ...one, metadata: metadataOf(one.message) }));
    const candidates: Candidate[] = [
      ...read.map(({ message, metadata }) => ({
        uid: message.uid,
        fingerprint: fingerprintOf(metadata, message.internalDate),
        internalDate: message.internalDate,
        date: metadata.date,
      })),
      ...unreadable.map((uid) => ({ uid, fingerprint: `unreadable ${uid}`, internalDate: 0, date: null })),
    ].sort((a, b) => a.uid - b.uid);
    const wanted = await this.#record(state, progress.uid, candidates);
    const byUid = new Map(read.map((one) => [one.message.uid, one]));
    const open = candidates.filter(({ uid }) => wanted.has(uid)).map(({ uid }) => uid);
    for (const group of this.#content.groups(open, (uid) => byUid.get(uid)?.message.size ?? 0)) {
      await this.#room();
      const raws = await this.#content.raws(state, group);
      for (const uid of group) {
        await this.#room();
        const position = positionToken({ mailbox, uidValidity, uid });
        const found = byUid.get(uid);
        const content = found ? await this.#content.of(state, found, raws) : null;
        progress.uid = uid; // not before: what could not be read is read again
        if (found && content === null) continue; // expunged since the batch was read
        this.#window.add(mailbox, uid);
        if (!found || content === null || content === 'unreadable') {
          yield { type: 'unreadable', position, mailbox, uid, uidValidity };
          continue;
        }
        try {
          yield { type: 'message', position, place: state, found: { ...found, ...content } };
        } finally {
          await content.event?.close();
        }
      }
    }
    progress.uid = Math.max(progress.uid, uids.at(-1) ?? 0);
  }

  /** Written before anything is handed out, in one transaction. */
  async #record(state: MailboxState, after: number, candidates: readonly Candidate[]): Promise<Set<number>> {
    const { store, clock } = this.#parts;
    const { id } = this.#consumer;
    const prune = ++this.#batches % PRUNE_EVERY_BATCHES === 0;
    return store.write(async (tx) => {
      await demandEpoch(tx, id, this.#epoch);
      const cursor = await cursorOf(tx, id, state, clock.now());
      const nothingOpen = this.#window.isEmpty(state.mailbox, cursor.last_uid) && cursor.last_uid <= after;
      const wanted = await recordDeliveries(tx, cursor, candidates, nothingOpen, clock.now());
      if (prune) await pruneDeliveries(tx, cursor);
      await tx
        .updateTable('source_consumers')
        .set({ last_seen_at: clock.now() })
        .where('id', '=', id)
        .execute();
      return wanted;
    });
  }

  /** Waits until fewer messages than allowed are on their way. @throws PosternError `source_superseded` */
  async #room(): Promise<void> {
    while (!(await this.#window.hasRoom())) {
      if (this.#signal.aborted) throw stopped();
      await this.#window.untilRoomMayBe(this.#signal);
      await demandEpoch(this.#parts.store.db, this.#consumer.id, this.#epoch);
    }
    if (this.#signal.aborted) throw stopped();
  }
}

const stopped = (): PosternError =>
  new PosternError('stopping', 'The reading was stopped.', { retry: 'later' });
