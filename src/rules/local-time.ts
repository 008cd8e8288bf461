// The clock and the calendar of a time zone.

/** Monday is 0. */
export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

/** A moment in a time zone. */
export interface LocalTime {
  /** `2026-11-20`, which sorts as text. */
  readonly day: string;
  /** Monday is 0. */
  readonly weekday: number;
  /** Since midnight. */
  readonly minute: number;
}

const formats = new Map<string, Intl.DateTimeFormat>(); // making one costs a thousand times what using it does
const MOST_FORMATS = 500; // there are about 600 names of zones in all

/** Null for a time that no calendar has. */
export function localTime(at: number, timeZone: string): LocalTime | null {
  if (Number.isNaN(new Date(at).getTime())) return null;
  let format = formats.get(timeZone);
  if (!format) {
    if (formats.size >= MOST_FORMATS) formats.clear();
    format = new Intl.DateTimeFormat('en-US', {
      ...{ timeZone, hourCycle: 'h23', weekday: 'short' },
      ...{ year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' },
    });
    formats.set(timeZone, format);
  }
  const parts: Record<string, string> = {};
  for (const { type, value } of format.formatToParts(at)) parts[type] = value;
  const { year = '', month, day, weekday = '', hour, minute } = parts;
  return {
    day: `${year.padStart(4, '0')}-${month}-${day}`,
    weekday: WEEKDAYS.indexOf(weekday.toLowerCase()),
    minute: Number(hour) * 60 + Number(minute),
  };
}
