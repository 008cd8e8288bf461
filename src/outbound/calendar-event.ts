// The one door of ical-generator: an event as iCalendar text (RFC 5545, RFC 5546), the same for the same event. Times are
// days or instants in UTC, so that no reader needs a VTIMEZONE of ours to have them right.
import {
  ICalAttendeeRole,
  ICalAttendeeStatus,
  ICalCalendar,
  ICalCalendarMethod,
  ICalEventStatus,
} from 'ical-generator';
import type { OutgoingEvent } from '../contracts/outgoing-event.ts';

const DAY = /^\d{4}-\d\d-\d\d$/;
const PRODUCT = { company: 'postern', product: 'postern' };

/** With CRLF line ends, folded at 75 octets. */
export function eventText(event: OutgoingEvent): string {
  const { method, uid, sequence, organizer, attendees } = event;
  const calendar = new ICalCalendar({ prodId: PRODUCT, method: ICalCalendarMethod[method] });
  const made = calendar.createEvent({
    id: uid,
    sequence,
    stamp: new Date(event.stamp),
    start: new Date(event.start),
    end: new Date(event.end),
    allDay: DAY.test(event.start),
    summary: oneLine(event.summary),
    location: oneLine(event.location) || null,
    description: plain(event.description) || null,
    organizer: { name: oneLine(organizer.name) || organizer.address, email: organizer.address },
    status: method === 'CANCEL' ? ICalEventStatus.CANCELLED : ICalEventStatus.CONFIRMED,
  });
  for (const { name, address, status, optional } of attendees)
    made.createAttendee({
      name: oneLine(name) || address,
      email: address,
      status: ICalAttendeeStatus[status === 'NEEDS-ACTION' ? 'NEEDSACTION' : status],
      role: optional ? ICalAttendeeRole.OPT : ICalAttendeeRole.REQ,
      ...(method === 'REQUEST' ? { rsvp: true } : {}),
    });
  return `${calendar.toString().replace(/(?:\r\n)+$/, '')}\r\n`;
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
