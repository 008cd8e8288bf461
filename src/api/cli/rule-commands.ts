// Rules at the command line: listed with what was refused, checked as files, and tried on a mail or on the mail of some
// days. Checking, and trying them on a mail in a file, needs no gateway.
import type { RuleView } from '../../contracts/made-rule.ts';
import type { RuleProblem } from '../../contracts/rule.ts';
import type { BackTestView, MailTest } from '../../contracts/rule-test.ts';
import { listProblems } from '../../digests/list-files.ts';
import type { TemplateSource } from '../../drafts/template.ts';
import { PosternError } from '../../kernel/errors.ts';
import { type Logger, silentLogger } from '../../kernel/logger.ts';
import { parseMail } from '../../mail/parse.ts';
import { Templates } from '../../outbound/templates.ts';
import { compileRules, type RuleFile } from '../../rules/compile.ts';
import { rulesSchema } from '../../rules/json-schema.ts';
import { loadRules, readRuleFiles } from '../../rules/load.ts';
import { CANDIDATE } from '../../rules/made-text.ts';
import type { Operation } from '../registry.ts';
import { templateProblems, withDrafts } from '../rule-drafts.ts';
import { rawRuleInput } from '../rule-input.ts';
import { tryMail } from '../rule-try.ts';
import { type Command, call, type Special } from './command.ts';
import { bytesFrom, type Values } from './flags.ts';
import { type CliIo, complain, EXIT, print, UsageError } from './io.ts';
import { showBlock, showJson, showTable } from './show.ts';
import { safeLine } from './terminal-text.ts';

const LIST_COLUMNS = ['name', 'rule.priority', 'origin', 'file', 'line', 'id', 'version', 'in_force'];
const TALLY_COLUMNS = ['rule', 'matches', 'unsure', 'added', 'removed'];
const ACTION_COLUMNS = ['action', 'count', 'held'];

export const rulesList: Special = {
  show(io, { data, problems }: { data: RuleView[]; problems: RuleProblem[] }) {
    showTable(io, data, LIST_COLUMNS);
    if (problems.length === 0) return;
    complain(io, 'The rules as they are now were refused; those above stay in force:');
    showProblems(io, problems);
  },
};

export const rulesCheck: Command = {
  words: ['rules', 'check'],
  summary: 'Check the rules files of a folder; every mistake is told with its file, line and column.',
  args: ['[DIR]'],
  flags: {},
  async run(io, values, [given, ...more]) {
    if (more.length > 0) throw new UsageError('Give one folder.');
    const folder = given ?? io.settings.rulesDir;
    try {
      const rules = await loadRules(folder, warnings(io));
      const broken = await templateProblems(rules, templatesOf(io));
      const lists = await listProblems(rules.digests, folder);
      const found = {
        ok: broken.length + lists.length === 0,
        folder,
        version: rules.version,
        rules: rules.rules.length,
        agents: rules.agents.size,
        digests: rules.digests.size,
      };
      for (const problem of [...broken, ...lists]) complain(io, safeLine(problem));
      if (values.json) showJson(io, { ...found, problems: [], templates: broken, lists });
      else if (found.ok)
        print(
          io,
          `The rules in ${safeLine(folder)} are valid: ${found.rules} rules, ${found.agents} agents${
            found.digests > 0 ? `, ${found.digests} digests` : ''
          }.`,
        );
      return found.ok ? EXIT.ok : EXIT.refused;
    } catch (error) {
      if (!(error instanceof PosternError) || error.code !== 'rules_invalid') throw error;
      const problems = error.details.problems as RuleProblem[];
      if (values.json) showJson(io, { ok: false, folder, problems });
      else {
        showProblems(io, problems);
        complain(io, `The rules in ${safeLine(folder)} are not valid.`);
      }
      return EXIT.refused;
    }
  },
};

export const rulesSchemaCommand: Command = {
  words: ['rules', 'schema'],
  summary: 'Print the JSON Schema of rules files, for editors. Needs no gateway.',
  args: [],
  flags: {},
  async run(io, _values, positionals) {
    if (positionals.length > 0) throw new UsageError(`There is one word too many: ${positionals[0]}`);
    print(io, rulesSchema().trimEnd());
    return EXIT.ok;
  },
};

function showProblems(io: CliIo, problems: readonly RuleProblem[]): void {
  for (const { file, line, column, message } of problems)
    print(io, `${safeLine(file)}:${line}:${column}  ${safeLine(message)}`);
}

/** `rules test --message FILE | --id ID | --account LABEL --since TIME`, with rules of files or one that is not saved. */
export function rulesTest(test: Operation): Command {
  return {
    words: ['rules', 'test'],
    summary:
      'Tell which rules a mail, or the mail of some days, matches, and what would be done. Nothing is.',
    args: [],
    flags: {
      message: {
        type: 'string',
        value: 'FILE',
        help: 'A mail as a file (.eml), or - for stdin. Needs no gateway, and knows the rules of files alone.',
      },
      id: { type: 'string', value: 'ID', help: 'Or a message that the gateway knows (msg_…).' },
      since: {
        type: 'string',
        value: 'TIME',
        help: 'Or the mail of --account that the gateway knows: of the last 30d, or since a date.',
      },
      account: {
        type: 'string',
        value: 'LABEL',
        help: 'Where the mail would arrive; with --since, whose mail it is, * for that of all.',
      },
      mailbox: { type: 'string', value: 'NAME', help: 'Where the mail would arrive; INBOX where absent.' },
      rules: { type: 'string', value: 'DIR', help: 'A folder of rules in the place of the one in force.' },
      rule: {
        type: 'string',
        value: 'FILE',
        help: 'One rule as YAML that is not saved, tried with the others.',
      },
      limit: { type: 'string', value: 'N', help: 'With --since: the newest so many; 10000 where absent.' },
      fetch: {
        type: 'boolean',
        help: 'With --id: fetch the text and check the signatures, where a rule hangs on them.',
      },
      'authserv-id': { type: 'string', value: 'NAME', help: 'With --message: whose verdicts are believed.' },
    },
    async run(io, values, positionals) {
      if (positionals.length > 0) throw new UsageError(`There is one word too many: ${positionals[0]}`);
      const wanted = ['message', 'id', 'since'].filter((name) => values[name] !== undefined);
      if (wanted.length !== 1)
        throw new UsageError('Give one of --message FILE, --id ID, and --account LABEL --since TIME.');
      if (values.message !== undefined) return testFile(io, values);
      const answer = await call(io, test, await inputOf(io, values));
      if (values.json) showJson(io, answer);
      else if (values.since === undefined) showTest(io, answer as MailTest);
      else showBackTest(io, answer as BackTestView);
      return EXIT.ok;
    },
  };
}

