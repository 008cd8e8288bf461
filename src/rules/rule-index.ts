// Which rules can match a mail at all: every rule is filed under the rarest facts that it needs, and a mail
// brings up the rules that are filed under its own facts. With 10,000 rules a mail then tests a handful.
import { type AddressForm, parentDomains } from './addresses.ts';
import type { AddressField, Anchor, Key, KeyKind, TextField } from './checks.ts';
import { likelihoodOf } from './likelihood.ts';
import { LiteralSearch } from './literal-search.ts';
import type { MailView } from './mail-view.ts';
import { fold, type TextForm } from './text.ts';

type Rules = readonly number[];
type Shelf = Map<string, number[]>;

const ADDRESS_FIELDS: readonly AddressField[] = ['from', 'to', 'cc', 'reply_to'];

/** The rules that look for literals in one kind of text. */
interface TextShelf {
  search: LiteralSearch;
  /** By the literal's place in the search. */
  rules: readonly Rules[];
}

export class RuleIndex {
  readonly #shelves = new Map<KeyKind, Shelf>();
  readonly #texts = new Map<TextField, TextShelf>();
  /** Headers that a rule is filed under, whether by their being there or by what is in them. */
  readonly #headers = new Set<string>();
  /** The rules that no fact leaves out, in order. */
  readonly #always: number[] = [];
  readonly #seenAt: Uint32Array;
  #run = 0;

  /** @param anchors of each rule, in the rules' order */
  constructor(anchors: readonly (readonly Anchor[])[]) {
    this.#seenAt = new Uint32Array(anchors.length);
    const counts = countKeys(anchors);
    for (const [rule, alternatives] of anchors.entries()) {
      const anchor = rarest(alternatives, counts);
      if (!anchor) this.#always.push(rule);
      else for (const key of anchor.keys) this.#file(key, rule);
    }
    for (const [kind, shelf] of this.#shelves) {
      const field = textFieldOf(kind);
      if (!field) continue;
      this.#texts.set(field, { search: new LiteralSearch([...shelf.keys()]), rules: [...shelf.values()] });
      this.#shelves.delete(kind);
      if (field.startsWith('header ')) this.#headers.add(field.slice('header '.length));
    }
    for (const name of this.#shelves.get('header')?.keys() ?? []) this.#headers.add(name);
  }

  #file({ kind, value }: Key, rule: number): void {
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
  candidates(view: MailView): Rules {
    this.#nextRun();
    const found: number[] = [];
    for (const field of ADDRESS_FIELDS) this.#addresses(field, view, found);
    this.#take(this.#shelves.get('account')?.get(view.account), found);
    this.#take(this.#shelves.get('mailbox')?.get(view.mailbox), found);
    this.#parts(view, found);
    this.#named(view, found);
    const subjects = this.#texts.get('subject');
    if (subjects) this.#search(subjects, view.subject.folded, found);
    const words = this.#texts.get('text');
    if (words && view.lacks('text')) for (const rules of words.rules) this.#take(rules, found);
    else if (words) this.#search(words, view.text.folded, found);
    const listIds = this.#texts.get('list_id');
    if (listIds) this.#searchAll(listIds, view.listIds, found);
    if (found.length === 0) return this.#always;
    found.sort((a, b) => a - b);
    return this.#always.length === 0 ? found : merge(this.#always, found);
  }

  #addresses(field: AddressField, view: MailView, found: number[]): void {
    const addresses = this.#shelves.get(`${field} address`);
    const domains = this.#shelves.get(`${field} domain`);
    const below = this.#shelves.get(`${field} below`);
    const texts = this.#texts.get(field);
    if (!addresses && !domains && !below && !texts) return;
    for (const form of addressesOf(field, view)) {
      this.#take(addresses?.get(form.address), found);
      this.#take(domains?.get(form.domain), found);
      if (below) for (const parent of parentDomains(form.domain)) this.#take(below.get(parent), found);
      if (texts) this.#search(texts, fold(form.address), found);
      if (texts && form.inLetters !== null) this.#search(texts, fold(form.inLetters), found);
    }
  }

  #parts(view: MailView, found: number[]): void {
    const types = this.#shelves.get('type');
    const mainTypes = this.#shelves.get('main type');
    if (types || mainTypes) {
      for (const type of view.types) {
        this.#take(types?.get(type), found);
        this.#take(mainTypes?.get(type.slice(0, type.indexOf('/'))), found);
      }
    }
    const any = this.#shelves.get('attachment');
    const names = this.#texts.get('attachment');
    if ((!any && !names) || view.attachments.length === 0) return;
    this.#take(any?.get(''), found);
    if (names) for (const { name } of view.attachments) this.#search(names, name.folded, found);
  }

  #named(view: MailView, found: number[]): void {
    if (this.#headers.size === 0) return;
    for (const name of view.headerNames()) {
      if (!this.#headers.has(name)) continue;
      this.#take(this.#shelves.get('header')?.get(name), found);
      const texts = this.#texts.get(`header ${name}`);
      if (texts) this.#searchAll(texts, view.header(name), found);
    }
  }

  #searchAll(shelf: TextShelf, texts: readonly TextForm[], found: number[]): void {
    for (const { folded } of texts) this.#search(shelf, folded, found);
  }

  #search({ search, rules }: TextShelf, text: string, found: number[]): void {
    search.search(text, (literal) => this.#take(rules[literal], found));
  }

  #take(rules: Rules | undefined, found: number[]): void {
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

const LITERAL = ' literal';

const textFieldOf = (kind: KeyKind): TextField | null =>
  kind.endsWith(LITERAL) ? (kind.slice(0, -LITERAL.length) as TextField) : null;

type KeyCounts = Map<string, number>;
const nameOf = ({ kind, value }: Key): string => `${kind} ${value}`;

function countKeys(anchors: readonly (readonly Anchor[])[]): KeyCounts {
  const counts: KeyCounts = new Map();
  for (const alternatives of anchors) {
    for (const { keys } of alternatives) {
      for (const key of keys) counts.set(nameOf(key), (counts.get(nameOf(key)) ?? 0) + 1);
    }
  }
  return counts;
}

/**
 * The anchor that costs least: how likely a mail has one of its keys, times the rules that would come up with it. So a
 * sender is better than a word, and a word of one rule better than a recipient that a thousand rules name.
 */
function rarest(anchors: readonly Anchor[], counts: KeyCounts): Anchor | null {
  let best: Anchor | null = null;
  let bestCost = Number.POSITIVE_INFINITY;
  for (const anchor of anchors) {
    let [likely, most] = [0, 0];
    for (const key of anchor.keys) {
      likely = Math.max(likely, likelihoodOf(key));
      most = Math.max(most, counts.get(nameOf(key)) ?? 0);
    }
    // Many keys hit more often than one, but by far not as often as their number says.
    const cost = likely * most * (1 + Math.log2(anchor.keys.length));
    if (cost < bestCost) [best, bestCost] = [anchor, cost];
  }
  return best;
}

function addressesOf(field: AddressField, view: MailView): readonly AddressForm[] {
  if (field === 'from') return view.from;
  if (field === 'to') return view.to;
  return field === 'cc' ? view.cc : view.replyTo;
}

/** Two ascending lists with nothing in common as one. */
function merge(one: Rules, other: Rules): number[] {
  const all: number[] = [];
  let i = 0;
  for (const rule of other) {
    while (i < one.length && (one[i] as number) < rule) all.push(one[i++] as number);
    all.push(rule);
  }
  while (i < one.length) all.push(one[i++] as number);
  return all;
}
