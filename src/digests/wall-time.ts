// From what a clock on the wall says in a time zone to the moment that it is. Where the clocks go forward, some of what they
// could say is skipped; where they go back, some is said twice. Pure.

/** What a clock and a calendar show; month 1 is January. */
export interface WallTime {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
}

const DAY_MS = 86_400_000;
const AROUND_MS = 26 * 3_600_000; // offsets reach from -12 h to +14 h, and Samoa once left out a day
const MOST_FORMATS = 200;

const formats = new Map<string, Intl.DateTimeFormat>(); // making one costs a thousand times what using it does

function formatOf(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone);
  if (!format) {
    if (formats.size >= MOST_FORMATS) formats.clear();
    format = new Intl.DateTimeFormat('en-US', {
      ...{ timeZone, hourCycle: 'h23', era: 'short' },
      ...{
        year: 'numeric',
        month: 'numeric',
        day: 'numeric',
        hour: 'numeric',
        minute: 'numeric',
        second: 'numeric',
      },
    });
    formats.set(timeZone, format);
  }
  return format;
}

/** What the clock shows at a moment, as if it were UTC: epoch milliseconds of the same words. */
function shownAt(at: number, timeZone: string): number {
  const parts: Record<string, number> = {};
  for (const { type, value } of formatOf(timeZone).formatToParts(at)) parts[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

/** @param at epoch milliseconds */
export function wallTimeAt(at: number, timeZone: string): WallTime {
  const shown = new Date(shownAt(at, timeZone));
  return {
    year: shown.getUTCFullYear(),
    month: shown.getUTCMonth() + 1,
    day: shown.getUTCDate(),
    hour: shown.getUTCHours(),
    minute: shown.getUTCMinutes(),
  };
}

/** How far the clock is ahead of UTC, in milliseconds. */
const offsetAt = (at: number, timeZone: string): number =>
  shownAt(at, timeZone) - Math.floor(at / 1000) * 1000;

/** How far the clocks are ahead of UTC on a day and around it; null where they are changed. Milliseconds. */
export function steadyOffset({ year, month, day }: WallTime, timeZone: string): number | null {
  const midnight = Date.UTC(year, month - 1, day);
  const before = offsetAt(midnight - AROUND_MS, timeZone);
  return before === offsetAt(midnight + DAY_MS + AROUND_MS, timeZone) ? before : null;
}

/**
 * The moment at which the clock shows that: the first of two, and where it never shows that, the moment at which it jumps
 * over it. Epoch milliseconds.
 */
export function momentOf({ year, month, day, hour, minute }: WallTime, timeZone: string): number {
  const shown = Date.UTC(year, month - 1, day, hour, minute);
  const offsets = [-AROUND_MS, 0, AROUND_MS].map((away) => offsetAt(shown + away, timeZone));
  const fitting = offsets.map((offset) => shown - offset).filter((at) => shownAt(at, timeZone) === shown);
  if (fitting.length > 0) return Math.min(...fitting);
  // The last moment before the jump, and the first one after it, come together.
  let before = shown - Math.max(...offsets) - DAY_MS;
  let after = shown - Math.min(...offsets) + DAY_MS;
  while (after - before > 1) {
    const between = Math.floor((before + after) / 2);
    if (shownAt(between, timeZone) < shown) before = between;
    else after = between;
  }
  return after;
}
