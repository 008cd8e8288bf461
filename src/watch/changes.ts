// Follows what other clients do to messages that are known: their flags, and that they are moved away or deleted. Where
// the server counts changes (CONDSTORE, and QRESYNC for removals; RFC 7162) it is asked what is new since the last count.
// Where it does not, what it tells while the mailbox is open is taken, and the latest places are compared now and then.
import type { Bus } from '../cluster/bus.ts';
import type { ImapConnection } from '../imap/connection.ts';
import {
  changeCount,
  type ExpungeEvent,
  type FetchedFlags,
  type FlagsEvent,
  fetchFlags,
  flagsByNumber,
  tellsRemovals,
} from '../imap/fetch-flags.ts';
import { searchUids } from '../imap/search.ts';
import { type Clock, monotonicMs } from '../kernel/clock.ts';
import { codeOf, explain } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { afterCommit, type Store, type Tx } from '../store/store.ts';
import { ChangeEvents } from './change-events.ts';
import { type Checkpoint, noteModseq } from './checkpoints.ts';
import { flagsText } from './ledger-writes.ts';
import {
  firstKnownUid,
  type KnownPlace,
  latestPlaces,
  noteFlags,
  noteGone,
  type PlaceChange,
} from './place-changes.ts';
import { Told } from './told.ts';

const SETTLE_MS = 500; // somebody marks many messages at once: they are asked for together
const COMPARE_MS = 60 * 60_000; // what a server neither counts nor tells is noticed within an hour
const FLAGS_AGAIN_MS = 60_000; // where too much was told to remember, all are compared: not each time
const REMOVAL_AGAIN_MS = 2_000; // a removal that is told without its UID has the UIDs compared, some 30 kB of an answer
const COMPARED_PLACES = 5_000; // the latest; some 200 kB of an answer
const BATCH_PLACES = 250; // one commit

export interface ChangesParts {
  store: Store;
  clock: Clock;
  bus: Bus;
  log: Logger;
  connection: ImapConnection;
  signal: AbortSignal;
  /** `dueAt` came closer. */
  onDue: () => void;
}

export class MailboxChanges {
  readonly #parts: ChangesParts;
  readonly #checkpoint: Checkpoint;
  #modseq: bigint | null;
  #told = new Told();
  #dueAt: number;
  #comparedAt = Number.NEGATIVE_INFINITY;
  #removalsAt = Number.NEGATIVE_INFINITY;
  /** False once the server refused to tell what changed since its count. */
  #counts = true;
  readonly #events: ChangeEvents;
  readonly #stopListening: () => void;

  /**
   * @param checkpoint of the mailbox that is selected now
   * @param modseq up to where changes are known
   */
  constructor(checkpoint: Checkpoint, modseq: bigint | null, parts: ChangesParts) {
    this.#parts = parts;
    this.#checkpoint = checkpoint;
    this.#events = new ChangeEvents(parts.bus, checkpoint);
    this.#modseq = modseq;
    this.#dueAt = monotonicMs();
    this.#stopListening = this.#listen();
  }

  /** To be called when the mailbox is selected anew; it comes by itself when another one is. */
  close(): void {
    this.#stopListening();
  }

  /** When `take` is to be called next, on the monotonic clock. */
  get dueAt(): number {
    return this.#dueAt;
  }

