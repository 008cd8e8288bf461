// Commands that need no gateway: rules and mails as files.

import type { RuleProblem } from '../../contracts/rule.ts';
import { PosternError } from '../../kernel/errors.ts';
import { type Logger, silentLogger } from '../../kernel/logger.ts';
import { parseMail } from '../../mail/parse.ts';
import { loadRules } from '../../rules/load.ts';
import { parsedView } from '../operations/parse.ts';
import { explainRules } from '../operations/rule.ts';
import { rawRuleInput } from '../rule-input.ts';
import type { Command } from './command.ts';
import { bytesFrom } from './flags.ts';
import { type CliIo, complain, EXIT, print, UsageError } from './io.ts';
import { showBlock, showDetails, showJson } from './show.ts';
import { safeLine } from './terminal-text.ts';

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
      const found = {
        ok: true,
        folder,
        version: rules.version,
        rules: rules.rules.length,
        agents: rules.agents.size,
      };
      if (values.json) showJson(io, { ...found, problems: [] });
      else
        print(
          io,
          `The rules in ${safeLine(folder)} are valid: ${found.rules} rules, ${found.agents} agents.`,
        );
      return EXIT.ok;
    } catch (error) {
      if (!(error instanceof PosternError) || error.code !== 'rules_invalid') throw error;
      const problems = error.details.problems as RuleProblem[];
      if (values.json) showJson(io, { ok: false, folder, problems });
      else {
        for (const { file, line, column, message } of problems)
          print(io, `${safeLine(file)}:${line}:${column}  ${safeLine(message)}`);
        complain(io, `The rules in ${safeLine(folder)} are not valid.`);
      }
      return EXIT.refused;
    }
  },
};

/** `rules test --message FILE`; with `--message-id` the gateway's rules and ledger are asked. */
export function rulesTest(remote: Command): Command {
  return {
    words: remote.words,
    summary: 'Tell which rules a mail matches, and why the others do not.',
    args: [],
    flags: {
      message: {
        type: 'string',
        value: 'FILE',
        help: 'A mail as a file (.eml), or - for stdin; needs no gateway.',
      },
      account: { type: 'string', value: 'LABEL', help: 'With --message: the account where it would arrive.' },
      mailbox: {
        type: 'string',
        value: 'NAME',
        help: 'The mailbox where it would arrive; INBOX where absent.',
      },
      'authserv-id': { type: 'string', value: 'NAME', help: 'With --message: whose verdicts are believed.' },
      rules: { type: 'string', value: 'DIR', help: 'With --message: the rules folder.' },
      'message-id': {
        type: 'string',
        value: 'ID',
        help: 'A message that the gateway knows (msg_…), instead.',
      },
    },
    async run(io, values, positionals) {
      if (values.message === undefined) {
        if (values['message-id'] === undefined)
          throw new UsageError('Give --message FILE or --message-id ID.');
        return remote.run(io, values, positionals);
      }
      if (typeof values.account !== 'string') throw new UsageError('--account: is needed with --message');
      const mail = await parseMail(await bytesFrom(io, String(values.message)), { keepContent: false });
      const folder = typeof values.rules === 'string' ? values.rules : io.settings.rulesDir;
      const answer = explainRules(
        await loadRules(folder, warnings(io)),
        rawRuleInput(mail, {
          account: values.account,
          authservId: typeof values['authserv-id'] === 'string' ? values['authserv-id'] : null,
          ...(typeof values.mailbox === 'string' ? { mailbox: values.mailbox } : {}),
        }),
      );
      if (values.json) showJson(io, answer);
      else for (const { rule, text } of answer.explanation) print(io, `${safeLine(rule)}: ${safeLine(text)}`);
      return EXIT.ok;
    },
  };
}

export const parse: Command = {
  words: ['parse'],
  summary: 'Show what Postern understands of a mail.',
  args: ['FILE'],
  flags: {},
  async run(io, values, [file, ...more]) {
    if (file === undefined || more.length > 0) throw new UsageError('Give one file, or - for stdin.');
    const view = parsedView(await parseMail(await bytesFrom(io, file), { keepContent: false }));
    if (values.json) {
      showJson(io, view);
      return EXIT.ok;
    }
    const { headers: _, parts: __, ...head } = view.metadata;
    const date = head.date === null ? null : new Date(head.date).toISOString();
    showDetails(io, { ...head, date, attachments: view.attachments });
    showBlock(io, '\nText', view.content.text);
    if (view.content.reply_text !== view.content.text)
      showBlock(io, '\nWithout the quote', view.content.reply_text);
    return EXIT.ok;
  },
};

/** Warnings go to stderr, so that stdout stays the answer. */
const warnings = (io: CliIo): Logger => ({
  ...silentLogger,
  warn: (fields, message) => complain(io, safeLine(`${message} ${JSON.stringify(fields)}`)),
});
