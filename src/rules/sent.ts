// The condition `sent`: when a mail was sent, by the clock and the calendar of a time zone.
import type { SentCondition } from '../contracts/rule-condition.ts';
import type { Check } from './checks.ts';
import type { Place } from './list-checks.ts';
import { type LocalTime, WEEKDAYS } from './local-time.ts';
import type { MailView } from './mail-view.ts';

const COST = 6; // the first rule of a time zone pays for all of them
const MINUTES_A_DAY = 24 * 60;

/** @param fallback the time zone where the condition names none */
export function sentCheck(condition: SentCondition, fallback: string, { name, path, report }: Place): Check {
  const { time, weekday, since, before, timezone: zone = fallback } = condition;
  if ([time, weekday, since, before].every((word) => word === undefined))
    report(path, '`sent` says nothing; write time, weekday, since or before');
  const isInTime = timesTest({ time, weekday });
  const holds = (at: LocalTime | null): boolean =>
    at !== null &&
    isInTime(at) &&
    (since === undefined || at.day >= since) &&
    (before === undefined || at.day < before);
  return {
    cost: COST,
    anchors: [],
    test: (view) => holds(view.sentIn(zone)),
    failures: (view) => [{ condition: name, wanted: JSON.stringify(condition), had: shownTime(view, zone) }],
  };
}

/** Whether a moment lies in the named times of the day, on the named days of the week; what is not named holds. */
export function timesTest({
  time,
  weekday,
}: Pick<SentCondition, 'time' | 'weekday'>): (at: LocalTime) => boolean {
  const spans = time === undefined ? null : [time].flat().map(spanOf);
  const days = weekday === undefined ? null : new Set([weekday].flat().flatMap(daysOf));
  return (at) =>
    (spans === null || spans.some(([from, to]) => within(at.minute, from, to))) &&
    (days === null || days.has(at.weekday));
}

/** Minutes of the day: `22:00-06:00` ends on the next one. */
function spanOf(text: string): [from: number, to: number] {
  const [from = 0, to = 0] = text.split('-').map((clock) => {
    const [hours, minutes] = clock.trim().split(':').map(Number);
    return (hours ?? 0) * 60 + (minutes ?? 0);
  });
  return [from, to];
}

/** From a time up to another that is not included; from one to the same is the whole day. */
function within(minute: number, from: number, to: number): boolean {
  if (from === to || (from === 0 && to === MINUTES_A_DAY)) return true;
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}

/** `fri-mon` goes over the end of the week. */
function daysOf(text: string): number[] {
  const [first = 0, last = first] = text
    .toLowerCase()
    .split('-')
    .map((name) => WEEKDAYS.indexOf(name.trim()));
  const count = ((last - first + 7) % 7) + 1;
  return Array.from({ length: count }, (_, i) => (first + i) % 7);
}

function shownTime(view: MailView, zone: string): string {
  const at = view.sentIn(zone);
  if (!at) return 'no date that can be read';
  const clock = [Math.floor(at.minute / 60), at.minute % 60].map((n) => String(n).padStart(2, '0')).join(':');
  return `${WEEKDAYS[at.weekday]} ${at.day} ${clock} (${zone})`;
}
