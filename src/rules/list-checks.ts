// Checks of the conditions that take words, globs and regular expressions, one or a list.
import type { Names } from '../contracts/rule-condition.ts';
import { type AddressForm, type AddressPattern, addressPattern, addressTest } from './addresses.ts';
import { type AddressField, type Anchor, type Check, type Key, literalAnchors } from './checks.ts';
import type { Needs } from './literals.ts';
import type { MailView } from './mail-view.ts';
import { PatternError, type PlainMeans, type TextPattern, textPattern, wholePattern } from './pattern.ts';
import { shown, type TextForm } from './text.ts';

export type Path = readonly (string | number)[];

/** Where a condition stands, and who hears of what is wrong with it. */
export interface Place {
  /** The words that lead to it, such as `not.from`: for explanations. */
  name: string;
  path: Path;
  report: (path: Path, message: string) => void;
}

const COST = { address: 2, name: 3, text: 10 };
const RANK = { address: 1, domain: 3, below: 4 };
const MAX_SHOWN = 10;

/** The items of a list: those of which a value must fit one, and those that no value may fit. */
export interface Items<P> {
  include: P[];
  exclude: P[];
}

export function readItems<P>(names: Names, { path, report }: Place, read: (source: string) => P): Items<P> {
  const items: Items<P> = { include: [], exclude: [] };
  for (const [i, item] of (Array.isArray(names) ? names : [names]).entries()) {
    const excludes = item.startsWith('!');
    const source = excludes ? item.slice(1).trim() : item;
    const at = Array.isArray(names) ? [...path, i] : path;
    if (!source) {
      report(at, 'excludes nothing: write what is excluded after the !');
      continue;
    }
    try {
      (excludes ? items.exclude : items.include).push(read(source));
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      report(at, `\`${source.slice(0, 100)}\` ${error.message}`);
    }
  }
  return items;
}

/** The test of one value by itself. */
export function itemTest<T>({ include, exclude }: Items<(value: T) => boolean>): (value: T) => boolean {
  const fits = include.length > 0 ? anyTest(include) : () => true;
  const excluded = anyTest(exclude);
  return (value) => fits(value) && !excluded(value);
}

type Values<T> = (view: MailView) => readonly T[];
type Test<T> = (value: T) => boolean;

interface About {
  cost: number;
  anchors: readonly Anchor[];
  place: Place;
  wanted: Names;
  had: (view: MailView) => string;
}

/** One value of the mail must fit what is included (if anything is), and none what is excluded. */
function listCheck<T>(
  values: Values<T>,
  include: Test<T> | null,
  exclude: Test<T> | null,
  about: About,
): Check {
  return {
    cost: about.cost,
    anchors: about.anchors,
    test: (view) => {
      const all = values(view);
      if (exclude) for (const value of all) if (exclude(value)) return false;
      if (!include) return true;
      for (const value of all) if (include(value)) return true;
      return false;
    },
    failures: (view) => [
      { condition: about.place.name, wanted: wantedNames(about.wanted), had: about.had(view) },
    ],
  };
}

export function addressCheck(
  field: AddressField,
  values: Values<AddressForm>,
  names: Names,
  place: Place,
): Check {
  const { include, exclude } = readItems(names, place, addressPattern);
  return listCheck(values, orNull(include, addressTest), orNull(exclude, addressTest), {
    cost: COST.address,
    anchors: addressAnchor(field, include),
    place,
    wanted: names,
    had: (view) => shownList(values(view).map((form) => form.address)),
  });
}

function addressAnchor(field: AddressField, include: readonly AddressPattern[]): Anchor[] {
  const keys: Key[] = [];
  let rank: number = RANK.address;
  for (const pattern of include) {
    const found = pattern.kind === 'other' ? pattern.within : pattern;
    if (found) {
      keys.push({ kind: `${field} ${found.kind}`, value: found.value });
      rank = Math.max(rank, RANK[found.kind]);
      continue;
    }
    const [literals] = literalAnchors(field, [pattern.kind === 'other' ? (pattern.needs ?? []) : []]);
    if (!literals) return [];
    keys.push(...literals.keys);
    rank = Math.max(rank, literals.rank);
  }
  return keys.length > 0 ? [{ rank, keys }] : [];
}

/** @param anchorsOf what a mail has that fits one of the included patterns, by the needs of each; there is at least one */
export function textCheck(
  values: Values<TextForm>,
  plain: PlainMeans,
  names: Names,
  place: Place,
  anchorsOf: (needs: readonly Needs[]) => Anchor[],
): Check {
  const { include, exclude } = readItems(names, place, (source) => textPattern(source, plain));
  const tests = (patterns: readonly TextPattern[]) => anyTest(patterns.map((pattern) => pattern.test));
  return listCheck(values, orNull(include, tests), orNull(exclude, tests), {
    cost: COST.text,
    anchors: include.length > 0 ? anchorsOf(include.map(({ needs }) => needs)) : [],
    place,
    wanted: names,
    had: (view) => shownList(values(view).map((form) => form.text)),
  });
}

/**
 * @param prepare brings a pattern's piece into the form in which the values are
 * @param anchorsOf as for `textCheck`, from the patterns as they are written
 */
export function nameCheck(
  values: Values<string>,
  prepare: (text: string) => string,
  names: Names,
  place: Place,
  anchorsOf: (include: readonly string[]) => Anchor[],
): Check {
  const read = (source: string) => ({ source, test: wholePattern(source, prepare) });
  const { include, exclude } = readItems(names, place, read);
  const tests = (items: readonly { test: Test<string> }[]) => anyTest(items.map((item) => item.test));
  return listCheck(values, orNull(include, tests), orNull(exclude, tests), {
    cost: COST.name,
    anchors: include.length > 0 ? anchorsOf(include.map((item) => item.source)) : [],
    place,
    wanted: names,
    had: (view) => shownList(values(view)),
  });
}

function orNull<P, T>(patterns: readonly P[], test: (patterns: readonly P[]) => Test<T>): Test<T> | null {
  return patterns.length > 0 ? test(patterns) : null;
}

function anyTest<T>(tests: readonly Test<T>[]): Test<T> {
  const single = tests[0];
  if (tests.length === 1 && single) return single;
  return (value) => {
    for (const test of tests) if (test(value)) return true;
    return false;
  };
}

export function shownList(values: readonly string[]): string {
  if (values.length === 0) return 'none';
  const more = values.length > MAX_SHOWN ? ` and ${values.length - MAX_SHOWN} more` : '';
  return values.slice(0, MAX_SHOWN).map(shown).join(', ') + more;
}

function wantedNames(names: Names): string {
  const list = Array.isArray(names) ? names : [names];
  const more = list.length > MAX_SHOWN ? `, … (${list.length} in all)` : '';
  return list.slice(0, MAX_SHOWN).join(', ') + more;
}
