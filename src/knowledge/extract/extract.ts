// Taking the text out of documents: each is read in a process of its own, with limits of time, memory and output, and
// that process is all that a hostile document can harm. A few run at a time; the others wait in order.
import { type ChildProcess, fork } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { constants, getPriority, setPriority } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PosternError } from '../../kernel/errors.ts';
import type { Part } from '../../kernel/lifecycle.ts';
import { Turns } from '../../kernel/turns.ts';
import type { Extract, Extracted, ExtractedChunk, ExtractInput, ExtractLimits } from './contract.ts';
import { DOCUMENT_DESCRIPTOR, type DocumentJob, type FromDocumentChild } from './document-job.ts';

const AT_ONCE = 2; // documents are no hurry, and mail is
const START_LIMIT_MS = 30_000; // a cold process on a busy machine; not charged to the document
const LAST_WORDS_CHARS = 2000; // of a process that fails: where the cause stands
const MEGABYTE = 1024 * 1024;

export const defaultExtractLimits: ExtractLimits = {
  largestBytes: 100 * MEGABYTE, // four times what mail servers let through; uploads reach it
  timeMs: 60_000, // a PDF of 1,000 full pages takes about six seconds, a sheet of 200,000 rows about four
  memoryMb: 512,
  textChars: 10_000_000, // four times the Bible
  chunkChars: 2000, // a page: what an index finds and an agent reads at once
};

export class DocumentExtractor implements Part {
  readonly name = 'documents';
  readonly #running = new Set<ChildProcess>();
  readonly #turns = new Turns(AT_ONCE);
  #stopped = false;

  /** The processes that run now; for tests. */
  get pids(): number[] {
    return [...this.#running].flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  }

  /** What is being read is given up, and fails with `stopping`. */
  stop(): void {
    this.#stopped = true;
    for (const child of this.#running) child.kill('SIGKILL');
  }

  /**
   * @throws PosternError with one of `DOCUMENT_FAILURES`; `extractor_failed` and `stopping`, which are worth another
   *   try; the reason of an abort
   */
  readonly extract: Extract = (input, limits, signal) =>
    this.#turns.take(signal, () => this.#open(input, limits, signal));

  async #open(input: ExtractInput, limits: ExtractLimits, signal: AbortSignal): Promise<Extracted> {
    const file = await open(input.path, 'r');
    try {
      const { size } = await file.stat();
      if (size > limits.largestBytes) {
        throw new PosternError(
          'document_too_large',
          `The document has ${size} bytes; at most ${limits.largestBytes} are read.`,
        );
      }
      const { chunkChars, textChars } = limits;
      const job = { size, name: input.filename, declaredType: input.declaredType };
      return await this.#read(file, { ...job, limits: { chunkChars, textChars } }, limits, signal);
    } finally {
      await file.close();
    }
  }

  async #read(
    file: FileHandle,
    job: DocumentJob,
    limits: ExtractLimits,
    signal: AbortSignal,
  ): Promise<Extracted> {
    signal.throwIfAborted();
    if (this.#stopped) throw stopping();
    const child = start(file, limits.memoryMb, job.size);
    this.#running.add(child);
    const chunks: ExtractedChunk[] = [];
    let timer: NodeJS.Timeout | undefined;
    return new Promise<Extracted>((resolve, reject) => {
      const abort = (): void => reject(signal.reason);
      const within = (ms: number, error: () => PosternError): void => {
        clearTimeout(timer);
        timer = setTimeout(() => reject(error()), ms);
      };
      signal.addEventListener('abort', abort, { once: true });
      child.once('error', (cause) => reject(failed(cause)));
      let said = '';
      child.stderr?.on('data', (piece: Buffer) => {
        said = (said + piece.toString()).slice(-LAST_WORDS_CHARS);
      });
      child.once('exit', (code, by) => {
        this.#running.delete(child);
        signal.removeEventListener('abort', abort);
        // Whoever else kills it has settled the promise before. 134: V8 gave up for want of memory.
        const outOfMemory = by === 'SIGKILL' || by === 'SIGABRT' || code === 134;
        if (this.#stopped) reject(stopping());
        else
          reject(
            outOfMemory
              ? tooComplex(limits.memoryMb)
              : failed(new Error(`it ended with ${code ?? by}: ${said}`)),
          );
      });
      child.on('message', (message: FromDocumentChild) => {
        if (message.kind === 'ready') {
          within(limits.timeMs, () => tooSlow(limits.timeMs));
          child.send(job, (error) => error && reject(failed(error)));
        } else if (message.kind === 'chunks') chunks.push(...message.chunks);
        else if (message.kind === 'done') resolve({ type: message.type, chunks, notes: message.notes });
        else
          reject(new PosternError(message.code, message.message, message.hint ? { hint: message.hint } : {}));
      });
      within(START_LIMIT_MS, () => failed(new Error('it did not start')));
    }).finally(() => {
      clearTimeout(timer);
      child.kill('SIGKILL');
    });
  }
}

function start(file: FileHandle, memoryMb: number, size: number): ChildProcess {
  // Readers of some formats hold the document itself beside what they make of it.
  const memoryBytes = memoryMb * MEGABYTE + size;
  const script = fileURLToPath(new URL('./document-child.ts', import.meta.url));
  const child = fork(script, [String(memoryBytes), String(process.pid)], {
    env: {}, // a document needs no secrets
    execArgv: [...confinement(), '--no-warnings', `--max-old-space-size=${memoryMb}`],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc', file.fd],
  });
  if (child.stdio.length <= DOCUMENT_DESCRIPTOR) throw new Error('the document is not at its descriptor');
  try {
    const priority = Math.max(getPriority(), constants.priority.PRIORITY_BELOW_NORMAL); // higher is less
    if (child.pid !== undefined) setPriority(child.pid, priority);
  } catch {
    // It has ended already, or the system has no priorities: it is read all the same.
  }
  return child;
}

/**
 * What the process that reads a document may do: read the program, and start a thread. It may write no file, start no
 * program, load no native code and make no code of text. (Of the network Node 24 knows no such bound.)
 */
export const confinement = (): string[] => [
  '--permission',
  '--allow-worker',
  ...readable().map((path) => `--allow-fs-read=${path}`),
  '--disallow-code-generation-from-strings',
];

/** What the process may read: the program and its libraries, and no data that may lie beside them. */
function readable(): string[] {
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  const places = [join(root, 'src'), join(root, 'package.json')];
  for (let folder = root; ; folder = dirname(folder)) {
    const libraries = join(folder, 'node_modules');
    if (existsSync(libraries)) places.push(libraries, realpathSync(libraries));
    if (dirname(folder) === folder) return [...new Set(places)];
  }
}

const stopping = (): PosternError =>
  new PosternError('stopping', 'Reading was interrupted because Postern stops.', { retry: 'later' });

const failed = (cause: unknown): PosternError =>
  new PosternError('extractor_failed', 'The process that reads the document failed.', {
    retry: 'later',
    cause,
  });

const tooSlow = (timeMs: number): PosternError =>
  new PosternError('document_timeout', `Reading the document took more than ${timeMs} ms.`);

const tooComplex = (memoryMb: number): PosternError =>
  new PosternError('document_too_complex', `Reading the document took more than ${memoryMb} MB of memory.`);
