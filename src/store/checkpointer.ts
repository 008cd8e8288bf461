// Moves what was committed from the write-ahead log into the ledger, in a thread of its own. SQLite by itself does it
// inside of a commit, flushes included, each time that the log has some megabytes: that held the event loop for 5 ms at a
// time, ten times a second where mail came fast.
import { Worker } from 'node:worker_threads';

const FLUSHES_BETWEEN = 100; // a ledger in which little is written needs no thread: SQLite's own way does for it
const PAUSE_MS = 500; // pages that are written again and again are moved once
const IDLE_MS = 10_000; // a thread holds some megabytes

export class Checkpointer {
  readonly #path: string;
  #thread: Worker | undefined;
  #isBusy = false;
  #flushes = 0;
  #lastAt = 0;
  #idle: NodeJS.Timeout | undefined;

  /** @param path of the ledger */
  constructor(path: string) {
    this.#path = path;
  }

  /** Is told of each flush of the log. */
  flushed(): void {
    const now = performance.now();
    if (++this.#flushes < FLUSHES_BETWEEN || this.#isBusy || now - this.#lastAt < PAUSE_MS) return;
    this.#flushes = 0;
    this.#lastAt = now;
    this.#isBusy = true;
    this.#thread ??= this.#begin();
    this.#thread.postMessage(null);
    this.#idle ??= setTimeout(() => this.#endIfIdle(), IDLE_MS).unref();
    this.#idle.refresh();
  }

  #begin(): Worker {
    const thread = new Worker(new URL('./checkpoint-thread.ts', import.meta.url), { workerData: this.#path });
    thread.unref();
    thread.on('message', () => {
      this.#isBusy = false;
    });
    // What ails the ledger shows itself in the next commit, which then does this work; another thread is tried later.
    thread.on('error', () => undefined);
    thread.on('exit', () => {
      if (this.#thread !== thread) return;
      this.#thread = undefined;
      this.#isBusy = false;
    });
    return thread;
  }

  #endIfIdle(): void {
    if (!this.#isBusy) void this.stop();
  }

  /** Before the ledger is closed: the last connection to it puts its files in order. */
  async stop(): Promise<void> {
    clearTimeout(this.#idle);
    this.#idle = undefined;
    const thread = this.#thread;
    this.#thread = undefined;
    this.#isBusy = false;
    await thread?.terminate();
  }
}
