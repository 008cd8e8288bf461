// The gateway's side of the watchdog: one process beside it that outlives it for as long as it takes to end the programs
// of its agents. Windows has no process groups to watch: there a program ends by the gateway alone.
import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Part } from '../kernel/lifecycle.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Ended, Hold } from './guard-process.ts';

const PROGRAM = fileURLToPath(new URL('./guard-process.ts', import.meta.url));
const MOST_RESTARTS = 100; // in the life of a gateway: something ends it again and again, and is told of
const STOP_LIMIT_MS = 2_000;

/** Watches programs; `release` is called once a program has ended. */
export interface Guard {
  /** Sees to it that the watchdog is there before a program is. */
  begin(): void;
  watch(
    program: Omit<Hold, 'hold'> & { pid: number },
    onEnded: (why: Ended['why']) => void,
  ): { release(): void };
}

export class ProcessGuard implements Guard, Part {
  readonly name = 'watchdog of programs';
  readonly #log: Logger;
  readonly #watched = new Map<number, { hold: Hold; onEnded: (why: Ended['why']) => void }>();
  #process: ChildProcess | undefined;
  #restarts = 0;
  #isStopped = false;

  constructor(log: Logger) {
    this.#log = log;
  }

  begin(): void {
    if (process.platform !== 'win32') this.#process ??= this.#start();
  }

  watch({ pid, ...limits }: Omit<Hold, 'hold'> & { pid: number }, onEnded: (why: Ended['why']) => void) {
    if (process.platform === 'win32') return { release: () => undefined };
    const hold: Hold = { hold: pid, ...limits };
    this.#watched.set(pid, { hold, onEnded });
    this.#tell(hold);
    return {
      release: () => {
        this.#watched.delete(pid);
        this.#tell({ release: pid });
      },
    };
  }

  /** What still runs is ended with it. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    const running = this.#process;
    if (!running) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    running.once('exit', () => resolve());
    const timer = setTimeout(resolve, STOP_LIMIT_MS);
    running.stdin?.end();
    await promise;
    clearTimeout(timer);
  }

  #tell(order: object): void {
    // Written to the pipe before this returns, as long as the pipe has room: a kill of the gateway does not take it back.
    this.begin();
    this.#process?.stdin?.write(`${JSON.stringify(order)}\n`);
  }

  #start(): ChildProcess | undefined {
    if (this.#isStopped) return undefined;
    const running = spawn(process.execPath, [PROGRAM], {
      stdio: ['pipe', 'pipe', 'ignore'],
      detached: true, // no signal that a terminal sends to the gateway reaches it
      env: {}, // no secret of the gateway
      windowsHide: true,
    });
    running.stdin.on('error', () => undefined);
    running.on('error', (error) => this.#lost(running, error.message));
    running.on('exit', (code, signal) => this.#lost(running, `it ended with ${signal ?? code}`));
    createInterface({ input: running.stdout }).on('line', (line) => {
      const { ended, why } = JSON.parse(line) as Ended;
      this.#watched.get(ended)?.onEnded(why);
    });
    running.unref();
    for (const pipe of [running.stdin, running.stdout]) (pipe as unknown as Socket).unref();
    return running;
  }

  /** Another one takes its place, and what runs is told to it. */
  #lost(lost: ChildProcess, cause: string): void {
    if (this.#process !== lost) return;
    this.#process = undefined;
    if (this.#isStopped) return;
    this.#log.warn({ cause }, 'the watchdog of programs is gone, and is started again');
    if (++this.#restarts > MOST_RESTARTS) return;
    for (const { hold } of this.#watched.values()) this.#tell(hold);
  }
}
