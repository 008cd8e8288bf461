// What a command is, and the ordinary one: an operation called at a running gateway and its answer shown.
import type { z } from 'zod';
import { invalidInput } from '../invalid-input.ts';
import type { Operation } from '../registry.ts';
import { GatewayClient } from './client.ts';
import { type Flags, flagName, flagsOf, inputFrom, type Values } from './flags.ts';
import { type CliIo, complain, EXIT, print, UsageError } from './io.ts';
import { showDetails, showJson, showTable } from './show.ts';

export interface Command {
  /** Noun and verb, or the noun alone. */
  words: readonly string[];
  summary: string;
  /** What stands by position, such as `ID`. */
  args: readonly string[];
  flags: Flags;
  /** Returns the exit code. @throws UsageError, PosternError */
  run(io: CliIo, values: Values, positionals: readonly string[]): Promise<number>;
}

/** Where a command does more for people than its operation. */
export interface Special {
  flags?: Flags;
  /** Flags of the operation that the special ones replace. */
  without?: readonly string[];
  prepare?(io: CliIo, values: Values, input: Record<string, unknown>): Promise<Record<string, unknown>>;
  /** Bytes that are sent instead of JSON. */
  bytes?(io: CliIo, values: Values): Promise<Buffer>;
  show?(io: CliIo, answer: never): void;
  /** What people are told besides, once the answer was shown; not with --json. */
  after?(io: CliIo, answer: never): Promise<void>;
  exitCode?(answer: never): number;
}

export function commandOf(operation: Operation, special: Special = {}): Command | null {
  const { cli } = operation;
  if (!cli) return null;
  const own = Object.entries(flagsOf(operation)).filter(([name]) => !special.without?.includes(name));
  return {
    words: cli.words,
    summary: operation.summary,
    args: (cli.args ?? []).map((name) => flagName([name]).toUpperCase()),
    flags: { ...special.flags, ...Object.fromEntries(own) },
    async run(io, values, positionals) {
      const read = await inputFrom(io, operation, values, positionals);
      const input = special.prepare ? await special.prepare(io, values, read) : read;
      const answer = await call(io, operation, input, await special.bytes?.(io, values));
      if (values.json) showJson(io, answer);
      else if (special.show) special.show(io, answer as never);
      else show(io, operation, answer);
      if (!values.json) await special.after?.(io, answer as never);
      return special.exitCode ? special.exitCode(answer as never) : EXIT.ok;
    },
  };
}

/** Checks the input here, where the flags are known, and then asks the gateway. @throws UsageError, PosternError */
export async function call(
  io: CliIo,
  operation: Operation,
  input: Record<string, unknown>,
  bytes?: Buffer,
): Promise<unknown> {
  const parsed = operation.input.safeParse(input);
  if (!parsed.success) throw usageOf(operation, parsed.error);
  return new GatewayClient(io.settings).call(operation, input, bytes);
}

function usageOf(operation: Operation, error: z.ZodError): UsageError {
  const { errors } = invalidInput(error).details as { errors: { path: string; message: string }[] };
  const positional = operation.cli?.args ?? [];
  const lines = errors.map(({ path, message }) => {
    const words = path.split('.').filter((word) => !/^\d+$/.test(word));
    const name = flagName(words.length > 1 && words[0] === operation.cli?.spread ? words.slice(1) : words);
    const shown = positional.includes(path) ? name.toUpperCase() : `--${name}`;
    return path === ''
      ? message
      : `${shown}: ${message.replace(/^Invalid input: expected (\w+), received undefined$/, 'is needed')}`;
  });
  return new UsageError(lines.join('\n'));
}

function show(io: CliIo, { cli }: Operation, answer: unknown): void {
  if (answer === undefined) print(io, 'Done.');
  else if (cli?.columns) {
    const list = Object.values(answer as Record<string, unknown>).findLast(Array.isArray) ?? [];
    showTable(io, list, cli.columns);
    const { next_page_token: next } = answer as { next_page_token?: string | null };
    if (next) complain(io, `There are more: add --page-token ${next}`);
  } else showDetails(io, answer);
}
