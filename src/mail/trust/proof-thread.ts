// Checks signatures in a thread of its own: hashing 25 MB takes most of a second, and a mail can be written so that it
// takes minutes. Several mails may be under way; a mail that keeps the thread busy past the limit gets the blame, and
// the others are worth another try.
import { Worker } from 'node:worker_threads';
import { PosternError } from '../../kernel/errors.ts';
import type { Authenticity, RecordLookup } from './authenticate.ts';
import type { ProofRequest, ProofResponse } from './proof-worker.ts';

const BUSY_LIMIT_MS = 10_000; // for a piece, or for the end: 25 MB in one line take about 2 s
const WHOLE_LIMIT_MS = 60_000; // from the last piece to the answer, lookups and all
const START_LIMIT_MS = 30_000; // a cold thread on a busy machine; not charged to a mail
const PIECE_BYTES = 64 * 1024;
const HEAP_LIMIT_MB = 128;
const YOUNG_LIMIT_MB = 32;

interface UnderWay {
  /** What is waited for from the thread, and until when. */
  busy: NodeJS.Timeout | undefined;
  lookups: number;
  /** Whether its octets are all there. */
  isWhole: boolean;
  more: PromiseWithResolvers<void>;
  answer: PromiseWithResolvers<Authenticity>;
}

export interface Proof {
  /** Gives it the next octets; fulfils when more are wanted. */
  write(octets: Buffer): Promise<void>;
  /** Says that it is whole. @throws PosternError `mail_too_complex`; others are worth another try */
  end(): Promise<Authenticity>;
  /** Gives it up. Must be called in the end; after an answer it does nothing. */
  close(): void;
}

export interface ProofLimits {
  /** How long a mail may keep the thread busy without a word. */
  busyMs?: number;
}

export class ProofThread {
  readonly #lookup: RecordLookup;
  readonly #busyMs: number;
  readonly #mails = new Map<number, UnderWay>();
  #worker: Worker | undefined;
  #starting: PromiseWithResolvers<void> | undefined;
  #lastMail = 0;

  constructor(lookup: RecordLookup, { busyMs = BUSY_LIMIT_MS }: ProofLimits = {}) {
    this.#lookup = lookup;
    this.#busyMs = busyMs;
  }

  /** @param at when the mail arrived, epoch milliseconds */
  async begin(at: number): Promise<Proof> {
    await this.#started();
    const mail = ++this.#lastMail;
    const one: UnderWay = {
      busy: undefined,
      lookups: 0,
      isWhole: false,
      more: Promise.withResolvers(),
      answer: Promise.withResolvers(),
    };
    one.more.promise.catch(() => undefined);
    one.answer.promise.catch(() => undefined); // who waits is told; who has given up is not
    this.#mails.set(mail, one);
    this.#worker?.ref();
    this.#say({ kind: 'begin', mail, at });
    this.#expect(mail, one);
    return {
      write: (octets) => this.#write(mail, one, octets),
      end: () => this.#end(mail, one),
      close: () => this.#drop(mail, gone()),
    };
  }

  /** Ends the thread. What is under way fails with `parser_stopped`; a later mail starts it again. */
  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#starting?.reject(gone());
    this.#starting = undefined;
    for (const mail of [...this.#mails.keys()]) this.#drop(mail, gone());
    await worker?.terminate();
  }

  async #write(mail: number, one: UnderWay, octets: Buffer): Promise<void> {
    for (let at = 0; at < octets.length; at += PIECE_BYTES) {
      await one.more.promise;
      one.more = Promise.withResolvers();
      one.more.promise.catch(() => undefined);
      // A copy, for the piece may be of a buffer that is used again.
      this.#say({ kind: 'octets', mail, bytes: new Uint8Array(octets.subarray(at, at + PIECE_BYTES)) });
      this.#expect(mail, one);
    }
    await one.more.promise;
  }

  async #end(mail: number, one: UnderWay): Promise<Authenticity> {
    await one.more.promise;
    one.isWhole = true;
    this.#say({ kind: 'octets', mail, bytes: null });
    this.#expect(mail, one);
    const limit = setTimeout(() => this.#drop(mail, late()), WHOLE_LIMIT_MS);
    try {
      return await one.answer.promise;
    } finally {
      clearTimeout(limit);
    }
  }

