// From what somebody wrote of an event to the event that a draft keeps: its times settled, its people those of the mail.
import type { CalendarPerson } from '../contracts/calendar.ts';
import type { DraftContent } from '../contracts/draft.ts';
import type { EventInput, OutgoingEvent } from '../contracts/outgoing-event.ts';
import { PosternError } from '../kernel/errors.ts';
import { parseRecipient } from '../mail/recipient.ts';
import { localTime } from '../rules/local-time.ts';

const DAY = /^\d{4}-\d\d-\d\d$/;
const MINUTE_MS = 60_000;
const WITH_OFFSET = /(?:Z|[+-]\d\d:?\d\d)$/i;

type Mail = Pick<DraftContent, 'from' | 'to' | 'cc' | 'subject' | 'message_id'>;

/**
 * @param now epoch milliseconds
 * @throws PosternError `event_invalid`, `recipient_invalid`
 */
export function eventOf(input: EventInput, mail: Mail, now: number): OutgoingEvent {
  const { method, timezone = null } = input;
  if (method !== 'REQUEST' && input.uid === undefined)
    throw invalid(`A ${method} needs the uid of its event.`, 'Take it from the invitation.');
  if (DAY.test(input.start) !== DAY.test(input.end))
    throw invalid('Of start and end one is a day and the other a time.', 'Write both the same way.');
  const [start, end] = [settled(input.start, timezone), settled(input.end, timezone)];
  if (end <= start)
    throw invalid('The event ends before it begins.', 'Of days, the end is the day after the last one.');
  return {
    method,
    uid: input.uid ?? mail.message_id.slice(1, -1),
    sequence: input.sequence,
    stamp: utc(now),
    ...{ start, end, timezone },
    summary: input.summary ?? mail.subject,
    location: input.location ?? '',
    description: input.description ?? '',
    ...peopleOf(input, mail),
  };
}

function peopleOf(
  { method, organizer, attendees }: EventInput,
  { from, to, cc }: Mail,
): Pick<OutgoingEvent, 'organizer' | 'attendees'> {
  const [first] = to;
  const isReply = method === 'REPLY';
  const host = organizer === undefined ? (isReply ? first : from) : parseRecipient(organizer);
  if (isReply && attendees?.length !== 1)
    throw invalid(
      'A REPLY names one attendee, with the status that is answered.',
      'Give attendees: [{ address, status }].',
    );
  const guests =
    attendees?.map((one) => ({ ...one, ...parseRecipient(one.address) })) ?? [...to, ...cc].map(asked);
  return {
    organizer: person(host ?? from),
    attendees: guests.map(({ status = 'NEEDS-ACTION', optional = false, ...guest }) => ({
      ...person(guest),
      ...{ status, optional },
    })),
  };
}

/** A day, or an instant in UTC. */
function settled(written: string, timezone: string | null): string {
  if (DAY.test(written)) return written;
  if (WITH_OFFSET.test(written)) return utc(Date.parse(written));
  if (timezone === null)
    throw invalid(
      `The time ${JSON.stringify(written)} has no zone.`,
      'Write it with an offset, such as 2026-11-20T15:00:00+01:00, or give a timezone such as Europe/Zurich.',
    );
  const shown = Date.parse(`${written}Z`);
  // Twice: the first guess may lie on the other side of a change of the clock. A time that the clock leaves out is the
  // one after the change that is as far behind it.
  const guess = shown - offsetAt(shown, timezone);
  return utc(shown - offsetAt(guess, timezone));
}

/** How far the clocks of the zone are ahead of UTC, in milliseconds. */
function offsetAt(at: number, timezone: string): number {
  let local: ReturnType<typeof localTime>;
  try {
    local = localTime(at, timezone);
  } catch {
    throw invalid(
      `There is no time zone ${JSON.stringify(timezone)}.`,
      'Write an IANA name such as Europe/Zurich.',
    );
  }
  if (local === null) throw invalid('That time is in no calendar.', 'Check its year.');
  const minutes = Math.floor(at / MINUTE_MS) * MINUTE_MS;
  return Date.parse(`${local.day}T00:00:00Z`) + local.minute * MINUTE_MS - minutes;
}

const utc = (at: number): string => `${new Date(at).toISOString().slice(0, -'.000Z'.length)}Z`;

const asked = (guest: CalendarPerson): CalendarPerson & { status?: undefined; optional?: undefined } => guest;

const invalid = (why: string, hint: string): PosternError => new PosternError('event_invalid', why, { hint });

const person = ({ name, address }: CalendarPerson): CalendarPerson => ({ name, address });
