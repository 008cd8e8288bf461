// The rules in force, whether they stand in files or were made over REST, and what is wrong with files. Nothing here
// changes them.
import { z } from 'zod';
import { knowledgeSink } from '../../contracts/knowledge-sink.ts';
import { ruleDetail, ruleView } from '../../contracts/made-rule.ts';
import { agent, destination, type RuleProblem, ruleProblem } from '../../contracts/rule.ts';
import { PosternError } from '../../kernel/errors.ts';
import { compileRules, type RuleFile } from '../../rules/compile.ts';
import { defineOperation, type Operation } from '../registry.ts';
import { ruleDetailOf, ruleViews } from '../rule-views.ts';
import { ruleName } from './rule-made.ts';

const MAX_FILES = 200;
const MAX_FILE_CHARS = 1_000_000;

/** Files of rules, as texts. */
export const ruleFiles = z
  .array(z.strictObject({ name: z.string().min(1).max(255), text: z.string().max(MAX_FILE_CHARS) }))
  .max(MAX_FILES);

const rulesView = z.object({
  /** Of the set in force. */
  version: z.string(),
  agents: z.record(z.string(), agent),
  /** One that a rule describes itself has the rule's name, `#`, and the place of its action. */
  destinations: z.record(z.string(), destination),
  /** Where `ingest` puts documents, besides `local`. */
  knowledge: z.record(z.string(), knowledgeSink),
  /** Why the rules as they are now were refused; empty when they are in force. */
  problems: z.array(ruleProblem),
  /** In the order in which they are tried; at the end the made ones that are not in force. */
  data: z.array(ruleView),
});

export const ruleOperations: readonly Operation[] = [
  defineOperation({
    name: 'rules.list',
    summary:
      'List the rules in the order in which they are tried, with the agents and destinations they name.',
    input: z.strictObject({}),
    output: rulesView,
    permission: 'rules:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/rules' },
    cli: {
      words: ['rules', 'list'],
      columns: ['name', 'rule.priority', 'origin', 'file', 'line', 'id', 'version', 'in_force'],
    },
    async handler({ rooms }) {
      const { version, agents, destinations, knowledge } = rooms.rules.current();
      return {
        version,
        agents: Object.fromEntries(agents),
        destinations: Object.fromEntries(destinations),
        knowledge: Object.fromEntries(knowledge),
        problems: [...rooms.rules.problems()],
        data: await ruleViews(rooms),
      };
    },
  }),
  defineOperation({
    name: 'rules.check',
    summary: 'Tell what is wrong with rules files, as texts, without putting them in force.',
    input: z.strictObject({ files: ruleFiles.min(1) }),
    output: z.object({ ok: z.boolean(), problems: z.array(ruleProblem) }),
    permission: 'rules:test',
    effects: 'read',
    http: { method: 'POST', path: '/v1/rules/check', largeBody: true },
    handler: async (_context, { files }) => {
      const problems = mistakesIn(files);
      return { ok: problems.length === 0, problems };
    },
  }),
];

/** Apart from the others, so that the paths with words of their own come before it. */
export const ruleByNameOperations: readonly Operation[] = [
  defineOperation({
    name: 'rules.get',
    summary: 'Show one rule, by its name or by the id of one that was made over REST.',
    input: z.strictObject({ id: ruleName }),
    output: ruleDetail,
    permission: 'rules:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/rules/{id}' },
    cli: { words: ['rules', 'show'], args: ['id'] },
    handler: ({ rooms }, { id }) => ruleDetailOf(rooms, id),
  }),
];

function mistakesIn(files: readonly RuleFile[]): RuleProblem[] {
  try {
    compileRules(files);
    return [];
  } catch (error) {
    if (error instanceof PosternError && error.code === 'rules_invalid')
      return error.details.problems as RuleProblem[];
    throw error;
  }
}
