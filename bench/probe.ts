// Preloaded into a process that is measured, ours and the baseline's alike: on SIGUSR2 it collects garbage and writes
// what is left to the file BENCH_PROBE_FILE. With BENCH_HEAP_SNAPSHOT (a folder) it writes a heap snapshot there, too.
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { writeHeapSnapshot } from 'node:v8';
import { isMainThread } from 'node:worker_threads';

export interface Footprint {
  /** Bytes. */
  rss: number;
  heapUsed: number;
  external: number;
  arrayBuffers: number;
  /** User and system time since the start. */
  cpuMs: number;
  /** How late the event loop was since the start, beyond the resolution. */
  loopDelayP99Ms: number;
  loopDelayMaxMs: number;
}

const COLLECTIONS = 4; // weak references and finalizers need more than one
const BETWEEN_MS = 100; // freed pages go back to the system a little later
const RESOLUTION_MS = 10;
const NS_PER_MS = 1e6;

const { BENCH_PROBE_FILE: file, BENCH_HEAP_SNAPSHOT: snapshotFolder } = process.env;
if (isMainThread && file !== undefined) {
  const loopDelay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  loopDelay.enable();
  const beyond = (nanoseconds: number): number => Math.max(nanoseconds / NS_PER_MS - RESOLUTION_MS, 0);
  const tell = async (): Promise<void> => {
    const delays = { p99: beyond(loopDelay.percentile(99)), max: beyond(loopDelay.max) }; // before it is held up here
    const { user, system } = process.cpuUsage();
    for (let round = 0; round < COLLECTIONS; round++) {
      (globalThis as { gc?: () => void }).gc?.();
      await delay(BETWEEN_MS);
    }
    const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
    const footprint: Footprint = {
      rss,
      heapUsed,
      external,
      arrayBuffers,
      cpuMs: (user + system) / 1000,
      loopDelayP99Ms: delays.p99,
      loopDelayMaxMs: delays.max,
    };
    if (snapshotFolder) writeHeapSnapshot(join(snapshotFolder, `${process.pid}.heapsnapshot`));
    appendFileSync(file, `${JSON.stringify(footprint)}\n`);
  };
  process.on('SIGUSR2', () => void tell());
}
