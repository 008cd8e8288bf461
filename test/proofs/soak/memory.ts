// How much memory a process keeps over time: what the system counts as resident just after a collection of garbage. How
// much lies around before one goes up and down by a third within minutes, and says nothing of what is kept.
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

const SAMPLE_EVERY_MS = 5_000;
const SETTLE_MS = 300; // freed pages go back to the system a moment after the collection
const COLLECT_LIMIT_MS = 10_000;
const KB_PER_MB = 1_024;

/** For the environment of a process whose garbage is to be collected from outside. */
export const COLLECTABLE = { NODE_OPTIONS: '--inspect=127.0.0.1:0' };

/** Megabytes of resident memory; null when the process is gone, or the system does not tell. */
export async function residentMb(pid: number): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kb = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return kb === undefined ? null : Number(kb) / KB_PER_MB;
}

/** Samples of one process from now on, until `stop`. */
export class MemoryWatch {
  readonly samples: number[] = [];
  readonly #over = new AbortController();
  readonly #watching: Promise<void>;

  /** @param output what the process has printed, with the address where it can be asked to collect */
  constructor(pid: number, output: string) {
    const address = /Debugger listening on (ws:\S+)/.exec(output)?.[1];
    if (address === undefined) throw new Error('the process cannot be asked to collect its garbage');
    this.#watching = this.#watch(pid, address);
  }

  async #watch(pid: number, address: string): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      await collectGarbage(address);
      await pause(SETTLE_MS);
      const mb = await residentMb(pid);
      if (mb !== null) this.samples.push(mb);
      await pause(SAMPLE_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** @throws Error when the process could not be asked */
  async stop(): Promise<void> {
    this.#over.abort();
    await this.#watching;
  }
}

/** Over the protocol of Node's inspector. */
async function collectGarbage(address: string): Promise<void> {
  const socket = new WebSocket(address);
  const done = Promise.withResolvers<void>();
  const limit = setTimeout(
    () => done.reject(new Error('no collection of garbage in time')),
    COLLECT_LIMIT_MS,
  );
  socket.onopen = () => socket.send(JSON.stringify({ id: 1, method: 'HeapProfiler.collectGarbage' }));
  socket.onmessage = ({ data }) => (JSON.parse(String(data)) as { id?: number }).id === 1 && done.resolve();
  socket.onerror = () => done.reject(new Error('the process does not take requests to collect garbage'));
  try {
    await done.promise;
  } finally {
    clearTimeout(limit);
    socket.close();
  }
}

export interface Flatness {
  secondMb: number;
  lastMb: number;
  /** By how much the last quarter is above the second; negative where it is below. */
  growth: number;
}

/** The medians of the second and of the last quarter: what is a moment's is left out of both. */
export function flatness(samples: readonly number[]): Flatness {
  const quarter = Math.floor(samples.length / 4);
  const secondMb = median(samples.slice(quarter, 2 * quarter));
  const lastMb = median(samples.slice(-quarter));
  return { secondMb, lastMb, growth: lastMb / secondMb - 1 };
}

/** The medians of up to ten equal parts, for whoever wants to see the way it took. */
export function tenths(samples: readonly number[]): number[] {
  const part = Math.max(Math.floor(samples.length / 10), 1);
  const parts = Math.min(samples.length, 10);
  return Array.from({ length: parts }, (_, at) => median(samples.slice(at * part, (at + 1) * part)));
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
