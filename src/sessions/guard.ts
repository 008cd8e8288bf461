// The gateway's side of the watchdog: one process beside it that outlives it for as long as it takes to end the programs
// of its agents. Windows has no process groups to watch: there a program ends by the gateway alone.
import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Part } from '../kernel/lifecycle.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Ended, Release, Started, Watch } from './guard-process.ts';

const PROGRAM = fileURLToPath(new URL('./guard-process.ts', import.meta.url));
const MOST_RESTARTS = 100; // in the life of a gateway: something ends it again and again, and is told of
const STOP_LIMIT_MS = 5_000;

/** Watches a program from before its start, so that there is no moment at which a kill of the gateway could leave it. */
export interface Guard {
  /** @param program what its environment names as `POSTERN_RUN`, and what it may take */
  watch(program: Watch, onEnded: (why: Ended['why']) => void): Watched;
}

export interface Watched {
  /** It runs, as the leader of a process group. */
  started(pid: number): void;
  /** It has ended, or could not be started. */
  release(): void;
}

interface Known {
  orders: (Watch | Started)[];
  onEnded: (why: Ended['why']) => void;
}

export class ProcessGuard implements Guard, Part {
  readonly name = 'watchdog of programs';
  readonly #log: Logger;
  readonly #watched = new Map<string, Known>();
  #process: ChildProcess | undefined;
  #restarts = 0;
  #isStopped = false;

  constructor(log: Logger) {
    this.#log = log;
  }

  watch(program: Watch, onEnded: (why: Ended['why']) => void): Watched {
    const { watch: mark } = program;
    const known: Known = { orders: [program], onEnded };
    this.#watched.set(mark, known);
    this.#tell(program);
    return {
      started: (pid) => {
        const order = { started: mark, pid };
        known.orders.push(order);
        this.#tell(order);
      },
      release: () => {
        this.#watched.delete(mark);
        this.#tell({ release: mark });
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

  /** Into the pipe before this returns, as long as it has room: a kill of the gateway does not take it back. */
  #tell(order: Watch | Started | Release): void {
    if (process.platform === 'win32' || this.#isStopped) return;
    this.#process ??= this.#start();
    this.#process.stdin?.write(`${JSON.stringify(order)}\n`);
  }

  #start(): ChildProcess {
    const running = spawn(process.execPath, [PROGRAM], {
      stdio: ['pipe', 'pipe', 'ignore'],
      detached: true, // no signal that a terminal sends to the gateway reaches it
      env: {}, // no secret of the gateway
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
    for (const { orders } of this.#watched.values()) for (const order of orders) this.#tell(order);
  }
}
