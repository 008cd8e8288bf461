// The rules in force, and what they would do with a mail. Nothing here changes them: they are files.
import { z } from 'zod';
import { agent, destination, type RuleProblem, rule, ruleProblem } from '../../contracts/rule.ts';
import { PosternError } from '../../kernel/errors.ts';
import { compileRules, type RuleFile } from '../../rules/compile.ts';
import type { RuleInput } from '../../rules/mail-view.ts';
import type { RuleSet } from '../../rules/match.ts';
import { defineOperation, type Operation } from '../registry.ts';
import type { Rooms } from '../rooms.ts';
import { rawRuleInput, storedRuleInput } from '../rule-input.ts';
import { accountName } from './account.ts';

const MAX_RAW_CHARS = 36_000_000; // base64 of the default account's largest message, 26,214,400 octets
const MAX_FILES = 200;
const MAX_FILE_CHARS = 1_000_000;

export const ruleExplanation = z.object({
  rule: z.string(),
  matched: z.boolean(),
  /** Whether it matches hangs on what is not known of the mail. */
  unsure: z.boolean(),
  stopped_by: z.string().nullable(),
  failed: z.array(z.object({ condition: z.string(), wanted: z.string(), had: z.string() })),
  text: z.string(),
});

const rulesView = z.object({
  /** Of the set in force. */
  version: z.string(),
  agents: z.record(z.string(), agent),
  /** One that a rule describes itself has the rule's name, `#`, and the place of its action. */
  destinations: z.record(z.string(), destination),
  /** In the order in which they are tried. */
  rules: z.array(rule),
  /** Why the files as they are now were refused; empty when they are in force. */
  problems: z.array(ruleProblem),
});

const explained = z.object({
  rules_version: z.string(),
  matches: z.array(z.object({ rule: z.string(), actions: z.array(z.record(z.string(), z.unknown())) })),
  explanation: z.array(ruleExplanation),
});

export const ruleOperations: readonly Operation[] = [
  defineOperation({
    name: 'rules.get',
    summary: 'Show the agents and rules in force, and what is wrong with files that were refused.',
    input: z.strictObject({}),
    output: rulesView,
    permission: 'rules:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/rules' },
    cli: { words: ['rules', 'show'] },
    async handler({ rooms }) {
      const { version, agents, destinations, rules } = rooms.rules.current();
      return {
        version,
        agents: Object.fromEntries(agents),
        destinations: Object.fromEntries(destinations),
        rules: [...rules],
        problems: [...rooms.rules.problems()],
      };
    },
  }),
  defineOperation({
    name: 'rules.check',
    summary: 'Tell what is wrong with rules files, as texts, without putting them in force.',
    input: z.strictObject({
      files: z
        .array(z.strictObject({ name: z.string().min(1).max(255), text: z.string().max(MAX_FILE_CHARS) }))
        .min(1)
        .max(MAX_FILES),
    }),
    output: z.object({ ok: z.boolean(), problems: z.array(ruleProblem) }),
    permission: 'rules:test',
    effects: 'read',
    http: { method: 'POST', path: '/v1/rules/check', largeBody: true },
    handler: async (_context, { files }) => {
      const problems = mistakesIn(files);
      return { ok: problems.length === 0, problems };
    },
  }),
  defineOperation({
    name: 'rules.test',
    summary: 'Tell which rules a mail matches, and why the others do not. Nothing is done with the mail.',
    input: z
      .strictObject({
        /** A message of the ledger. */
        message_id: z.string().max(100).optional(),
        /** Or the bytes of any mail. */
        raw_base64: z.base64().max(MAX_RAW_CHARS).optional(),
        /** With raw_base64: the account where it would have arrived. */
        account: accountName.optional(),
        mailbox: z.string().min(1).max(1000).optional(),
      })
      .refine((input) => (input.message_id === undefined) !== (input.raw_base64 === undefined), {
        message: 'give either message_id or raw_base64',
        path: ['message_id'],
      }),
    output: explained,
    permission: 'rules:test',
    effects: 'read',
    http: {
      method: 'POST',
      path: '/v1/rules/test',
      largeBody: true,
      rawBody: { type: 'message/rfc822', field: 'raw_base64' },
    },
    cli: { words: ['rules', 'test'], columns: ['rule', 'text'] },
    handler: async ({ rooms }, input) => explainRules(rooms.rules.current(), await mailOf(rooms, input)),
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

/** The answer of `rules.test`, also for the command line without a gateway. */
export function explainRules(rules: RuleSet, mail: RuleInput): z.output<typeof explained> {
  return { rules_version: rules.version, matches: rules.match(mail), explanation: rules.explain(mail) };
}

async function mailOf(
  rooms: Rooms,
  input: {
    message_id?: string | undefined;
    raw_base64?: string | undefined;
    account?: string | undefined;
    mailbox?: string | undefined;
  },
): Promise<RuleInput> {
  const place = input.mailbox === undefined ? {} : { mailbox: input.mailbox };
  if (input.message_id !== undefined)
    return { ...(await storedRuleInput(rooms, input.message_id)), ...place };
  if (input.account === undefined) {
    throw new PosternError('invalid_input', 'Name the account where the mail would have arrived.', {
      details: { errors: [{ path: 'account', message: 'is needed with raw_base64' }] },
    });
  }
  const account = await rooms.accounts.find(input.account);
  return rawRuleInput(await rooms.parseMail(Buffer.from(input.raw_base64 ?? '', 'base64')), {
    account: account.settings.label,
    authservId: account.settings.authserv_id ?? null,
    ...place,
  });
}
