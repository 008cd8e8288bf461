// When a digest is due: the moments that a cron expression names in a time zone. A time of day that the clocks skip comes at
// the moment they jump; one that they show twice comes the first time. Pure.
import { type CronFields, readCron } from './cron.ts';
import { momentOf, steadyOffset, type WallTime, wallTimeAt } from './wall-time.ts';

export interface Schedule {
  cron: string;
  timezone: string;
}

const MOST_DAYS = 9 * 366; // from the 29th of February 2096 to the next one
const MOST_KNOWN = 1_000;
const known = new Map<string, CronFields>();
/** Of the days that were asked for last: where the clocks change, one of every minute costs thousands of conversions. */
const knownDays = new Map<string, readonly number[]>();

function fieldsOf(cron: string): CronFields {
  let fields = known.get(cron);
  if (!fields) {
    fields = readCron(cron);
    if (known.size >= MOST_KNOWN) known.clear();
    known.set(cron, fields);
  }
  return fields;
}

/**
 * The first moment of a schedule after another one, epoch milliseconds; null where none comes within nine years.
 * @throws PosternError `cron_invalid`
 */
export function nextAfter(schedule: Schedule, after: number): number | null {
  // From the day before: what a jump left out yesterday may come today.
  for (const moments of days(schedule, after, 1)) {
    const found = moments.find((at) => at > after);
    if (found !== undefined) return found;
  }
  return null;
}

/** The last one before it, or null. @throws PosternError `cron_invalid` */
export function lastBefore(schedule: Schedule, before: number): number | null {
  for (const moments of days(schedule, before, -1)) {
    const found = moments.findLast((at) => at < before);
    if (found !== undefined) return found;
  }
  return null;
}

/** Those after a moment and up to another, in order; the last ones where there are more than `most`. */
export function momentsBetween(schedule: Schedule, after: number, until: number, most: number): number[] {
  const found = new Set<number>(); // of two days next to each other, the clocks may leave out the first
  // Backwards, so that what is left out of many years is never looked at.
  for (const moments of days(schedule, until, -1)) {
    for (const at of moments.toReversed()) {
      if (at <= after || found.size >= most) return [...found].reverse();
      if (at <= until) found.add(at);
    }
  }
  return [...found].reverse();
}

/** What is due on each day that the schedule names, from the day beside that of the moment on. */
function* days({ cron, timezone }: Schedule, from: number, direction: 1 | -1): Generator<readonly number[]> {
  const fields = fieldsOf(cron);
  let day = daysFrom(wallTimeAt(from, timezone), -direction);
  for (let i = 0; i < MOST_DAYS; i++, day = daysFrom(day, direction))
    if (fields.isDay(day.year, day.month, day.day)) yield momentsOf(fields, day, cron, timezone);
}

function momentsOf(fields: CronFields, day: WallTime, cron: string, timezone: string): readonly number[] {
  const key = JSON.stringify([day, cron, timezone]);
  let moments = knownDays.get(key);
  if (!moments) {
    moments = momentsOn(fields, day, timezone);
    if (knownDays.size >= MOST_KNOWN) knownDays.clear();
    knownDays.set(key, moments);
  }
  return moments;
}

function momentsOn({ minutes, hours }: CronFields, day: WallTime, timezone: string): number[] {
  const offset = steadyOffset(day, timezone);
  const moments = new Set<number>();
  for (const hour of hours)
    for (const minute of minutes) {
      const shown = Date.UTC(day.year, day.month - 1, day.day, hour, minute);
      moments.add(offset === null ? momentOf({ ...day, hour, minute }, timezone) : shown - offset);
    }
  return [...moments].sort((a, b) => a - b);
}

function daysFrom({ year, month, day }: WallTime, count: number): WallTime {
  const date = new Date(Date.UTC(year, month - 1, day + count));
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: 0,
    minute: 0,
  };
}
