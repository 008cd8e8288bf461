// Which rules can match a mail at all: every rule is filed under the rarest facts that it needs, and a mail
// brings up the rules that are filed under its own facts. With 10,000 rules a mail then tests a handful.
import { type AddressForm, parentDomains } from './addresses.ts';
import type { AddressField, Anchor, KeyKind } from './checks.ts';
import { LiteralSearch } from './literal-search.ts';
import type { MailView } from './mail-view.ts';

type Shelf = Map<string, number[]>;

export class RuleIndex {
  readonly #shelves = new Map<KeyKind, Shelf>();
  /** The rules that no fact leaves out, in order. */
  readonly #always: number[] = [];
  readonly #literals: LiteralSearch | null;
  readonly #rulesOfLiteral: readonly number[][];
  readonly #seenAt: Uint32Array;
  #run = 0;

  /** @param anchors of each rule, in the rules' order */
  constructor(anchors: readonly (readonly Anchor[])[]) {
    this.#seenAt = new Uint32Array(anchors.length);
    const counts = countKeys(anchors);
    for (const [rule, alternatives] of anchors.entries()) {
      const anchor = rarest(alternatives, counts);
      if (!anchor) this.#always.push(rule);
      else for (const { kind, value } of anchor.keys) this.#file(kind, value, rule);
    }
    const literals = this.#shelves.get('literal');
    this.#literals = literals ? new LiteralSearch([...literals.keys()]) : null;
    this.#rulesOfLiteral = literals ? [...literals.values()] : [];
  }

  #file(kind: KeyKind, value: string, rule: number): void {
    let shelf = this.#shelves.get(kind);
    if (!shelf) {
      shelf = new Map();
      this.#shelves.set(kind, shelf);
    }
    const rules = shelf.get(value);
    if (rules) rules.push(rule);
    else shelf.set(value, [rule]);
  }

  /** The rules to test, in order. The list is the caller's to read, not to change. */
  candidates(view: MailView): readonly number[] {
    this.#nextRun();
    const found: number[] = [];
    this.#addresses('from', view, found);
    this.#addresses('to', view, found);
    this.#addresses('cc', view, found);
    this.#addresses('reply_to', view, found);
    this.#lookUp('account', () => [view.account], found);
    this.#lookUp('mailbox', () => [view.mailbox], found);
    this.#lookUp('type', () => view.types, found);
    this.#lookUp('main type', () => view.types.map((type) => type.slice(0, type.indexOf('/'))), found);
    const headers = this.#shelves.get('header');
    if (headers) for (const [name, rules] of headers) if (view.hasHeader(name)) this.#take(rules, found);
    this.#literals?.search(view.subject.folded, (literal) => {
      this.#take(this.#rulesOfLiteral[literal] ?? [], found);
    });
    if (found.length === 0) return this.#always;
    found.sort((a, b) => a - b);
    return this.#always.length === 0 ? found : merge(this.#always, found);
  }

  #lookUp(kind: KeyKind, values: () => readonly string[], found: number[]): void {
    const shelf = this.#shelves.get(kind);
    if (!shelf) return;
    for (const value of values()) {
      const rules = shelf.get(value);
      if (rules) this.#take(rules, found);
    }
  }

  #addresses(field: AddressField, view: MailView, found: number[]): void {
    const addresses = this.#shelves.get(`${field} address`);
    const domains = this.#shelves.get(`${field} domain`);
    const below = this.#shelves.get(`${field} below`);
    if (!addresses && !domains && !below) return;
    for (const form of addressesOf(field, view)) {
      this.#take(addresses?.get(form.address), found);
      this.#take(domains?.get(form.domain), found);
      if (below) for (const parent of parentDomains(form.domain)) this.#take(below.get(parent), found);
    }
  }

  #take(rules: readonly number[] | undefined, found: number[]): void {
    if (!rules) return;
    for (const rule of rules) {
      if (this.#seenAt[rule] === this.#run) continue;
      this.#seenAt[rule] = this.#run;
      found.push(rule);
    }
  }

  #nextRun(): void {
    this.#run = (this.#run + 1) >>> 0;
    if (this.#run > 0) return;
    this.#seenAt.fill(0);
    this.#run = 1;
  }
}

type KeyCounts = Map<string, number>;

function countKeys(anchors: readonly (readonly Anchor[])[]): KeyCounts {
  const counts: KeyCounts = new Map();
  for (const { keys } of anchors.flat()) {
    for (const { kind, value } of keys) {
      const key = `${kind} ${value}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  return counts;
}

/** Of equal rank, the anchor whose keys the fewest rules name: what many rules name, much mail has. */
function rarest(anchors: readonly Anchor[], counts: KeyCounts): Anchor | null {
  let best: Anchor | null = null;
  let bestCount = 0;
  for (const anchor of anchors) {
    if (best && anchor.rank > best.rank) continue;
    const count = anchor.keys.reduce(
      (sum, { kind, value }) => sum + (counts.get(`${kind} ${value}`) ?? 0),
      0,
    );
    if (!best || anchor.rank < best.rank || count < bestCount) [best, bestCount] = [anchor, count];
  }
  return best;
}

function addressesOf(field: AddressField, view: MailView): readonly AddressForm[] {
  if (field === 'from') return view.from;
  if (field === 'to') return view.to;
  return field === 'cc' ? view.cc : view.replyTo;
}

/** Two ascending lists with nothing in common as one. */
function merge(one: readonly number[], other: readonly number[]): number[] {
  const all: number[] = [];
  let i = 0;
  for (const rule of other) {
    while (i < one.length && (one[i] as number) < rule) all.push(one[i++] as number);
    all.push(rule);
  }
  while (i < one.length) all.push(one[i++] as number);
  return all;
}
