// What an invitation says (iCalendar, RFC 5545; its methods, RFC 5546): the first event of it, without its recurrences
// worked out. Every field is the sender's word.
import type { CalendarPerson, CalendarTime, Invitation } from '../contracts/calendar.ts';
import { visibleText } from './visible-text.ts';

const MAX_CHARS = 256 * 1024; // invitations with many people reach 50 kB
const MAX_LINES = 5000;
const MAX_ATTENDEES = 500;
const MAX_TEXT_CHARS = 4000;
const MAX_PARAMETERS = 20;

interface Line {
  name: string;
  parameters: Map<string, string>;
  value: string;
}

/** Null where the text holds no event. Never throws. */
export function readCalendar(text: string): Invitation | null {
  let method = '';
  const open: string[] = [];
  const event: Line[] = [];
  let found = false;
  for (const line of linesOf(text)) {
    const value = line.value.trim().toUpperCase();
    if (line.name === 'BEGIN') {
      open.push(value);
      if (value === 'VEVENT' && found) break; // further ones are exceptions to a series
      if (value === 'VEVENT') found = true;
    } else if (line.name === 'END') open.pop();
    else if (open.at(-1) === 'VCALENDAR' && line.name === 'METHOD') method = value.slice(0, 40);
    else if (open.at(-1) === 'VEVENT') event.push(line); // and not an alarm inside of it
  }
  return found ? invitationOf(method, event) : null;
}

function invitationOf(method: string, event: readonly Line[]): Invitation {
  const first = (name: string): Line | undefined => event.find((line) => line.name === name);
  const text = (name: string): string => textOf(first(name)?.value ?? '');
  const organizer = first('ORGANIZER');
  const sequence = Number.parseInt(first('SEQUENCE')?.value ?? '', 10);
  return {
    method,
    uid: text('UID'),
    sequence: Number.isSafeInteger(sequence) ? sequence : 0,
    summary: text('SUMMARY'),
    location: text('LOCATION'),
    status: text('STATUS').toUpperCase(),
    start: timeOf(first('DTSTART')),
    end: timeOf(first('DTEND')),
    duration: text('DURATION') || null,
    recurrence: text('RRULE') || null,
    organizer: organizer ? personOf(organizer) : null,
    attendees: event
      .filter((line) => line.name === 'ATTENDEE')
      .slice(0, MAX_ATTENDEES)
      .map((line) => ({
        ...personOf(line),
        status: (line.parameters.get('PARTSTAT') ?? 'NEEDS-ACTION').toUpperCase(),
        optional: (line.parameters.get('ROLE') ?? '').toUpperCase() === 'OPT-PARTICIPANT',
      })),
  };
}

/** A name and an address: `ATTENDEE;CN="Anna":mailto:anna@example.org`. */
function personOf({ parameters, value }: Line): CalendarPerson {
  const mailto = /^\s*mailto:(.*)$/is.exec(value)?.[1] ?? parameters.get('EMAIL') ?? value;
  return {
    name: shown(parameters.get('CN') ?? ''),
    address: shown(mailto.replace(/^mailto:/i, '')).slice(0, 320),
  };
}

const DATE_TIME = /^(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z)?)?$/;

/** `20261120T150000Z`, the same in a named zone, or a day (RFC 5545 §3.3.4, §3.3.5). */
function timeOf(line: Line | undefined): CalendarTime | null {
  const match = DATE_TIME.exec(line?.value.trim() ?? '');
  if (!line || !match) return null;
  const [, year, month, day, hour, minute, second, utc] = match;
  const date = `${year}-${month}-${day}`;
  if (hour === undefined) return { at: date, timezone: null };
  const at = `${date}T${hour}:${minute}:${second}`;
  if (utc) return { at: `${at}Z`, timezone: 'UTC' };
  return { at, timezone: shown(line.parameters.get('TZID') ?? '').slice(0, 100) || null };
}

/** Lines that were folded are one (RFC 5545 §3.1). */
function* linesOf(text: string): Generator<Line> {
  const unfolded = text
    .slice(0, MAX_CHARS)
    .replace(/\r\n?/g, '\n')
    .replace(/\n[ \t]/g, '');
  for (const written of unfolded.split('\n', MAX_LINES)) {
    const line = lineOf(written);
    if (line) yield line;
  }
}

/** `NAME;PARAMETER=value;OTHER="quoted: value":value` */
function lineOf(written: string): Line | null {
  const name = /^[A-Za-z0-9-]{1,60}/.exec(written)?.[0];
  if (name === undefined) return null;
  const parameters = new Map<string, string>();
  let at = name.length;
  while (written[at] === ';' && parameters.size < MAX_PARAMETERS) {
    const equals = written.indexOf('=', at);
    if (equals < 0) return null;
    const isQuoted = written[equals + 1] === '"';
    const from = equals + (isQuoted ? 2 : 1);
    const end = isQuoted ? written.indexOf('"', from) : nextOf(written, from);
    if (end < 0) return null;
    parameters.set(written.slice(at + 1, equals).toUpperCase(), written.slice(from, end));
    at = isQuoted ? end + 1 : end;
    if (written[at] === ',') at = nextOf(written, at); // of several values the first
    if (at < 0) return null;
  }
  return written[at] === ':' ? { name: name.toUpperCase(), parameters, value: written.slice(at + 1) } : null;
}

/** Where a parameter ends. */
function nextOf(text: string, from: number): number {
  for (let at = from; at < text.length; at++) if (text[at] === ';' || text[at] === ':') return at;
  return -1;
}

/** Escapes of RFC 5545 §3.3.11 undone. */
const textOf = (value: string): string =>
  shown(
    value
      .slice(0, MAX_TEXT_CHARS * 2)
      .replace(/\\([\\;,nN])/g, (_, char: string) => (/n/i.test(char) ? '\n' : char)),
  );

const shown = (text: string): string => visibleText(text).slice(0, MAX_TEXT_CHARS).trim().toWellFormed();
