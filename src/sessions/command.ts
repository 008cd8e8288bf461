// Agents that are programs: started without a shell, the event on stdin, the answer on stdout, ended with all that they
// started themselves.
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { SessionEvent } from '../contracts/session.ts';
import { PosternError, type Retry } from '../kernel/errors.ts';
import { logOf, spareFor, withoutSecrets } from './command-log.ts';
import { answerIn, type OutputForm } from './command-output.ts';
import { notStarted, type ProgramEnd, type RunningProgram, startProgram } from './command-process.ts';
import type { Guard, Watched } from './guard.ts';
import type { RunContext, Runner, RunResult } from './runner.ts';

const LARGEST_OUTPUT_BYTES = 64 * 1024 * 1024; // an answer with its attachments in base64
const LOG_KEPT_BYTES = 64 * 1024; // the end of stderr: where the cause stands
const GUARD_SPARE_MS = 10_000; // the gateway ends it first, and is gentler
const EX_TEMPFAIL = 75; // sysexits.h: try again later
/** EX_NOPERM, EX_CONFIG: no further attempt mends what a person has to. */
const FOR_A_PERSON: ReadonlySet<number> = new Set([77, 78]);
/** Before the second and the third attempt of a program that failed; what fails three times fails again. */
const RETRY_AFTER_MS = [10_000, 60_000];
/** Enough for programs to find themselves and their files, and nothing that could be a secret. */
const PASSED_ON = [
  'PATH',
  'HOME',
  'LANG',
  'LC_ALL',
  'TZ',
  'TMPDIR',
  'TEMP',
  'TMP',
  'SystemRoot',
  'PATHEXT',
  'USERPROFILE',
];

export interface CommandOptions {
  command: readonly string[];
  /** Names of further environment variables that are passed on. */
  env: readonly string[];
  environment: Readonly<Record<string, string | undefined>>;
  /** Where relative paths in the command begin. The program itself runs in the folder of its session. */
  baseFolder: string;
  output: OutputForm;
  /** Of the program and all that it started; null: as many as there are. */
  processes: number | null;
  memoryBytes: number | null;
  guard: Guard;
}

type Why = 'time' | 'stop' | 'output' | 'processes' | 'memory';

export function commandRunner(options: CommandOptions): Runner {
  return { wantsFiles: true, run: (event, context) => runCommand(options, event, context) };
}

async function runCommand(
  options: CommandOptions,
  event: SessionEvent,
  context: RunContext,
): Promise<RunResult> {
  const { folder } = context;
  if (folder === null) throw new Error('a program runs in a folder of its own');
  const mark = randomBytes(16).toString('hex');
  const { env, secrets } = environmentOf(options, event, folder);
  const [program = '', ...args] = await wordsOf(options, event, folder);
  let why: Why | undefined;
  const end = (reason: Why): void => {
    why ??= reason;
    running.end();
  };
  const { processes, memoryBytes } = options;
  const limitMs = context.limitMs + GUARD_SPARE_MS;
  const watched = options.guard.watch({ watch: mark, limitMs, processes, memoryBytes }, end);
  const running = started(watched, () =>
    startProgram(
      program,
      args,
      { cwd: folder, env: { ...env, POSTERN_RUN: mark } },
      {
        outputBytes: LARGEST_OUTPUT_BYTES,
        errorBytes: LOG_KEPT_BYTES + spareFor(secrets),
        onTooMuchOutput: () => end('output'),
      },
    ),
  );
  const timer = setTimeout(() => end('time'), context.limitMs);
  const onAbort = (): void => end('stop');
  if (context.signal.aborted) onAbort();
  context.signal.addEventListener('abort', onAbort, { once: true });
  running.stdin?.end(JSON.stringify(event));
  const ended = await running.ended;
  watched.release();
  clearTimeout(timer);
  context.signal.removeEventListener('abort', onAbort);

  const log = logOf(running.errors(), secrets, LOG_KEPT_BYTES);
  const failure = failureOf(ended, why, { program: options.command[0] ?? '', options, context, log });
  if (failure) throw failure;
  try {
    return { answer: answerIn(running.output(), options.output), log };
  } catch (invalid) {
    if (!(invalid instanceof PosternError)) throw invalid;
    throw new PosternError(invalid.code, withoutSecrets(invalid.message, secrets), {
      retry: invalid.retry,
      details: { log },
      ...(invalid.hint ? { hint: invalid.hint } : {}),
    });
  }
}

