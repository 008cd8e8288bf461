// How long the event loop makes others wait. Everything here runs on one thread: what blocks it delays every mailbox.
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 20; // a timer of libuv's own, not of JavaScript: 50 a second cost nothing that can be measured
const NS_PER_SECOND = 1e9;

/** In seconds, over what lies between two readings. */
export interface EventLoopDelay {
  p50: number;
  p99: number;
  max: number;
}

export class EventLoopMonitor {
  readonly #delays: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  start(): void {
    this.#delays.enable();
  }

  stop(): void {
    this.#delays.disable();
  }

  /** Since the last reading. The histogram holds the whole interval of its timer: that is no delay. */
  read(): EventLoopDelay {
    const seconds = (ns: number): number =>
      this.#delays.count === 0 ? 0 : Math.max(ns / NS_PER_SECOND - RESOLUTION_MS / 1_000, 0);
    const delay = {
      p50: seconds(this.#delays.percentile(50)),
      p99: seconds(this.#delays.percentile(99)),
      max: seconds(this.#delays.max),
    };
    this.#delays.reset();
    return delay;
  }
}
