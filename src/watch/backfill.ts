// Reads what was in a mailbox before, in slices of about half a second, so that new mail never waits long behind it. How
// far it is stands in the ledger: after whatever end the next reading goes on there.
import type { SearchCriteria } from '../contracts/connector.ts';
import { searchUids } from '../imap/search.ts';
import { countMatches } from '../imap/search-count.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Store } from '../store/store.ts';
import { advance, type Backfill, type Checkpoint, countBackfill } from './checkpoints.ts';
import { type TakeParts, takeRange, type UidRange } from './take-range.ts';

const FIRST_SLICE_MESSAGES = 500;
const SMALLEST_SLICE_MESSAGES = 100;
const LARGEST_SLICE_MESSAGES = 4_000;
const SLICE_MS = 500; // what a slice should take: its size is doubled and halved around this
const WIDEST_SPREAD = 2 ** 22; // with the smallest slice about all UIDs that there can be
const SPREAD_GROWTH = 8; // gaps in the numbering are passed in a few steps
const LONGEST_SET_CHARS = 4_000; // servers bound the length of a command: 8,000 octets by RFC 7162 §4
const DAY_MS = 86_400_000;

export interface BackfillParts extends TakeParts {
  store: Store;
  clock: Clock;
  /** So much of it is read now. */
  onProgress: (backfill: Pick<Backfill, 'done' | 'total'>) => void;
}

interface Slice extends UidRange {
  to: number;
  /** Null where the range was not searched: all there is in it is wanted. */
  found: number | null;
}

export class BackfillReader {
  readonly #parts: BackfillParts;
  readonly #checkpoint: Checkpoint;
  readonly #backfill: Backfill;
  readonly #selected: { path: string; uidValidity: string; exists: number; permanentFlags: null };
  /** How many messages are read at once. */
  #messages = FIRST_SLICE_MESSAGES;
  /** Over how many UIDs a message is thought to be spread. */
  #spread = 1;

  /** @param checkpoint of the mailbox, whose numbering it must have; `exists` as SELECT told it */
  constructor(checkpoint: Checkpoint, backfill: Backfill, exists: number, parts: BackfillParts) {
    this.#parts = parts;
    this.#backfill = backfill;
    this.#checkpoint = { ...checkpoint, lastUid: backfill.nextUid - 1, isBackfill: true };
    const { mailbox: path, uidValidity } = checkpoint;
    this.#selected = { path, uidValidity, exists, permanentFlags: null };
  }

  get progress(): Pick<Backfill, 'done' | 'total'> {
    return { done: this.#backfill.done, total: this.#backfill.total };
  }

  /** Reads the next slice. True when nothing is left. */
  async slice(): Promise<boolean> {
    const { clock } = this.#parts;
    if (this.#backfill.total === null) await this.#count();
    if (this.#isDone()) return true;
    const startedAt = clock.now();
    const slice = await this.#next();
    const messages = slice.found === 0 ? await this.#pass(slice.to) : await this.#take(slice);
    this.#adapt(slice, messages, clock.now() - startedAt);
    return this.#isDone();
  }

  #isDone(): boolean {
    return this.#checkpoint.lastUid >= this.#backfill.toUid;
  }

  /** How much it is, and where it begins. */
  async #count(): Promise<void> {
    const { connection, store, signal } = this.#parts;
    const { toUid } = this.#backfill;
    const criteria = { ...this.#criteria(), uid: `1:${toUid}` };
    const { count, first } = await countMatches(connection, criteria, this.#selected, signal);
    this.#backfill.total = count;
    const isAsked = first !== null && first <= toUid; // else the server answers something else
    const nextUid = Math.max(isAsked ? first : 1, this.#checkpoint.lastUid + 1);
    await store.write((tx) => countBackfill(tx, this.#checkpoint, count, nextUid));
    this.#checkpoint.lastUid = nextUid - 1;
    if (count === 0) await this.#pass(toUid);
    this.#tell();
  }

  /** SEARCH knows whole days, in the time zone of the server: the day before is searched too, and told apart later. */
  #criteria(): SearchCriteria {
    const { since } = this.#backfill;
    return since === null ? {} : { since: new Date(since - DAY_MS).toISOString().slice(0, 10) };
  }

  async #next(): Promise<Slice> {
    const { connection, signal } = this.#parts;
    const from = this.#checkpoint.lastUid + 1;
    const to = Math.min(from + this.#messages * this.#spread - 1, this.#backfill.toUid);
    const { since } = this.#backfill;
    if (since === null && this.#spread === 1) return { from, to, found: null };
    const criteria = { ...this.#criteria(), uid: `${from}:${to}` };
    const all = await searchUids(connection, criteria, this.#selected, signal);
    const uids = all.filter((uid) => uid >= from && uid <= to);
    const { set, count } = packed(uids.slice(0, this.#messages));
    const last = count < uids.length ? (uids[count - 1] ?? to) : to;
    return { from, to: last, set, since, found: uids.length };
  }

  async #take(slice: Slice): Promise<number> {
    return takeRange(this.#parts, this.#checkpoint, slice, (messages) => {
      this.#backfill.done += messages;
      this.#tell();
    });
  }

  async #pass(uid: number): Promise<number> {
    const { store, clock } = this.#parts;
    await store.write((tx) => advance(tx, this.#checkpoint, uid, clock.now()));
    this.#checkpoint.lastUid = uid;
    return 0;
  }

  #tell(): void {
    this.#parts.onProgress(this.progress);
  }

  #adapt({ found }: Slice, messages: number, tookMs: number): void {
    if (tookMs > SLICE_MS * 1.5) this.#messages = Math.max(this.#messages / 2, SMALLEST_SLICE_MESSAGES);
    else if (tookMs < SLICE_MS / 2 && messages >= this.#messages / 2)
      this.#messages = Math.min(this.#messages * 2, LARGEST_SLICE_MESSAGES);
    const inRange = found ?? messages;
    if (inRange < this.#messages / 8) this.#spread = Math.min(this.#spread * SPREAD_GROWTH, WIDEST_SPREAD);
    else if (inRange > this.#messages) this.#spread = Math.max(this.#spread / SPREAD_GROWTH, 1);
  }
}

/** As many of the ascending UIDs, from the first on, as a set can name. */
function packed(uids: readonly number[]): { set: string; count: number } {
  let set = '';
  let count = 0;
  while (count < uids.length && set.length < LONGEST_SET_CHARS) {
    const first = uids[count] as number;
    let last = first;
    for (count++; uids[count] === last + 1; count++) last++;
    const part = first === last ? String(first) : `${first}:${last}`;
    set = set === '' ? part : `${set},${part}`;
  }
  return { set, count };
}