  /** Only until the connection turns to another mailbox: it may serve many. */
  #listen(): () => void {
    const { client } = this.#parts.connection;
    const path = client.mailbox ? client.mailbox.path : this.#checkpoint.mailbox;
    const onFlags = (event: FlagsEvent): void => {
      if (event.path !== path) return;
      this.#told.flags(event);
      this.#due();
    };
    const onExpunge = (event: ExpungeEvent): void => {
      if (event.path !== path) return;
      this.#told.expunged(event);
      if (!event.earlier) this.#due(); // else it answers a question of ours
    };
    const stop = (): void => {
      client.off('flags', onFlags);
      client.off('expunge', onExpunge);
      client.off('mailboxClose', stop);
    };
    client.on('flags', onFlags);
    client.on('expunge', onExpunge);
    client.on('mailboxClose', stop);
    return stop;
  }

  /** Soon, but what costs more not at once again. */
  #due(): void {
    const { overflown, unnamedRemoval } = this.#told;
    const at = Math.max(
      monotonicMs() + SETTLE_MS,
      overflown ? this.#comparedAt + FLAGS_AGAIN_MS : 0,
      unnamedRemoval ? this.#removalsAt + REMOVAL_AGAIN_MS : 0,
    );
    if (at >= this.#dueAt) return;
    this.#dueAt = at;
    this.#parts.onDue();
  }

  /** Learns what has changed, and writes it down. */
  async take(): Promise<void> {
    const { store, connection } = this.#parts;
    const now = monotonicMs();
    const told = this.#told;
    this.#told = new Told();
    const comparesAll = now >= this.#comparedAt + COMPARE_MS;
    this.#dueAt = now + COMPARE_MS;
    const count = this.#counts ? changeCount(connection) : null;
    const first = await firstKnownUid(store.db, this.#checkpoint);
    if (first === null) {
      if (count !== null) await this.#note(count);
    } else if (count === null) {
      await this.#withoutCount(told, comparesAll);
    } else {
      await this.#byCount(told, first, count, comparesAll);
    }
    this.#events.end();
  }

  async #byCount(told: Told, first: number, count: bigint, comparesAll: boolean): Promise<void> {
    const { connection, log } = this.#parts;
    const since = this.#modseq;
    await this.#takeRemovals(told);
    if (since === null) {
      await this.#compareFlags(); // a ledger from before changes were followed
      await this.#note(count);
    } else if (count > since || !told.isEmpty || Number.isFinite(this.#comparedAt)) {
      try {
        await this.#changedSince(first, since, count);
      } catch (error) {
        if (codeOf(error) !== 'imap_refused') throw error;
        this.#counts = false;
        log.warn({ code: codeOf(error) }, `the server does not tell what changed: ${explain(error)}`);
        return this.#compareFlags();
      }
    }
    const isFirst = !Number.isFinite(this.#comparedAt);
    this.#comparedAt = monotonicMs();
    // Also where removals are told by UID, now and then: an answer that names millions of them is not read.
    const comparesPresence = comparesAll && !(isFirst && tellsRemovals(connection));
    if (told.unnamedRemoval || comparesPresence) await this.#comparePresence();
  }

  async #withoutCount(told: Told, comparesAll: boolean): Promise<void> {
    await this.#takeRemovals(told);
    if (comparesAll || told.overflown) return this.#compareFlags();
    if (told.unnamedRemoval) await this.#comparePresence();
    const { connection, signal } = this.#parts;
    const exists = connection.client.mailbox ? connection.client.mailbox.exists : 0;
    const numbers = told.numbers.filter((number) => number <= exists);
    const asked =
      numbers.length === 0
        ? []
        : await connection.run('read flags', () => flagsByNumber(connection, numbers), signal);
    await this.#takeFlags([...told.byUid, ...asked]);
  }

  /** Exactly what is new, whatever was told meanwhile. */
  async #changedSince(first: number, since: bigint, count: bigint): Promise<void> {
    const { connection, signal } = this.#parts;
    let highest = count;
    let batch: FetchedFlags[] = [];
    const answers = fetchFlags(connection, `${first}:*`, since);
    for await (const one of connection.each('read what changed', answers, signal)) {
      if (one.modseq !== undefined && one.modseq > highest) highest = one.modseq;
      batch.push(one);
      if (batch.length < BATCH_PLACES) continue;
      await this.#takeFlags(batch);
      batch = [];
    }
    if (!connection.usable) throw connection.failure;
    await this.#takeFlags(batch);
    await this.#takeRemovals(this.#told); // they were told before the flags, with `earlier`
    await this.#note(highest);
  }

  async #note(modseq: bigint): Promise<void> {
    if (this.#modseq === modseq) return;
    await this.#parts.store.write((tx) => noteModseq(tx, this.#checkpoint, modseq));
    this.#modseq = modseq;
  }

  /** Reads the flags of the latest places that are known: what is not there is gone. */
  async #compareFlags(): Promise<void> {
    const { connection, signal } = this.#parts;
    this.#comparedAt = monotonicMs();
    const known = await this.#known();
    if (!known) return;
    let changed: FetchedFlags[] = [];
    const answers = fetchFlags(connection, `${known.first}:${known.last}`);
    for await (const one of connection.each('compare flags', answers, signal)) {
      const before = known.places.get(one.uid);
      known.places.delete(one.uid);
      if (!before || before.flags === flagsText(one.flags)) continue;
      changed.push(one);
      if (changed.length < BATCH_PLACES) continue;
      await this.#takeFlags(changed);
      changed = [];
    }
    if (!connection.usable) throw connection.failure;
    await this.#takeFlags(changed);
    await this.#takeGone(known.places);
  }

  /** The same for removals alone. */
  async #comparePresence(): Promise<void> {
    this.#removalsAt = monotonicMs();
    const { connection, signal } = this.#parts;
    const known = await this.#known();
    if (!known) return;
    const { mailbox: path, uidValidity } = this.#checkpoint;
    const exists = connection.client.mailbox ? connection.client.mailbox.exists : 0;
    const selected = { path, uidValidity, exists, permanentFlags: null };
    const found = await searchUids(connection, { uid: `${known.first}:${known.last}` }, selected, signal);
    for (const uid of found) known.places.delete(uid);
    await this.#takeGone(known.places);
  }

  async #known(): Promise<{ first: number; last: number; places: Map<number, KnownPlace> } | null> {
    const places = await latestPlaces(this.#parts.store.db, this.#checkpoint, COMPARED_PLACES);
    const first = places.at(-1)?.uid;
    const last = places[0]?.uid;
    if (first === undefined || last === undefined) return null;
    return { first, last, places: new Map(places.map((place) => [place.uid, place])) };
  }

  async #takeGone(places: ReadonlyMap<number, KnownPlace>): Promise<void> {
    const gone = new Told();
    for (const uid of [...places.keys()].sort((a, b) => a - b)) gone.removed(uid);
    await this.#takeRemovals(gone);
  }

  async #takeRemovals(told: Told): Promise<void> {
    const { clock } = this.#parts;
    for (const span of told.takeSpans()) {
      let some = BATCH_PLACES;
      while (some === BATCH_PLACES)
        some = await this.#write((tx) => noteGone(tx, this.#checkpoint, span, clock.now(), BATCH_PLACES));
    }
  }

  async #takeFlags(seen: readonly FetchedFlags[]): Promise<void> {
    for (let at = 0; at < seen.length; at += BATCH_PLACES)
      await this.#write((tx) => noteFlags(tx, this.#checkpoint, seen.slice(at, at + BATCH_PLACES)));
  }

  async #write(work: (tx: Tx) => Promise<PlaceChange[]>): Promise<number> {
    return this.#parts.store.write(async (tx) => {
      const changes = await work(tx);
      afterCommit(tx, () => this.#events.publish(changes));
      return changes.length;
    });
  }
}
