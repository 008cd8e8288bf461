// A calendar invitation as it is shown: what its sender says, and nothing worked out of it.
import { z } from 'zod';

export const calendarTime = z.object({
  /** A day (`2026-11-20`), a time in UTC (`2026-11-20T15:00:00Z`), or one in `timezone` without an offset. */
  at: z.string(),
  /** As the sender names it: an IANA name, or that of a Windows; null for days and for times of wherever one is. */
  timezone: z.string().nullable(),
});
export type CalendarTime = z.infer<typeof calendarTime>;

export const calendarPerson = z.object({ name: z.string(), address: z.string() });
export type CalendarPerson = z.infer<typeof calendarPerson>;

/** The first event of a text/calendar part that has a method (RFC 5545, RFC 5546). */
export const invitation = z.object({
  /** What it asks: `REQUEST`, `REPLY`, `CANCEL`, `COUNTER`, …; empty where it does not say. */
  method: z.string(),
  uid: z.string(),
  /** Which version of the event it is. */
  sequence: z.number().int(),
  summary: z.string(),
  location: z.string(),
  /** `CONFIRMED`, `TENTATIVE`, `CANCELLED`, or empty. */
  status: z.string(),
  start: calendarTime.nullable(),
  end: calendarTime.nullable(),
  /** Instead of an end, such as `PT1H`. */
  duration: z.string().nullable(),
  /** The rule by which it is repeated, as it stands there. */
  recurrence: z.string().nullable(),
  organizer: calendarPerson.nullable(),
  attendees: z.array(
    calendarPerson.extend({
      /** `NEEDS-ACTION`, `ACCEPTED`, `DECLINED`, `TENTATIVE`, … */
      status: z.string(),
      optional: z.boolean(),
    }),
  ),
});
export type Invitation = z.infer<typeof invitation>;
