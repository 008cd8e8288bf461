// Agents that are programs: started without a shell, the event on stdin, the answer on stdout, ended with all that they
// started themselves.
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import type { SessionEvent } from '../contracts/session.ts';
import { PosternError } from '../kernel/errors.ts';
import { readAnswer } from './answer.ts';
import type { RunContext, Runner, RunResult } from './runner.ts';

const LARGEST_OUTPUT_BYTES = 64 * 1024 * 1024; // an answer with its attachments in base64
const LOG_KEPT_BYTES = 64 * 1024; // the end of stderr: where the cause stands
const KILL_AFTER_MS = 2_000; // from the wish to the order
const DRAIN_MS = 1_000; // for what was printed before the end; a program that left its group may hold the pipe for ever
const EX_TEMPFAIL = 75; // sysexits.h: try again later
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
}

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
  const [program = '', ...args] = options.command;
  const place = (word: string): string => placeOf(word, options.baseFolder);
  const child = start(program === 'node' ? process.execPath : place(program), args.map(place), {
    cwd: folder,
    env: environmentOf(options, event, folder),
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: process.platform !== 'win32', // a process group of its own, so that it can be ended whole
    windowsHide: true,
  });
  const ending = endOf(child);
  let why: 'time' | 'stop' | 'output' | undefined;
  const end = (reason: 'time' | 'stop' | 'output'): void => {
    why ??= reason;
    ending.begin();
  };
  const output = collect(child, () => end('output'));
  const timer = setTimeout(() => end('time'), context.limitMs);
  const onAbort = (): void => end('stop');
  if (context.signal.aborted) onAbort();
  context.signal.addEventListener('abort', onAbort, { once: true });
  child.stdin?.on('error', () => undefined); // a program may answer without reading the event
  child.stdin?.end(JSON.stringify(event));
  const { code, signal, error } = await ending.ended;
  clearTimeout(timer);
  context.signal.removeEventListener('abort', onAbort);

  const log = output.log();
  const details = { log };
  if (why === 'stop')
    throw new PosternError('stopping', 'The turn was interrupted because Postern stops.', { retry: 'later' });
  if (why === 'time')
    throw new PosternError(
      'agent_timeout',
      `The agent was ended after ${context.limitMs} ms without an end.`,
      { details, hint: 'Raise limits.time of the agent, or make it faster.' },
    );
  if (error) throw notStarted(program, error, details);
  if (why === 'output')
    throw new PosternError('answer_invalid', `The agent printed more than ${LARGEST_OUTPUT_BYTES} bytes.`, {
      details,
    });
  if (code === EX_TEMPFAIL)
    throw new PosternError('agent_busy', 'The agent asks to be tried again later (exit code 75).', {
      retry: 'later',
      details,
    });
  if (code !== 0)
    throw new PosternError(
      'agent_failed',
      `The agent ended with ${code === null ? `signal ${signal}` : `exit code ${code}`}.${lastLine(log)}`,
      { details },
    );
  try {
    return { answer: readAnswer(output.text()), log };
  } catch (invalid) {
    if (invalid instanceof PosternError)
      throw new PosternError(invalid.code, invalid.message, {
        details,
        ...(invalid.hint ? { hint: invalid.hint } : {}),
      });
    throw invalid;
  }
}

/** A word of the command that names a file below the base folder means that file; any other stays as it is. */
function placeOf(word: string, baseFolder: string): string {
  if (isAbsolute(word) || word.startsWith('-') || !/[./\\]/.test(word)) return word;
  const path = join(baseFolder, word);
  return existsSync(path) ? path : word;
}

function environmentOf(options: CommandOptions, event: SessionEvent, folder: string): Record<string, string> {
  const env: Record<string, string> = {};
  for (const name of [...PASSED_ON, ...options.env]) {
    const value = options.environment[name];
    if (value !== undefined) env[name] = value;
  }
  const { session } = event.data;
  return {
    ...env,
    POSTERN_API: session.api,
    POSTERN_MCP: session.mcp,
    POSTERN_TOKEN: session.token,
    POSTERN_SESSION: session.id,
    POSTERN_FOLDER: folder,
  };
}

function collect(child: ChildProcess, onTooLarge: () => void): { text(): string; log(): string | null } {
  const out: Buffer[] = [];
  let outBytes = 0;
  let err = Buffer.alloc(0);
  child.stdout?.on('data', (chunk: Buffer) => {
    outBytes += chunk.length;
    if (outBytes <= LARGEST_OUTPUT_BYTES) out.push(chunk);
    else onTooLarge();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    err = Buffer.concat([err, chunk]).subarray(-LOG_KEPT_BYTES);
  });
  return {
    text: () => Buffer.concat(out).toString('utf8'),
    log: () => (err.length === 0 ? null : err.toString('utf8')),
  };
}

/** @throws PosternError `agent_not_started`; most failures come later, as the event `error` */
function start(program: string, args: string[], options: SpawnOptions): ChildProcess {
  try {
    return spawn(program, args, options);
  } catch (error) {
    throw notStarted(program, error);
  }
}

const notStarted = (program: string, error: unknown, details: Record<string, unknown> = {}): PosternError =>
  new PosternError(
    'agent_not_started',
    `The agent's program ${program} could not be started: ${error instanceof Error ? error.message : error}`,
    { details, cause: error },
  );

interface Ended {
  code: number | null;
  signal: string | null;
  error?: Error;
}

/** Waits for the end of a program and of all that it started; `begin` asks for it, and a little later brings it about. */
function endOf(child: ChildProcess): { begin(): void; ended: Promise<Ended> } {
  const timers: NodeJS.Timeout[] = [];
  let asked = false;
  const ended = new Promise<Ended>((resolve) => {
    child.once('error', (error) => resolve({ code: null, signal: null, error }));
    child.once('close', (code, signal) => resolve({ code, signal }));
    child.once('exit', () => {
      signalGroup(child, 'SIGKILL'); // whatever it left running would hold its output open
      const close = (): void => {
        child.stdout?.destroy();
        child.stderr?.destroy();
      };
      timers.push(setTimeout(close, DRAIN_MS));
    });
  }).finally(() => {
    for (const timer of timers) clearTimeout(timer);
  });
  return {
    ended,
    begin: () => {
      if (asked) return;
      asked = true;
      signalGroup(child, 'SIGTERM');
      timers.push(setTimeout(() => signalGroup(child, 'SIGKILL'), KILL_AFTER_MS));
    },
  };
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === 'win32') child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch {
    // nobody is left
  }
}

const lastLine = (log: string | null): string => {
  const line = log?.trimEnd().split('\n').at(-1);
  return line ? ` Its last words: ${line.slice(0, 300)}` : '';
};
