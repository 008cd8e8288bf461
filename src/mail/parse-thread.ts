// The worker thread that reads hostile bytes, and what happens when it does not come back: it is ended, the mail gets
// the blame, and the next one finds a new thread.
import { Worker } from 'node:worker_threads';
import { PosternError } from '../kernel/errors.ts';
import type { ParseRequest, ParseResponse } from './parse-worker.ts';

const START_LIMIT_MS = 30_000; // a cold thread on a busy machine; not charged to the mail
const HEAP_LIMIT_MB = 256;
const YOUNG_LIMIT_MB = 48;

type Work = ParseRequest extends infer R ? (R extends { id: number } ? Omit<R, 'id'> : never) : never;

interface Job {
  work: Work;
  timeMs: number;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** One thread, one job at a time, the others in the order in which they came. */
export class ParseThread {
  readonly #waiting: Job[] = [];
  #worker: Worker | undefined;
  #ready = false;
  #current: { id: number; job: Job } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lastId = 0;

  /** Throws `mail_too_complex` when the job takes longer than `timeMs` or more memory than the thread has. */
  run(work: Work, timeMs: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ work, timeMs, resolve, reject });
      this.#next();
    });
  }

  /** Ends the thread. Waiting jobs fail with `parser_stopped`, which is worth another try. */
  async close(): Promise<void> {
    const error = new PosternError('parser_stopped', 'The mail parser was stopped.', { retry: 'later' });
    const jobs = [...(this.#current ? [this.#current.job] : []), ...this.#waiting.splice(0)];
    const worker = this.#drop();
    for (const job of jobs) job.reject(error);
    await worker?.terminate();
  }

  #next(): void {
    if (this.#current || this.#waiting.length === 0) return;
    const worker = this.#worker ?? this.#start();
    if (!this.#ready) return;
    const job = this.#waiting.shift() as Job;
    this.#current = { id: ++this.#lastId, job };
    worker.ref(); // work in hand keeps the process alive; an idle thread does not
    worker.postMessage({ ...job.work, id: this.#lastId });
    this.#timer = setTimeout(() => this.#kill(tooSlow(job.timeMs)), job.timeMs);
  }

  #start(): Worker {
    const worker = new Worker(new URL('./parse-worker.ts', import.meta.url), {
      env: {}, // the thread needs no secrets
      resourceLimits: { maxOldGenerationSizeMb: HEAP_LIMIT_MB, maxYoungGenerationSizeMb: YOUNG_LIMIT_MB },
    });
    this.#worker = worker;
    this.#ready = false;
    worker.on('message', (response: ParseResponse) => this.#worker === worker && this.#settle(response));
    worker.on('error', (error) => this.#worker === worker && this.#kill(blame(error)));
    worker.on('exit', () => this.#worker === worker && this.#kill(blame(new Error('The thread ended.'))));
    const late = new PosternError('parser_unavailable', 'The mail parser did not start.', { retry: 'later' });
    this.#timer = setTimeout(() => this.#kill(late), START_LIMIT_MS);
    return worker;
  }

  #settle(response: ParseResponse): void {
    clearTimeout(this.#timer);
    if (response.id === 0) this.#ready = true;
    else if (this.#current?.id === response.id) {
      const { job } = this.#current;
      this.#current = undefined;
      if ('value' in response) job.resolve(response.value);
      else job.reject(new PosternError(response.error.code, response.error.message));
    }
    this.#next();
    if (!this.#current) this.#worker?.unref();
  }

  /** Ends the thread because of what it was doing, and goes on with the next job in a new one. */
  #kill(error: PosternError): void {
    const job = this.#current?.job ?? this.#waiting.shift();
    const worker = this.#drop();
    void worker?.terminate();
    job?.reject(error);
    this.#next();
  }

  #drop(): Worker | undefined {
    clearTimeout(this.#timer);
    const worker = this.#worker;
    this.#worker = undefined;
    this.#current = undefined;
    this.#ready = false;
    return worker;
  }
}

const tooSlow = (timeMs: number): PosternError =>
  new PosternError('mail_too_complex', `Reading the mail took more than ${timeMs} ms.`);

function blame(error: unknown): PosternError {
  const outOfMemory = (error as { code?: string }).code === 'ERR_WORKER_OUT_OF_MEMORY';
  return outOfMemory
    ? new PosternError('mail_too_complex', `Reading the mail took more than ${HEAP_LIMIT_MB} MB of memory.`)
    : new PosternError('parser_failed', 'The mail parser failed.', { retry: 'later', cause: error });
}
