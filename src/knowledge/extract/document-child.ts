// The process that reads one document and ends. The bytes are hostile: it has no environment, may write no file, start
// no program and load no native code; the gateway kills it at the time limit, its own watch thread at the memory limit.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { fileBytes } from './bytes.ts';
import type { ExtractedChunk } from './contract.ts';
import { DOCUMENT_DESCRIPTOR, type DocumentJob, type FromDocumentChild } from './document-job.ts';
import { Output } from './output.ts';
import { failureOf, readDocument } from './read.ts';

const BATCH_CHUNKS = 32; // about 64,000 characters a message: the gateway's side takes one in well under a millisecond

// The gateway is gone. It may have been killed before this process came up: then nobody ever writes to the channel.
const leave = (): never => process.exit(1);
process.on('disconnect', leave);
if (!process.connected) leave();

const [memoryBytes, gateway] = process.argv.slice(2).map(Number); // who started it may be gone by the time it looks
const watch = new Worker(new URL('./document-watch.ts', import.meta.url), {
  workerData: { memoryBytes, gateway },
});
await once(watch, 'message');
// PDF.js leaves some rejections of damaged pages to nobody, and reads on. What it never comes back from, the time ends.
process.on('unhandledRejection', () => undefined);
process.on('uncaughtException', (error) => void sayFailed(error));
process.once('message', (job: DocumentJob) => {
  void run(job).then(leave, leave);
});
await say({ kind: 'ready' });

async function run(job: DocumentJob): Promise<void> {
  let batch: ExtractedChunk[] = [];
  const flush = (): void => {
    if (batch.length > 0) void say({ kind: 'chunks', chunks: batch });
    batch = [];
  };
  const out = new Output(job.limits, (chunk) => {
    batch.push(chunk);
    if (batch.length >= BATCH_CHUNKS) flush();
  });
  try {
    const type = await readDocument(fileBytes(DOCUMENT_DESCRIPTOR, job.size), job, out);
    flush();
    await say({ kind: 'done', type, notes: out.notes });
  } catch (error) {
    await sayFailed(error);
  }
}

async function sayFailed(error: unknown): Promise<void> {
  const { code, message, hint } = failureOf(error);
  await say({ kind: 'failed', code, message, hint: hint ?? null });
}

function say(message: FromDocumentChild): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send?.(message, undefined, {}, (error) => (error ? reject(error) : resolve()));
  });
}
