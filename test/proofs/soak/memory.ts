// How much memory a process has over time, as the system counts it. Pure but for the look itself.
import { readFile } from 'node:fs/promises';

const SAMPLE_EVERY_MS = 1_000;
const KB_PER_MB = 1_024;

/** Megabytes of resident memory; null when the process is gone, or the system does not tell. */
export async function residentMb(pid: number): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kb = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return kb === undefined ? null : Number(kb) / KB_PER_MB;
}

/** Samples of one process from now on, until `stop`. */
export class MemoryWatch {
  readonly samples: number[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(pid: number) {
    this.#timer = setInterval(async () => {
      const mb = await residentMb(pid);
      if (mb !== null) this.samples.push(mb);
    }, SAMPLE_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
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

/** The median of each of ten equal parts, for whoever wants to see the way it took. */
export function tenths(samples: readonly number[]): number[] {
  const part = Math.max(Math.floor(samples.length / 10), 1);
  return Array.from({ length: 10 }, (_, at) => median(samples.slice(at * part, (at + 1) * part)));
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
