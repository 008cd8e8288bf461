// The command line: which command was meant, run it, and say plainly what went wrong.
import { PosternError } from '../../kernel/errors.ts';
import { mend } from '../../rules/nearest.ts';
import type { Command } from './command.ts';
import { allCommands } from './commands.ts';
import { parseFlags } from './flags.ts';
import { commandHelp, nounHelp, overview } from './help.ts';
import { type CliIo, complain, EXIT, print, UsageError } from './io.ts';
import { safeLine, safeLines } from './terminal-text.ts';

const HELP = new Set(['--help', '-h', 'help']);

/** Runs `postern ARGV` and returns its exit code. Only a bug makes it throw. */
export async function runCli(argv: readonly string[], io: CliIo): Promise<number> {
  const commands = allCommands();
  const words = argv.filter((word) => !HELP.has(word));
  const noun = words[0];
  if (noun === undefined) {
    print(io, overview(commands));
    return EXIT.ok;
  }
  const ofNoun = commands.filter((command) => command.words[0] === noun);
  if (ofNoun.length === 0) {
    return wrong(io, `There is no command ${noun}${mend(noun, nouns(commands))}`, 'postern help');
  }
  const command = commandIn(ofNoun, words[1]);
  if (!command) {
    const asksForHelp = words.length === 1 && argv.some((word) => HELP.has(word));
    if (asksForHelp) {
      print(io, nounHelp(ofNoun));
      return EXIT.ok;
    }
    const verbs = ofNoun.map(({ words: [, verb] }) => verb ?? '');
    const what = words[1] === undefined ? `Say what to do with ${noun}` : `${noun} has no ${words[1]}`;
    return wrong(io, `${what}${mend(words[1] ?? '', verbs)}`, `postern ${noun} --help`);
  }
  return runCommand(io, command, argv.slice(command.words.length));
}

async function runCommand(io: CliIo, command: Command, rest: readonly string[]): Promise<number> {
  const name = `postern ${command.words.join(' ')}`;
  try {
    if (rest.includes('--help') || rest.includes('-h')) {
      print(io, commandHelp(command));
      return EXIT.ok;
    }
    const { values, positionals } = parseFlags(rest, command.flags);
    return await command.run(io, values, positionals);
  } catch (error) {
    if (error instanceof UsageError) return wrong(io, error.message, `${name} --help`);
    if (error instanceof PosternError) return refused(io, error);
    throw error;
  }
}

/** `postern help draft` puts the word for help first; the noun then stands alone. */
const commandIn = (ofNoun: readonly Command[], verb: string | undefined): Command | undefined =>
  ofNoun.find(({ words }) => words.length === 1) ??
  ofNoun.find(({ words }) => words[1] === verb?.replaceAll('_', '-'));

const nouns = (commands: readonly Command[]): string[] => [
  ...new Set(['start', 'sandbox', ...commands.map(({ words }) => words[0] as string)]),
];

function wrong(io: CliIo, message: string, help: string): number {
  complain(io, safeLines(message));
  complain(io, `\`${help}\` shows how.`);
  return EXIT.usage;
}

function refused(io: CliIo, error: PosternError): number {
  complain(io, `${safeLine(error.message)} (${safeLine(error.code)})`);
  const { errors } = error.details as { errors?: { path: string; message: string }[] };
  for (const { path, message } of errors ?? []) complain(io, `  ${safeLine(path)}: ${safeLine(message)}`);
  if (error.hint !== undefined) complain(io, safeLines(error.hint));
  return EXIT.refused;
}
