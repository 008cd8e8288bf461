// Help, made from the commands themselves.
import type { Command } from './command.ts';
import { allFlags, type Flag } from './flags.ts';

/** Commands that main.ts runs itself: they start a gateway. */
const STARTERS: readonly [string, string][] = [
  ['start', 'Start the gateway. Settings come from the environment (POSTERN_…).'],
  ['sandbox', 'Try everything on this machine, with mail servers of its own and no accounts.'],
];

const SUMMARY_COLUMN = 34;

export function overview(commands: readonly Command[]): string {
  return [
    'Postern, the mail gate for AI agents.',
    '',
    'Usage: postern NOUN VERB [ARGUMENTS] [--json]',
    '',
    ...STARTERS.map(([name, summary]) => row(name, summary)),
    '',
    ...commands.map((command) => row(shortUsage(command), firstSentence(command.summary))),
    '',
    'postern NOUN VERB --help shows the flags of a command.',
    'The gateway is looked for at POSTERN_URL, else at POSTERN_HOST and POSTERN_PORT. The token is',
    'POSTERN_ADMIN_TOKEN, else the file admin-token in the data folder (POSTERN_DATA).',
    'Exit codes: 0 done, 1 refused or failed, 2 not written right.',
  ].join('\n');
}

export function nounHelp(commands: readonly Command[]): string {
  return commands.map((command) => row(shortUsage(command), firstSentence(command.summary))).join('\n');
}

export function commandHelp(command: Command): string {
  const flags = Object.entries(allFlags(command.flags));
  const width = Math.max(...flags.map(([name, flag]) => flagText(name, flag).length));
  return [
    `Usage: postern ${shortUsage(command)} [FLAGS]`,
    '',
    command.summary,
    '',
    ...flags.map(([name, flag]) => `  ${flagText(name, flag).padEnd(width)}  ${flag.help}`.trimEnd()),
  ].join('\n');
}

const shortUsage = ({ words, args }: Command): string => [...words, ...args].join(' ');
const flagText = (name: string, { value }: Flag): string => (value ? `--${name} ${value}` : `--${name}`);
const firstSentence = (text: string): string => /^.*?[.](?= |$)/s.exec(text)?.[0] ?? text;
const row = (name: string, summary: string): string => `  ${name.padEnd(SUMMARY_COLUMN)} ${summary}`;
