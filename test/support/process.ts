// A server as a child process: started, known to be ready by what it prints, and ended by its own process group alone.
import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';

const READY_LIMIT_MS = 20_000; // a loaded two-core machine takes about 2 s at worst
const KNOCK_EVERY_MS = 10;
const STOP_LIMIT_MS = 5_000;
const KEPT_OUTPUT_CHARS = 64_000; // enough to see why a server failed

export interface ServerProcess {
  readonly pid: number;
  /** The end of what it printed, both streams together. */
  output(): string;
  /** Calls `seen` with each piece of output as it comes. */
  onOutput(seen: (text: string) => void): void;
  /** Fulfils when the process is gone, however it ended. */
  readonly ended: Promise<void>;
  /** SIGTERM to the process group, then SIGKILL after 5 s or `limitMs`; calling it again does nothing. */
  stop(limitMs?: number): Promise<void>;
}

export interface ServerProcessOptions {
  /** What it prints when it is ready; without this and `readyPort`, a process that could be spawned is ready. */
  ready?: RegExp;
  /** Or the TCP port of 127.0.0.1 that takes connections when it is ready. */
  readyPort?: number;
  cwd?: string;
  env?: NodeJS.ProcessEnv;
}

/** Throws, with the output, when the process ends or stays silent before it is ready. */
export async function startProcess(
  command: string,
  args: readonly string[],
  options: ServerProcessOptions = {},
): Promise<ServerProcess> {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a process group of its own, so that its children can be ended with it
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
  });
  let output = '';
  const listeners: ((text: string) => void)[] = [];
  const take = (chunk: Buffer): void => {
    const text = chunk.toString('latin1');
    output = (output + text).slice(-KEPT_OUTPUT_CHARS);
    for (const listener of listeners) listener(text);
  };
  child.stdout?.on('data', take);
  child.stderr?.on('data', take);
  let gone = false;
  const ended = new Promise<void>((resolve) => {
    const end = (): void => {
      gone = true;
      resolve();
    };
    child.once('exit', end);
    child.once('error', end);
  });
  await spawned(child, command);
  const pid = child.pid as number;
  const guardian = guard(pid);

  let stopping: Promise<void> | undefined;
  const server: ServerProcess = {
    pid,
    output: () => output,
    onOutput: (seen) => void listeners.push(seen),
    ended,
    stop: (limitMs = STOP_LIMIT_MS) => {
      stopping ??= endGroup(pid, ended, () => gone, limitMs).finally(() => guardian.release());
      return stopping;
    },
  };
  if (options.ready || options.readyPort) {
    await becomeReady(server, options, command).catch(async (error: unknown) => {
      await server.stop();
      throw error;
    });
  }
  return server;
}

function spawned(child: ChildProcess, command: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', () => resolve());
    child.once('error', (error) => reject(new Error(`${command} could not be started: ${error.message}`)));
  });
}

function becomeReady(server: ServerProcess, options: ServerProcessOptions, command: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let settled = false;
    const settle = (problem?: string): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      if (problem === undefined) resolve();
      else reject(new Error(`${command} ${problem}:\n${server.output()}`));
    };
    const timer = setTimeout(() => settle(`was not ready after ${READY_LIMIT_MS} ms`), READY_LIMIT_MS);
    void server.ended.then(() => settle('ended before it was ready'));
    const look = (): void => {
      if (options.ready?.test(server.output())) settle();
    };
    server.onOutput(look);
    look();
    if (options.readyPort !== undefined) knock(options.readyPort, () => settled, settle);
  });
}

/** A server that prints nothing can only be asked, again and again. */
function knock(port: number, enough: () => boolean, opened: () => void): void {
  if (enough()) return;
  const socket = connect(port, '127.0.0.1');
  socket.once('connect', () => {
    socket.destroy();
    opened();
  });
  socket.once('error', () => setTimeout(knock, KNOCK_EVERY_MS, port, enough, opened));
}

async function endGroup(
  pid: number,
  ended: Promise<void>,
  gone: () => boolean,
  limitMs: number,
): Promise<void> {
  if (!gone()) signal(pid, 'SIGTERM');
  const timer = setTimeout(() => signal(pid, 'SIGKILL'), limitMs);
  await ended;
  clearTimeout(timer);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(-pid, name);
  } catch {
    // The group is gone already, which is what was wanted.
  }
}

/**
 * Ends the group when this process dies without having stopped it, even by SIGKILL: a shell waits for the end of its
 * standard input, which only this process holds open.
 */
function guard(pid: number): { release(): void } {
  const script = 'read -r word; [ "$word" = done ] || kill -s KILL -- "-$1"';
  const shell = spawn('sh', ['-c', script, 'guard', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  shell.on('error', () => undefined);
  shell.stdin.on('error', () => undefined);
  shell.unref();
  return { release: () => void shell.stdin.end('done\n') };
}
