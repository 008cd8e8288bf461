// The thread beside a query. SQLite's own heap limit counts nothing in the build that Node carries (SQLITE_DEFAULT_
// MEMSTATUS=0), and a thread inside SQLite cannot be interrupted: so this one measures the process and ends it whole,
// when it grows past its limit or when the gateway that it works for is gone.
import { parentPort, workerData } from 'node:worker_threads';

const LOOK_EVERY_MS = 5; // SQLite fills about 1 GB a second at most: it goes past the limit by some MB

const { memoryBytes } = workerData as { memoryBytes: number };
const gateway = process.ppid;
const limit = process.memoryUsage.rss() + memoryBytes;

setInterval(() => {
  if (process.memoryUsage.rss() > limit || process.ppid !== gateway) process.kill(process.pid, 'SIGKILL');
}, LOOK_EVERY_MS);
parentPort?.postMessage('watching');