async function testFile(io: CliIo, values: Values): Promise<number> {
  const mail = await parseMail(await bytesFrom(io, String(values.message)), { keepContent: false });
  const files: RuleFile[] = await readRuleFiles(
    textOf(values, 'rules') ?? io.settings.rulesDir,
    warnings(io),
  );
  const candidate = await candidateOf(io, values);
  if (candidate) files.push({ name: CANDIDATE, text: candidate.text, made: true });
  const mailbox = textOf(values, 'mailbox');
  const account = textOf(values, 'account');
  const tried = tryMail(
    compileRules(files),
    rawRuleInput(mail, {
      account: account ?? '',
      address: null,
      authservId: textOf(values, 'authserv-id') ?? null,
      ...(mailbox === undefined ? {} : { mailbox }),
    }),
  );
  const { metadata, content } = mail;
  const address = metadata.to[0]?.address ?? 'nobody@trial.example';
  const replying = { settings: { label: account ?? '', address } };
  const answered = { id: null, metadata, text: content.text };
  const answer = await withDrafts(tried, templatesOf(io), replying, answered);
  if (values.json) showJson(io, answer);
  else showTest(io, answer);
  if (account === undefined) complain(io, 'Without --account, no rule matches that is for certain accounts.');
  return EXIT.ok;
}

async function inputOf(io: CliIo, values: Values): Promise<Record<string, unknown>> {
  const candidate = await candidateOf(io, values);
  const folder = textOf(values, 'rules');
  const files = folder === undefined ? undefined : await readRuleFiles(folder, warnings(io));
  const input = {
    message_id: textOf(values, 'id'),
    since: textOf(values, 'since'),
    account: textOf(values, 'account'),
    mailbox: textOf(values, 'mailbox'),
    limit: textOf(values, 'limit'),
    fetch: values.fetch,
    candidate,
    files: files?.map(({ name, text }) => ({ name, text })),
  };
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
}

async function candidateOf(io: CliIo, values: Values): Promise<{ text: string } | undefined> {
  const file = textOf(values, 'rule');
  return file === undefined ? undefined : { text: (await bytesFrom(io, file)).toString('utf8') };
}

const textOf = (values: Values, name: string): string | undefined => {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
};

function showTest(io: CliIo, { explanation, would }: MailTest): void {
  for (const { rule, text } of explanation) {
    print(io, `${safeLine(rule)}: ${safeLine(text)}`);
    for (const one of would.filter((action) => action.rule === rule)) {
      const held = one.held === null ? '' : ` (not done: ${safeLine(one.held)})`;
      print(io, `  ${actionInWords(one.action)}${held}`);
      if (!one.draft) continue;
      const title = `    to ${one.draft.to.join(', ')}: ${one.draft.subject}`;
      showBlock(io, safeLine(title), one.draft.text, '  ');
    }
  }
}

function showBackTest(io: CliIo, found: BackTestView): void {
  const since = new Date(found.since).toISOString().slice(0, 16);
  print(io, `${found.messages} messages since ${since}Z; ${found.unmatched} of them match no rule.`);
  if (found.truncated) print(io, 'There are older ones that were not looked at; --limit takes more.');
  for (const [fact, count] of Object.entries(found.unknown))
    print(io, `Of ${count} of them the ${safeLine(fact)} would decide, which is not known.`);
  print(io, '');
  showTable(io, found.rules, TALLY_COLUMNS);
  if (found.actions.length === 0) return;
  print(io, '');
  const actions = found.actions.map((one) => ({ ...one, action: actionInWords(one.action) }));
  showTable(io, actions, ACTION_COLUMNS);
}

/** `spawn quote-writer`; what has more than a name stands as JSON. */
function actionInWords(action: Record<string, unknown>): string {
  const [[word, value] = ['', '']] = Object.entries(action);
  if (value === true) return safeLine(word);
  return safeLine(`${word} ${typeof value === 'string' ? value : JSON.stringify(value)}`);
}

const templatesOf = (io: CliIo): TemplateSource =>
  io.settings.templatesDir === undefined
    ? NOT_LOOKED_AT
    : new Templates({ folder: io.settings.templatesDir, log: silentLogger });

const NOT_LOOKED_AT: TemplateSource = {
  find: async () => ({
    reads: () => false,
    render: () => ({ subject: null, text: '', html: null, inline: [], language: 'en' }),
  }),
};

/** Warnings go to stderr, so that stdout stays the answer. */
const warnings = (io: CliIo): Logger => ({
  ...silentLogger,
  warn: (fields, message) => complain(io, safeLine(`${message} ${JSON.stringify(fields)}`)),
});
