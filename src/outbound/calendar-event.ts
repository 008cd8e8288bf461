// The one door of ical-generator: an event as iCalendar text (RFC 5545, RFC 5546), the same for the same event. Times are
// days or instants in UTC, so that no reader needs a VTIMEZONE of ours to have them right.
import {
  ICalAttendeeRole,
  ICalAttendeeStatus,
  ICalCalendar,
  ICalCalendarMethod,
  ICalEventStatus,
} from 'ical-generator';
import type { CalendarPerson } from '../contracts/calendar.ts';
import type { OutgoingEvent } from '../contracts/outgoing-event.ts';
import { PosternError } from '../kernel/errors.ts';
import { parseRecipient } from '../mail/recipient.ts';

const DAY = /^\d{4}-\d\d-\d\d$/;
const PRODUCT = { company: 'postern', product: 'postern' };

/** With CRLF line ends, folded at 75 octets. @throws PosternError `mail_not_composable`, `recipient_invalid` */
export function eventText(event: OutgoingEvent): string {
  const { method, uid, sequence, organizer, attendees } = event;
  const calendar = new ICalCalendar({ prodId: PRODUCT, method: ICalCalendarMethod[method] });
  const made = calendar.createEvent({
    id: oneLine(uid),
    sequence,
    stamp: timeOf(event.stamp),
    start: timeOf(event.start),
    end: timeOf(event.end),
    allDay: DAY.test(event.start),
    summary: oneLine(event.summary),
    location: oneLine(event.location) || null,
    description: plain(event.description) || null,
    organizer: personOf(organizer),
    status: method === 'CANCEL' ? ICalEventStatus.CANCELLED : ICalEventStatus.CONFIRMED,
  });
  for (const { name, address, status, optional } of attendees)
    made.createAttendee({
      ...personOf({ name, address }),
      status: ICalAttendeeStatus[status === 'NEEDS-ACTION' ? 'NEEDSACTION' : status],
      role: optional ? ICalAttendeeRole.OPT : ICalAttendeeRole.REQ,
      ...(method === 'REQUEST' ? { rsvp: true } : {}),
    });
  return `${calendar.toString().replace(/(?:\r\n)+$/, '')}\r\n`;
}

/** The reader of iCalendar takes what an address is to RCPT TO for one too, and nothing else. */
function personOf({ name, address }: CalendarPerson): { name: string; email: string } {
  const { address: email } = parseRecipient(address);
  return { name: oneLine(name) || email, email };
}

function timeOf(written: string): Date {
  const time = new Date(written);
  if (!Number.isNaN(time.getTime())) return time;
  throw new PosternError(
    'mail_not_composable',
    `The event has a time that is none: ${JSON.stringify(written.slice(0, 50))}.`,
  );
}

/** No value of one line may hold what a reader of iCalendar takes for the end of one. */
const oneLine = (text: string): string =>
  text
    .toWellFormed()
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim();

const plain = (text: string): string =>
  text
    .toWellFormed()
    .replace(/\r\n|[\r\u0085\u2028\u2029]/g, '\n')
    .replace(/(?!\n)\p{Cc}+/gu, ' ')
    .trimEnd();
