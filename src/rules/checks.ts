// A condition made ready: how to test it, what to look it up by, and how to say why it does not hold.
import type { Needs } from './literals.ts';
import type { Fact, MailView } from './mail-view.ts';

/** One reason why a rule did not match. */
export interface Failure {
  /** The words of the rule that lead to the condition, such as `subject` or `not.from`. */
  condition: string;
  wanted: string;
  had: string;
}

/** A fact that the index can look up for a mail; a `literal` is a piece of one of the texts of that field. */
export type KeyKind =
  | `${AddressField} ${'address' | 'domain' | 'below'}`
  | `${TextField} literal`
  | 'account'
  | 'mailbox'
  | 'header'
  | 'attachment'
  | 'type'
  | 'main type';
export type AddressField = 'from' | 'to' | 'cc' | 'reply_to';
/** Attachments by their names, headers by their name in lower case. */
export type TextField = AddressField | 'subject' | 'text' | 'list_id' | 'attachment' | `header ${string}`;

export interface Key {
  readonly kind: KeyKind;
  readonly value: string;
}

/** A mail that passes the check has at least one of the keys. */
export interface Anchor {
  /** How rarely a mail has one of them, by judgement: lower leaves out more mail. */
  readonly rank: number;
  readonly keys: readonly Key[];
}

const RARE_CHARS = 3; // shorter pieces are in too many texts
const LITERAL_RANK = 5;
const SHORT_LITERAL_RANK = 9;
const BODY_RANK = 12; // until the text was read it leaves out nothing

/**
 * What a field has in it where one of its texts matches one of several patterns: any of the needs of a single pattern,
 * or for several one need of each. Empty where one of them needs nothing.
 */
export function literalAnchors(field: TextField, patterns: readonly Needs[]): Anchor[] {
  const [only] = patterns;
  if (patterns.length === 1 && only) return only.map((literals) => literalAnchor(field, literals));
  const all: string[] = [];
  for (const needs of patterns) {
    const best = needs.toSorted((a, b) => shortest(b) - shortest(a))[0];
    if (!best) return [];
    all.push(...best);
  }
  return all.length > 0 ? [literalAnchor(field, all)] : [];
}

function literalAnchor(field: TextField, literals: readonly string[]): Anchor {
  const rare = shortest(literals) >= RARE_CHARS ? LITERAL_RANK : SHORT_LITERAL_RANK;
  const rank = field === 'text' ? BODY_RANK : rare;
  return { rank, keys: literals.map((value) => ({ kind: `${field} literal`, value })) };
}

function shortest(literals: readonly string[]): number {
  return literals.reduce((least, { length }) => Math.min(least, length), Number.POSITIVE_INFINITY);
}

export interface Check {
  /** What a test costs, by judgement; cheap ones go first. */
  readonly cost: number;
  /** Each of them holds for every mail that passes: the index picks one. Empty when nothing is certain. */
  readonly anchors: readonly Anchor[];
  /** What it looks at that may not be known of a mail; absent for nothing. */
  readonly facts?: readonly Fact[];
  test(view: MailView): boolean;
  /** Why the test fails. Asked only when it does. */
  failures(view: MailView): Failure[];
}

/** What a mail has in the place of a fact that is not known. */
export const NOT_KNOWN = 'not known';

/**
 * A check that can say nothing about a mail of which that fact is not known. It must have no anchor but one that brings it
 * up for every such mail.
 */
export function needing(fact: Fact, check: Check): Check {
  return {
    ...check,
    facts: [fact],
    test: (view) => (view.lacks(fact) ? view.assumed : check.test(view)),
    failures: (view) => {
      const failures = check.failures(view);
      return view.lacks(fact) ? failures.map((failure) => ({ ...failure, had: NOT_KNOWN })) : failures;
    },
  };
}

const MAX_ANCHORS = 8; // choosing among more would not find a rarer one
const MAX_ANCHOR_KEYS = 20_000; // a list of 10,000 domains gives two keys for each

export function allOf(checks: readonly Check[]): Check {
  const single = checks[0];
  if (checks.length === 1 && single) return single;
  const ordered = [...checks].sort((a, b) => a.cost - b.cost);
  return {
    cost: ordered.reduce((sum, check) => sum + check.cost, 0),
    anchors: rarest(checks.flatMap((check) => check.anchors)),
    ...factsOf(checks),
    test: (view) => {
      for (const check of ordered) if (!check.test(view)) return false;
      return true;
    },
    failures: (view) => checks.filter((check) => !check.test(view)).flatMap((check) => check.failures(view)),
  };
}

function rarest(anchors: readonly Anchor[]): Anchor[] {
  return [...anchors].sort((a, b) => a.rank - b.rank).slice(0, MAX_ANCHORS);
}

export function anyOf(checks: readonly Check[]): Check {
  const ordered = [...checks].sort((a, b) => a.cost - b.cost);
  return {
    cost: ordered.reduce((sum, check) => sum + check.cost, 0),
    anchors: union(checks.map((check) => check.anchors[0])),
    ...factsOf(checks),
    test: (view) => ordered.some((check) => check.test(view)),
    failures: (view) => checks.flatMap((check) => check.failures(view)),
  };
}

function factsOf(checks: readonly Check[]): Pick<Check, 'facts'> {
  const facts = [...new Set(checks.flatMap((check) => check.facts ?? []))];
  return facts.length > 0 ? { facts } : {};
}

function union(anchors: readonly (Anchor | undefined)[]): Anchor[] {
  const keys: Key[] = [];
  let rank = 0;
  for (const anchor of anchors) {
    if (!anchor) return [];
    keys.push(...anchor.keys);
    rank = Math.max(rank, anchor.rank);
  }
  return keys.length > MAX_ANCHOR_KEYS ? [] : [{ rank, keys }];
}

/** @param wanted the condition as it is written, for the one who asks why it does not hold */
export function negated(check: Check, condition: string, wanted: string): Check {
  const test = (view: MailView): boolean => {
    view.assumed = !view.assumed;
    const holds = check.test(view);
    view.assumed = !view.assumed;
    return !holds;
  };
  return {
    cost: check.cost,
    anchors: [],
    ...factsOf([check]),
    test,
    failures: (view) => {
      const had = assuming(view, true, () => test(view)) ? NOT_KNOWN : 'a mail for which that holds';
      return [{ condition, wanted, had }];
    },
  };
}

/** Asks with what is not known taken one way or the other. */
export function assuming<T>(view: MailView, assumed: boolean, ask: () => T): T {
  const before = view.assumed;
  view.assumed = assumed;
  const answer = ask();
  view.assumed = before;
  return answer;
}
