// Rules that are made in the console or over REST: changed one at a time, in force at once, every version kept. The rules
// of files are the operator's and are only shown.
import { z } from 'zod';
import { madeRuleVersion, ruleDetail, ruleObject, ruleText } from '../../contracts/made-rule.ts';
import { pageOf, pageQuery } from '../../contracts/page.ts';
import { PosternError } from '../../kernel/errors.ts';
import { nameIn } from '../../rules/made-text.ts';
import { nameOf } from '../access.ts';
import { pageBy } from '../pages.ts';
import { type Context, defineOperation, type Operation } from '../registry.ts';
import { ruleDetailOf } from '../rule-views.ts';

/** The id (`rul_…`) or the name. */
export const ruleName = z.string().min(1).max(200);

const given = {
  /** One rule as YAML. */
  text: ruleText.optional(),
  /** Or as an object. */
  rule: ruleObject.optional(),
};
/** The version that a change was made from: where another came between, the change is refused. */
const version = z.coerce.number().int().positive().optional();

const named = async (_context: Context, input: { id: string }): Promise<string> => `rule:${input.id}`;

export const madeRuleOperations: readonly Operation[] = [
  defineOperation({
    name: 'rules.create',
    summary: 'Make a rule; it is in force at once, behind the rules of the files.',
    input: z.strictObject({ ...given, enabled: z.boolean().default(true) }),
    output: ruleDetail,
    permission: 'rules:write',
    effects: 'write',
    http: { method: 'POST', path: '/v1/rules', status: 201 },
    cli: { words: ['rules', 'create'] },
    idempotent: true,
    audit: async (_context, { text, rule }) =>
      `rule:${text === undefined ? String(rule?.name) : (nameIn(text) ?? '')}`,
    async handler({ rooms, principal }, input) {
      const { id } = await rooms.madeRules.create(input, nameOf(principal));
      return ruleDetailOf(rooms, id);
    },
  }),
  defineOperation({
    name: 'rules.update',
    summary: 'Change a rule that was made over REST, or switch it on or off; the change is in force at once.',
    input: z.strictObject({ id: ruleName, ...given, enabled: z.boolean().optional(), version }),
    output: ruleDetail,
    permission: 'rules:write',
    effects: 'write',
    http: { method: 'PATCH', path: '/v1/rules/{id}' },
    cli: { words: ['rules', 'update'], args: ['id'] },
    audit: named,
    async handler({ rooms, principal }, { id, ...patch }) {
      const before = await ruleDetailOf(rooms, id);
      demandMade(before);
      const row = await rooms.madeRules.patch(before.id ?? id, patch, nameOf(principal));
      return ruleDetailOf(rooms, row.id);
    },
  }),
  defineOperation({
    name: 'rules.delete',
    summary: 'Remove a rule that was made over REST; its versions stay readable by its id.',
    input: z.strictObject({ id: ruleName, version }),
    output: z.void(),
    permission: 'rules:write',
    effects: 'write',
    http: { method: 'DELETE', path: '/v1/rules/{id}', status: 204 },
    cli: { words: ['rules', 'delete'], args: ['id'] },
    audit: named,
    async handler({ rooms, principal }, { id, version: from }) {
      demandMade(await ruleDetailOf(rooms, id));
      await rooms.madeRules.remove(id, nameOf(principal), from);
    },
  }),
  defineOperation({
    name: 'rules.versions',
    summary: 'List what a made rule was with each change, the newest first.',
    input: z.strictObject({ id: ruleName, ...pageQuery }),
    output: pageOf(madeRuleVersion),
    permission: 'rules:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/rules/{id}/versions' },
    cli: {
      words: ['rules', 'versions'],
      args: ['id'],
      columns: ['version', 'change', 'name', 'enabled', 'author', 'created_at'],
    },
    handler: ({ rooms }, { id, ...page }) => pageBy(page, (range) => rooms.madeRules.versions(id, range)),
  }),
];

/** @throws PosternError `rule_of_a_file` */
function demandMade({ name, file, line }: { name: string; file: string | null; line: number | null }): void {
  if (file === null) return;
  throw new PosternError('rule_of_a_file', `The rule “${name}” stands in a file and is only read here.`, {
    hint: `It is at ${file}:${line}, in the folder of the rules.`,
  });
}
