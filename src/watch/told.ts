// What a server has told of changes in an open mailbox and nobody has dealt with yet: bounded, because it is the server
// that fills it.
import type { ExpungeEvent, FetchedFlags, FlagsEvent } from '../imap/fetch-flags.ts';
import type { UidSpan } from './place-changes.ts';

const MOST_FLAGS = 1_000;
const MOST_SPANS = 10_000; // 640 kB

export class Told {
  readonly #byUid = new Map<number, FetchedFlags>();
  /** Numbers in the mailbox of messages whose flags changed, where the UID was not told. */
  #numbers = new Set<number>();
  #spans: UidSpan[] = [];
  #any = false;
  #unnamedRemoval = false;
  #overflown = false;

  /** Whether nothing was told that nobody had asked for. */
  get isEmpty(): boolean {
    return !this.#any;
  }

  get byUid(): FetchedFlags[] {
    return [...this.#byUid.values()];
  }

  get numbers(): number[] {
    return [...this.#numbers];
  }

  /** Something was removed, and its UID was not told. */
  get unnamedRemoval(): boolean {
    return this.#unnamedRemoval;
  }

  /** There was too much to remember. */
  get overflown(): boolean {
    return this.#overflown;
  }

  flags({ uid, seq, flags, modseq }: FlagsEvent): void {
    this.#any = true;
    if (this.#byUid.size + this.#numbers.size >= MOST_FLAGS) this.#overflown = true;
    else if (uid === undefined) this.#numbers.add(seq);
    else this.#byUid.set(uid, { uid, flags: [...flags], modseq });
  }

  expunged({ uid, seq, earlier }: ExpungeEvent): void {
    this.#any ||= !earlier;
    if (uid === undefined) this.#removedNumber(seq ?? 0);
    else this.removed(uid);
  }

  /** What was behind it has moved up. */
  #removedNumber(removed: number): void {
    this.#unnamedRemoval = true;
    const moved = [...this.#numbers].filter((number) => number !== removed);
    this.#numbers = new Set(moved.map((number) => (number > removed ? number - 1 : number)));
  }

  /** A message is gone; neighbours that come one after the other are kept as one span. */
  removed(uid: number): void {
    const last = this.#spans.at(-1);
    if (last && uid === last.to + 1) last.to = uid;
    else if (this.#spans.length < MOST_SPANS) this.#spans.push({ from: uid, to: uid });
    else this.#unnamedRemoval = true;
  }

  takeSpans(): UidSpan[] {
    const spans = this.#spans;
    this.#spans = [];
    return spans;
  }
}