  #started(): Promise<void> {
    if (this.#worker && !this.#starting) return Promise.resolve();
    if (this.#starting) return this.#starting.promise;
    const starting = Promise.withResolvers<void>();
    this.#starting = starting;
    starting.promise.catch(() => undefined);
    const worker = new Worker(new URL('./proof-worker.ts', import.meta.url), {
      env: {}, // the thread needs no secrets
      resourceLimits: { maxOldGenerationSizeMb: HEAP_LIMIT_MB, maxYoungGenerationSizeMb: YOUNG_LIMIT_MB },
    });
    this.#worker = worker;
    const limit = setTimeout(() => this.#kill(worker, unavailable()), START_LIMIT_MS);
    worker.on('message', (response: ProofResponse) => {
      if (this.#worker !== worker) return;
      if (response.kind !== 'ready') return this.#heard(response);
      clearTimeout(limit);
      this.#starting = undefined;
      worker.unref(); // work in hand keeps the process alive; an idle thread does not
      starting.resolve();
    });
    worker.on('error', (error) => this.#kill(worker, blame(error)));
    worker.on('exit', () => {
      clearTimeout(limit);
      this.#kill(worker, blame(new Error('The thread ended.')));
    });
    return starting.promise;
  }

  #heard(response: Exclude<ProofResponse, { kind: 'ready' }>): void {
    const one = this.#mails.get(response.mail);
    if (!one) return;
    clearTimeout(one.busy);
    if (response.kind === 'more') one.more.resolve();
    else if (response.kind === 'lookup') void this.#answerLookup(one, response);
    else if (response.kind === 'found') {
      one.answer.resolve(response.found);
      this.#forget(response.mail);
    } else this.#drop(response.mail, unreadable(response.message));
  }

  async #answerLookup(
    one: UnderWay,
    { mail, lookup, name, type }: Extract<ProofResponse, { kind: 'lookup' }>,
  ): Promise<void> {
    one.lookups++;
    let request: ProofRequest;
    try {
      request = { kind: 'records', lookup, records: await this.#lookup(name, type) };
    } catch (error) {
      request = { kind: 'no records', lookup, code: (error as { code?: string }).code ?? 'EFAILED' };
    }
    one.lookups--;
    if (this.#mails.get(mail) !== one) return;
    this.#say(request);
    if (one.lookups === 0) this.#expect(mail, one);
  }

  /** The thread has to say something about the mail within the limit. While its records are looked up, it need not. */
  #expect(mail: number, one: UnderWay): void {
    clearTimeout(one.busy);
    const worker = this.#worker;
    one.busy = setTimeout(() => {
      this.#drop(mail, tooSlow(this.#busyMs));
      if (worker) this.#kill(worker, gone());
    }, this.#busyMs);
  }

  #say(request: ProofRequest): void {
    this.#worker?.postMessage(request);
  }

  #drop(mail: number, error: PosternError): void {
    const one = this.#mails.get(mail);
    if (!one) return;
    one.more.reject(error);
    one.answer.reject(error);
    this.#say({ kind: 'forget', mail });
    this.#forget(mail);
  }

  #forget(mail: number): void {
    clearTimeout(this.#mails.get(mail)?.busy);
    this.#mails.delete(mail);
    if (this.#mails.size === 0) this.#worker?.unref();
  }

  #kill(worker: Worker, error: PosternError): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#starting?.reject(error);
    this.#starting = undefined;
    // Where several were under way, nobody knows which of them it was.
    const told = this.#mails.size > 1 ? gone() : error;
    for (const mail of [...this.#mails.keys()]) this.#drop(mail, told);
    void worker.terminate();
  }
}

const tooSlow = (limitMs: number): PosternError =>
  new PosternError('mail_too_complex', `Checking the signatures took more than ${limitMs} ms.`);
const late = (): PosternError =>
  new PosternError('lookups_slow', 'What the signatures name was not found in time.', { retry: 'later' });
const unavailable = (): PosternError =>
  new PosternError('parser_unavailable', 'The thread that checks signatures did not start.', {
    retry: 'later',
  });
const gone = (): PosternError =>
  new PosternError('parser_stopped', 'The check of the signatures was stopped.', { retry: 'later' });
const unreadable = (message: string): PosternError =>
  new PosternError('mail_too_complex', `The signatures cannot be read: ${message}`);

function blame(error: unknown): PosternError {
  const outOfMemory = (error as { code?: string }).code === 'ERR_WORKER_OUT_OF_MEMORY';
  return outOfMemory
    ? new PosternError('mail_too_complex', `Checking the signatures took more than ${HEAP_LIMIT_MB} MB.`)
    : new PosternError('parser_failed', 'The check of the signatures failed.', {
        retry: 'later',
        cause: error,
      });
}
