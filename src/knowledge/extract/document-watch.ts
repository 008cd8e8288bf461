// The thread beside the reader of a document. V8's own limit counts the heap alone, and what is unpacked lies outside of
// it; a reader in a loop cannot look for itself. So this one measures the process and ends it whole, when it grows past
// its limit or when the gateway that it works for is gone.
import { parentPort, workerData } from 'node:worker_threads';

const LOOK_EVERY_MS = 10; // zlib fills about 1 GB a second at most: it goes past the limit by some MB

const { memoryBytes, gateway } = workerData as { memoryBytes: number; gateway: number };
const limit = process.memoryUsage.rss() + memoryBytes;

setInterval(() => {
  if (process.memoryUsage.rss() > limit || process.ppid !== gateway) process.kill(process.pid, 'SIGKILL');
}, LOOK_EVERY_MS);
parentPort?.postMessage('watching');
