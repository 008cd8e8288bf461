// For which kinds of mail a rule asks by their name. Mail of machines starts a session only where a rule does.
import type { MailKind } from '../contracts/mail.ts';
import type { Condition, Names } from '../contracts/rule-condition.ts';
import type { RuleSet } from './match.ts';

const known = new WeakMap<RuleSet, ReadonlyMap<string, ReadonlySet<string>>>();

/** @param rule its name */
export function asksForKind(rules: RuleSet, rule: string, kind: MailKind): boolean {
  const asked = known.get(rules) ?? new Map(rules.rules.map(({ name, when }) => [name, askedKinds(when)]));
  known.set(rules, asked);
  return asked.get(rule)?.has(kind) ?? false;
}

/** Those that a condition names; what it excludes, it does not ask for. */
export function askedKinds(condition: Condition | undefined): Set<string> {
  const asked = new Set<string>();
  if (!condition) return asked;
  const { kind, list_id, header, type, attachment, all = [], any = [] } = condition;
  for (const word of named(kind)) asked.add(word.toLowerCase());
  // Who names a list, or its headers, means its mail.
  if (named(list_id).length > 0) asked.add('list');
  if (Object.entries(header ?? {}).some(([name, texts]) => /^list-/i.test(name) && named(texts).length > 0))
    asked.add('list');
  const types = [...named(type), ...named(typeof attachment === 'object' ? attachment.type : undefined)];
  if (types.some((one) => one.toLowerCase() === 'text/calendar')) asked.add('invitation');
  for (const inner of [...all, ...any]) for (const word of askedKinds(inner)) asked.add(word);
  return asked;
}

const named = (names: Names | undefined): string[] =>
  names === undefined ? [] : [names].flat().filter((word) => !word.startsWith('!'));
