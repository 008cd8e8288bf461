// A program of an agent while it runs: started without a shell in a group of its own, what it prints collected within
// bounds, and ended with all that it started.
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { PosternError } from '../kernel/errors.ts';
import { Gathered } from '../kernel/gathered.ts';

const KILL_AFTER_MS = 2_000; // from the wish to the order
const DRAIN_MS = 1_000; // for what was printed before the end; a program that left its group may hold the pipe for ever

export interface ProgramEnd {
  code: number | null;
  signal: string | null;
  error?: Error;
}

export interface RunningProgram {
  pid: number | undefined;
  stdin: ChildProcess['stdin'];
  /** Asks it to end, and a little later brings that about. */
  end(): void;
  ended: Promise<ProgramEnd>;
  /** What it printed to stdout, whole. */
  output(): string;
  /** The end of what it printed to stderr. */
  errors(): Buffer;
}

export interface Bounds {
  outputBytes: number;
  /** Of stderr the end is kept. */
  errorBytes: number;
  onTooMuchOutput: () => void;
}

/** @throws PosternError `agent_not_started`; most failures come later, in `ended` */
export function startProgram(
  program: string,
  args: readonly string[],
  options: Pick<SpawnOptions, 'cwd' | 'env'>,
  bounds: Bounds,
): RunningProgram {
  const child = start(program, args, options);
  const output = new Gathered();
  let errors = Buffer.alloc(0);
  child.stdout?.on('data', (chunk: Buffer) => {
    if (output.size + chunk.length > bounds.outputBytes) bounds.onTooMuchOutput();
    else output.add(chunk);
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    errors = Buffer.concat([errors, chunk]).subarray(-bounds.errorBytes);
  });
  child.stdin?.on('error', () => undefined); // a program may answer without reading the event
  return {
    ...endOf(child),
    pid: child.pid,
    stdin: child.stdin,
    output: () => output.text(),
    errors: () => errors,
  };
}

function start(
  program: string,
  args: readonly string[],
  options: Pick<SpawnOptions, 'cwd' | 'env'>,
): ChildProcess {
  try {
    return spawn(program, args, {
      ...options,
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: process.platform !== 'win32', // a process group of its own, so that it can be ended whole
      windowsHide: true,
    });
  } catch (error) {
    throw notStarted(program, error);
  }
}

/** Of processes, files or memory: they end with whatever has them now. */
const SHORTAGES: ReadonlySet<unknown> = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM']);

export const notStarted = (
  program: string,
  error: unknown,
  details: Record<string, unknown> = {},
): PosternError =>
  new PosternError(
    'agent_not_started',
    `The agent's program ${program} could not be started: ${error instanceof Error ? error.message : error}`,
    {
      details,
      cause: error,
      retry: SHORTAGES.has((error as { code?: unknown } | null)?.code) ? 'later' : 'never',
    },
  );

function endOf(child: ChildProcess): Pick<RunningProgram, 'end' | 'ended'> {
  const timers: NodeJS.Timeout[] = [];
  let asked = false;
  const ended = new Promise<ProgramEnd>((resolve) => {
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
    end: () => {
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