/** Starts a program that is watched; one that cannot be started is watched no more. */
function started(watched: Watched, start: () => RunningProgram): RunningProgram {
  try {
    const running = start();
    if (running.pid !== undefined) watched.started(running.pid);
    return running;
  } catch (error) {
    watched.release();
    throw error;
  }
}

interface About {
  program: string;
  options: Pick<CommandOptions, 'processes' | 'memoryBytes'>;
  context: Pick<RunContext, 'limitMs' | 'attempt'>;
  log: string | null;
}

/** What its end means; null for one that is well. */
function failureOf(
  { code, signal, error }: ProgramEnd,
  why: Why | undefined,
  { program, options, context, log }: About,
): PosternError | null {
  const details = { log };
  const failed = (name: string, message: string, retry: Retry = 'never', hint?: string): PosternError =>
    new PosternError(name, message, { retry, details, ...(hint === undefined ? {} : { hint }) });
  if (why === 'stop')
    return new PosternError('stopping', 'The turn was interrupted because Postern stops.', {
      retry: 'later',
    });
  if (why === 'time')
    return failed(
      'agent_timeout',
      `The agent was ended after ${context.limitMs} ms without an end.`,
      'never',
      'Raise limits.time of the agent, or make it faster.',
    );
  if (error) return notStarted(program, error, details);
  if (why === 'output')
    return failed('answer_invalid', `The agent printed more than ${LARGEST_OUTPUT_BYTES} bytes.`);
  if (why === 'processes')
    return failed(
      'agent_too_large',
      `The agent had more than ${options.processes} processes, and was ended.`,
    );
  if (why === 'memory')
    return failed(
      'agent_too_large',
      `The agent took more than ${options.memoryBytes} bytes of memory, and was ended.`,
    );
  if (code === 0) return null;
  if (code === EX_TEMPFAIL)
    return failed('agent_busy', 'The agent asks to be tried again later (exit code 75).', 'later');
  if (code !== null && FOR_A_PERSON.has(code))
    return failed(
      'agent_needs_person',
      `The agent says that a person has to look (exit code ${code}).${lastLine(log)}`,
    );
  const afterMs = RETRY_AFTER_MS[context.attempt - 1];
  return failed(
    'agent_failed',
    `The agent ended with ${code === null ? `signal ${signal}` : `exit code ${code}`}.${lastLine(log)}`,
    afterMs === undefined ? 'never' : { afterMs },
  );
}

/**
 * The command with its places put in: `{folder}` and `{event_file}`, each an argument by itself. Nothing of a mail ever
 * becomes part of a command.
 */
async function wordsOf(options: CommandOptions, event: SessionEvent, folder: string): Promise<string[]> {
  const eventFile = join(folder, 'event.json');
  if (options.command.includes('{event_file}'))
    await writeFile(eventFile, JSON.stringify(event), { mode: 0o600, flag: 'wx' });
  const [program = '', ...args] = options.command;
  const placed = args.map((word) => {
    if (word === '{folder}') return folder;
    return word === '{event_file}' ? eventFile : placeOf(word, options.baseFolder);
  });
  return [program === 'node' ? process.execPath : placeOf(program, options.baseFolder), ...placed];
}

/** A word of the command that names a file below the base folder means that file; any other stays as it is. */
function placeOf(word: string, baseFolder: string): string {
  if (isAbsolute(word) || word.startsWith('-') || !/[./\\]/.test(word)) return word;
  const path = join(baseFolder, word);
  return existsSync(path) ? path : word;
}

/** @returns with the values in it that must not come into a log */
function environmentOf(
  options: CommandOptions,
  event: SessionEvent,
  folder: string,
): { env: Record<string, string>; secrets: string[] } {
  const { session } = event.data;
  const env: Record<string, string> = {};
  for (const name of [...PASSED_ON, ...options.env]) {
    const value = options.environment[name];
    if (value !== undefined) env[name] = value;
  }
  const secrets = options.env.flatMap((name) => env[name] ?? []);
  return {
    secrets: [session.token, ...secrets],
    env: {
      ...env,
      POSTERN_API: session.api,
      POSTERN_MCP: session.mcp,
      POSTERN_TOKEN: session.token,
      POSTERN_SESSION: session.id,
      POSTERN_FOLDER: folder,
    },
  };
}

const lastLine = (log: string | null): string => {
  const line = log?.trimEnd().split('\n').at(-1);
  return line ? ` Its last words: ${line.slice(0, 300)}` : '';
};
