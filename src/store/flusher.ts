// Makes durable what was committed, outside of the event loop. SQLite by itself would flush its log inside of each commit,
// while nobody else has a turn: a sixth of the time in which a full mailbox is read. So it appends to the log and does not
// wait (synchronous=NORMAL), and whoever wrote is told once a flush that began after that has ended. The log has check
// sums and is read from its beginning: what a power failure leaves of it is everything up to some commit, and nobody was
// told of a later one. A killed process loses nothing at all.
import { close, fdatasync, fsync, open } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { PosternError } from '../kernel/errors.ts';

const flushData = promisify(fdatasync);

/** One flush serves all that asked before it began. */
export class Flusher {
  readonly #flush: () => Promise<void>;
  /** How often something was written, and what of that is durable. */
  #written = 0;
  #durable = 0;
  #running: Promise<void> | undefined;
  /** Begins when the one that runs has ended: that one may have begun before the newest bytes were there. */
  #next: Promise<void> | undefined;

  /** @param flush asks the disk to keep what was written so far */
  constructor(flush: () => Promise<void>) {
    this.#flush = flush;
  }

  wrote(): void {
    this.#written++;
  }

  /**
   * Resolves when all that was written before the call is durable. After a failure it never does again: the system may
   * have dropped what it could not write, and would say of the next flush that all is well.
   */
  flushed(): Promise<void> {
    if (this.#durable === this.#written) return Promise.resolve();
    if (!this.#running) return this.#begin();
    this.#next ??= this.#running.then(() => this.#begin());
    return this.#next;
  }

  #begin(): Promise<void> {
    const upTo = this.#written;
    this.#next = undefined;
    const running = this.#flush().then(() => {
      this.#durable = upTo;
      if (!this.#next) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }
}

/** The flush of the write-ahead log of the ledger at `path`. */
export class WalFile {
  readonly #path: string;
  #file: Promise<number> | undefined;
  #flushing: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** One at a time. @throws PosternError `ledger_not_flushed` */
  async flush(): Promise<void> {
    const flushing = this.#flush();
    this.#flushing = flushing.catch(() => undefined);
    try {
      await flushing;
    } catch (error) {
      // SQLite removes it when the ledger is closed, once all of it is in the ledger and flushed there.
      if (this.#isClosed && (error as { code?: unknown }).code === 'ENOENT') return;
      throw new PosternError(
        'ledger_not_flushed',
        `The disk did not keep what was written to ${this.#path}: ${String(error)}`,
        { hint: 'Check the disk and its file system, then start Postern again.', cause: error },
      );
    }
  }

  async #flush(): Promise<void> {
    this.#file ??= this.#open();
    await flushData(await this.#file);
    if (this.#isClosed) await this.#release();
  }

  /** The folder too, so that it names the file. SQLite keeps the file until the last connection is closed. */
  async #open(): Promise<number> {
    const folder = await promisify(open)(dirname(this.#path), 'r');
    await promisify(fsync)(folder);
    await promisify(close)(folder);
    return promisify(open)(`${this.#path}-wal`, 'r+');
  }

  async #release(): Promise<void> {
    const file = await this.#file?.catch(() => undefined);
    this.#file = undefined;
    if (file !== undefined) await promisify(close)(file);
  }

  /** Before the ledger is closed. A write that comes meanwhile is flushed all the same. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#flushing;
    await this.#release();
  }
}
