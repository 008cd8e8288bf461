// Searches of the full-text index, in a process beside the gateway. SQLite ranks all that a word is found in before it gives
// the first of them, and cannot be interrupted: words that stand everywhere would hold up mail for seconds, and a process
// can be killed. It is started by a search, and goes when none comes for a while.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { PosternError } from '../kernel/errors.ts';
import type { Part } from '../kernel/lifecycle.ts';
import type { IndexHit, IndexSearch } from './full-text.ts';
import type { FromSearch } from './full-text-job.ts';

const MEGABYTE = 1024 * 1024;
const TIME_MS = 5_000; // a word that stands in each of 30,000 chunks takes some 100 ms
const START_LIMIT_MS = 30_000; // a cold process on a busy machine; not charged to the search
const IDLE_MS = 60_000;
const MAX_WAITING = 50; // they take turns; of more, whoever asks has given up by then
const MEMORY_MB = 256; // what is found is sorted in memory
const HEAP_MB = 96;

export class FullTextReader implements Part {
  readonly name = 'full text';
  readonly #ledger: string;
  readonly #timeMs: number;
  #child: ChildProcess | undefined;
  #idle: NodeJS.Timeout | undefined;
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;
  #stopped = false;

  /** @param ledger the path of the SQLite file */
  constructor(ledger: string, timeMs = TIME_MS) {
    this.#ledger = ledger;
    this.#timeMs = timeMs;
  }

  stop(): void {
    this.#stopped = true;
    this.#end();
  }

  /** As `searchIndex`. @throws PosternError `search_too_broad`, `search_busy`, `search_failed`, `stopping` */
  readonly search = async (search: IndexSearch): Promise<IndexHit[]> => {
    if (this.#waiting >= MAX_WAITING)
      throw new PosternError('search_busy', 'Too many searches wait already.', { retry: 'later' });
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = this.#last;
    this.#last = promise;
    this.#waiting++;
    try {
      await before;
      return await this.#ask(search);
    } finally {
      this.#waiting--;
      resolve();
    }
  };

  async #ask(search: IndexSearch): Promise<IndexHit[]> {
    if (this.#stopped) throw stopping();
    clearTimeout(this.#idle);
    this.#child ??= this.#start();
    const child = this.#child;
    let timer: NodeJS.Timeout | undefined;
    let forget = (): void => undefined;
    try {
      return await new Promise<IndexHit[]>((resolve, reject) => {
        const within = (ms: number, error: () => PosternError): void => {
          clearTimeout(timer);
          timer = setTimeout(() => reject(error()), ms);
        };
        const hear = (message: FromSearch): void => {
          if (message.kind === 'begun') within(this.#timeMs, tooBroad);
          else if (message.kind === 'found') resolve(message.hits);
          else reject(failed(new Error(message.message)));
        };
        const ended = (): void => reject(this.#stopped ? stopping() : failed(new Error('it ended')));
        forget = () => child.off('message', hear).off('exit', ended).off('error', ended);
        child.on('message', hear).on('exit', ended).on('error', ended);
        within(START_LIMIT_MS, () => failed(new Error('it did not start')));
        child.send(search, (error) => error && reject(failed(error)));
      });
    } catch (error) {
      this.#end();
      throw error;
    } finally {
      clearTimeout(timer);
      forget();
      this.#idle = setTimeout(() => this.#end(), IDLE_MS).unref();
    }
  }

  #start(): ChildProcess {
    const script = fileURLToPath(new URL('./full-text-child.ts', import.meta.url));
    const child = fork(script, [this.#ledger, String(MEMORY_MB * MEGABYTE)], {
      env: {}, // a search needs no secrets
      execArgv: [`--max-old-space-size=${HEAP_MB}`],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    child.on('error', () => undefined); // also between two searches
    child.once('exit', () => {
      if (this.#child === child) this.#child = undefined;
    });
    return child;
  }

  #end(): void {
    clearTimeout(this.#idle);
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }
}

const stopping = (): PosternError => new PosternError('stopping', 'Postern is stopping.', { retry: 'later' });

const tooBroad = (): PosternError =>
  new PosternError('search_too_broad', 'What is looked for stands in too much of the text.', {
    hint: 'Look for fewer words, rarer ones, or longer beginnings of them.',
  });

const failed = (cause: Error): PosternError =>
  new PosternError('search_failed', 'The process of the search failed.', { retry: 'later', cause });
