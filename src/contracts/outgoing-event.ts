// A calendar event that a mail of ours invites to, calls off or answers (RFC 5545, RFC 5546): as it is written by whoever
// sends it, and as a draft keeps it.
import { z } from 'zod';
import { calendarPerson } from './calendar.ts';

const MOST_ATTENDEES = 500; // as many as a mail has in To

const eventMethod = z.enum(['REQUEST', 'CANCEL', 'REPLY']);
const participation = z.enum(['NEEDS-ACTION', 'ACCEPTED', 'DECLINED', 'TENTATIVE']);

const attendee = calendarPerson.extend({
  /** REPLY: what the attendee answers. */
  status: participation,
  optional: z.boolean(),
});

/** Times are settled: a day (`2026-11-20`) or an instant in UTC (`2026-11-20T15:00:00Z`). */
export const outgoingEvent = z.object({
  method: eventMethod,
  uid: z.string(),
  sequence: z.number().int(),
  /** When this version of the event was written, an instant in UTC: DTSTAMP. */
  stamp: z.string(),
  start: z.string(),
  /** Not part of the event any more; of days, the day after the last one. */
  end: z.string(),
  /** The IANA zone in which it was said; null where it was said in UTC. */
  timezone: z.string().nullable(),
  summary: z.string(),
  location: z.string(),
  description: z.string(),
  organizer: calendarPerson,
  attendees: z.array(attendee),
});
export type OutgoingEvent = z.infer<typeof outgoingEvent>;

const line = z
  .string()
  .max(998)
  .regex(/^[^\r\n]*$/, 'write one line');
/** `2026-11-20`, `2026-11-20T15:00:00+01:00`, or `2026-11-20T15:00` with a `timezone` beside it. */
const time = z.union([
  z.iso.date(),
  z.iso.datetime({ offset: true, local: true }),
  z.iso.datetime({ offset: true, local: true, precision: -1 }), // without seconds
]);

/** What one writes of an event. */
export const eventInput = z.strictObject({
  method: eventMethod.default('REQUEST'),
  /** Of an event that was told before; absent: a new one. */
  uid: z
    .string()
    .regex(/^[\x21-\x7e]{1,250}$/, 'write up to 250 printable ASCII characters')
    .optional(),
  /** Higher with each change of the event. */
  sequence: z.number().int().min(0).max(2_147_483_647).default(0),
  start: time,
  end: time,
  timezone: z.string().max(100).optional(),
  summary: line.optional(),
  location: line.optional(),
  description: z.string().max(100_000).optional(),
  /** As recipients are written; absent: the account. */
  organizer: z.string().min(3).max(998).optional(),
  /** Absent: whom the mail goes to. */
  attendees: z
    .array(
      z.strictObject({
        address: z.string().min(3).max(998),
        status: participation.optional(),
        optional: z.boolean().optional(),
      }),
    )
    .max(MOST_ATTENDEES)
    .optional(),
});
export type EventInput = z.infer<typeof eventInput>;
