// Which times of a digest are due, and what becomes of those that passed while nobody looked. Pure.
import type { MissedPolicy } from '../contracts/digest.ts';
import { lastBefore, momentsBetween, nextAfter, type Schedule } from './schedule.ts';

/** A time that passed longer ago was missed: a machine was off, or its clock was set. */
export const MISSED_AFTER_MS = 5 * 60_000;
/** Of times that were missed, no more are made up for: with the first one a person can stop the others. */
export const MOST_MISSED = 500;

export interface Due {
  /** Each that is made now, in order. */
  fires: number[];
  /** When it is due next; null where no time comes. */
  nextAt: number | null;
}

/**
 * @param nextAt the first time that was not looked at yet
 * @throws PosternError `cron_invalid`
 */
export function dueAt(schedule: Schedule, nextAt: number | null, now: number, missed: MissedPolicy): Due {
  const upcoming = nextAfter(schedule, now);
  // Where the clock was set back from a time that never came, what is due comes before what the ledger says.
  if (nextAt === null || nextAt > now) return { fires: [], nextAt: earlier(nextAt, upcoming) };
  const last = lastBefore(schedule, now + 1);
  if (last === null || last < nextAt) return { fires: [], nextAt: upcoming };
  const isLate = now - last > MISSED_AFTER_MS;
  if (missed === 'all')
    return { fires: momentsBetween(schedule, nextAt - 1, now, MOST_MISSED), nextAt: upcoming };
  return { fires: missed === 'skip' && isLate ? [] : [last], nextAt: upcoming };
}

const earlier = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (b ?? a) : Math.min(a, b);
