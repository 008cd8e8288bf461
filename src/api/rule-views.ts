// The rules of the files and those that were made over REST, side by side in the order in which they are tried.
import type { RuleDetail, RuleView } from '../contracts/made-rule.ts';
import { notFound } from '../kernel/errors.ts';
import type { MadeRule } from '../rules/made-rules.ts';
import { ruleIn } from '../rules/made-text.ts';
import type { RuleSet } from '../rules/match.ts';
import type { Rooms } from './rooms.ts';

type RuleRooms = Pick<Rooms, 'rules' | 'madeRules'>;

/** Those in force in their order, and then the made ones that are not. */
export async function ruleViews({ rules, madeRules }: RuleRooms): Promise<RuleView[]> {
  const set = rules.current();
  const rows = new Map((await madeRules.list()).map((row) => [row.id, row]));
  const views: RuleView[] = [];
  for (const [at, place] of set.places.entries()) {
    const row = rows.get(place.file);
    if (!place.made) views.push(fileView(set, at));
    else if (row) views.push(madeView(row, set.rules[at] ?? null));
    if (place.made) rows.delete(place.file);
  }
  return [...views, ...[...rows.values()].map((row) => madeView(row, null))];
}

/** @param id of a made rule, or the name of any @throws PosternError `not_found` */
export async function ruleDetailOf({ rules, madeRules }: RuleRooms, id: string): Promise<RuleDetail> {
  const set = rules.current();
  const rows = await madeRules.list();
  const row = rows.find((one) => one.id === id) ?? rows.find((one) => one.name === id);
  const at = set.places.findIndex(({ file, made }, i) =>
    made ? file === row?.id : !row && set.rules[i]?.name === id,
  );
  if (row) return { ...madeView(row, set.rules[at] ?? null), text: row.text };
  if (at < 0) throw notFound('rule', id);
  return { ...fileView(set, at), text: null };
}

function fileView(set: RuleSet, at: number): RuleView {
  const rule = set.rules[at] as RuleSet['rules'][number];
  const place = set.places[at];
  return {
    ...{ id: null, name: rule.name, origin: 'file', file: place?.file ?? null, line: place?.line ?? null },
    ...{ enabled: true, in_force: true, version: null },
    ...{ created_by: null, created_at: null, updated_by: null, updated_at: null },
    rule,
  };
}

function madeView(row: MadeRule, inForce: RuleView['rule']): RuleView {
  const { id, name, version, created_by, created_at, updated_by, updated_at } = row;
  return {
    ...{ id, name, origin: 'made', file: null, line: null },
    ...{ enabled: row.enabled === 1, in_force: inForce !== null, version },
    ...{ created_by, created_at, updated_by, updated_at },
    rule: inForce ?? ruleIn(row.text),
  };
}
