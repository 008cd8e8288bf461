// Time as a part that is passed in: pure code is given a clock, so that tests can move it.
import { setTimeout as delay } from 'node:timers/promises';

export interface Clock {
  /** Milliseconds since 1970, UTC. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/**
 * Milliseconds since some moment, which only ever go forward. What is to be done so long from now is measured by them:
 * the time of day may be set back by hours, and would put it off by as much.
 */
export const monotonicMs = (): number => performance.now();

const LONGEST_TIMER_MS = 2 ** 31 - 1; // Node takes a longer one for 1 ms

/** Waits `ms` milliseconds, or less: an abort ends the wait at once and without an error. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return;
  await delay(Math.min(ms, LONGEST_TIMER_MS), undefined, signal ? { signal } : {}).catch(() => undefined);
}
