// What `when` of a rule takes: the conditions on one mail. Objects are strict, so that a typo is an error and never a
// condition that silently does not count. The descriptions are what editors show.
import { z } from 'zod';
import { mailKind, trustFlag } from './mail.ts';

const MAX_WORD_CHARS = 1000; // longer than any address, domain or sensible pattern
export const MAX_LIST_ITEMS = 10_000; // room for a list of customers' domains
const MAX_TIMES = 50; // more spans of a day than anybody tells apart

export const word = z.string().min(1).max(MAX_WORD_CHARS);
/** A list means any of its items; `"!…"` excludes. */
export const names = z.union([word, z.array(word).min(1).max(MAX_LIST_ITEMS)]);
export type Names = z.infer<typeof names>;

const SIZE = /^\s*(<=|>=|<|>)\s*\d{1,12}(\.\d{1,3})?\s*(B|kB|KB|MB|GB)\s*$/;
const COUNT = /^\s*(<=|>=|<|>|=)?\s*\d{1,6}\s*$/;
const TIME_SPAN = /^([01]?\d|2[0-3]):[0-5]\d\s*-\s*(([01]?\d|2[0-3]):[0-5]\d|24:00)$/;
const WEEKDAYS = 'mon|tue|wed|thu|fri|sat|sun';
const WEEKDAY_SPAN = new RegExp(`^(${WEEKDAYS})(\\s*-\\s*(${WEEKDAYS}))?$`, 'i');

/** A comparison of octets: `<10MB`, `>=1kB`. A kB has 1,024 octets, as mail servers count. */
export const sizeCondition = z.string().regex(SIZE, 'write a size such as "<10MB" or ">=1kB"');
const countCondition = z.union([
  z.number().int().nonnegative(),
  z.string().regex(COUNT, 'write a count such as 2 or ">=2"'),
]);

export const attachmentCondition = z.strictObject({
  type: names.describe('Its MIME type: application/pdf, "image/*".').optional(),
  name: names
    .describe('Its file name: words in it, a pattern such as "*.pdf", or /a regular expression/.')
    .optional(),
  size: sizeCondition.describe('Its size: "<10MB", ">=1kB".').optional(),
  count: countCondition
    .describe('How many attachments meet the other conditions, such as 2 or ">=2"; at least one when absent.')
    .optional(),
});
export type AttachmentCondition = z.infer<typeof attachmentCondition>;

/** An IANA name, such as `Europe/Zurich`. */
export const timezone = z.string().refine((name) => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}, 'name a time zone such as Europe/Zurich or UTC');

const day = z.iso.date({ error: 'write a day such as 2026-12-24' });
const timeSpan = z.string().regex(TIME_SPAN, 'write a span of the day such as 08:00-18:00');
const weekdaySpan = z.string().regex(WEEKDAY_SPAN, 'write days such as mon or mon-fri');
const oneOrMore = <T extends z.ZodType<string>>(item: T) =>
  z.union([item, z.array(item).min(1).max(MAX_TIMES)]);

export const sentCondition = z.strictObject({
  time: oneOrMore(timeSpan)
    .describe('A span of the day, its end not included: 08:00-18:00. It may pass midnight: 22:00-06:00.')
    .optional(),
  weekday: oneOrMore(weekdaySpan).describe('Days of the week: mon-fri, or [sat, sun].').optional(),
  since: day.describe('From this day on: 2026-12-24.').optional(),
  before: day.describe('Before this day: 2027-01-04.').optional(),
  timezone: timezone
    .describe('Whose clock and calendar count, such as Europe/Zurich; that of `defaults`, or else UTC.')
    .optional(),
});
export type SentCondition = z.infer<typeof sentCondition>;

/** The least level that is enough, flags that the mail has, and with `!` what it must not have. */
export const trustWords: readonly string[] = ['verified', 'asserted', ...trustFlag.options];
const trustWord = z.enum([...trustWords, ...trustWords.map((known) => `!${known}`)]);
const trustCondition = z.union([trustWord, z.array(trustWord).min(1).max(50)]);

/** Kinds that the mail may be of, and with `!` what it must not be. */
const kindWord = z.enum([...mailKind.options, ...mailKind.options.map((known) => `!${known}` as const)]);
const kindCondition = z.union([kindWord, z.array(kindWord).min(1).max(50)]);

export interface Condition {
  from?: Names | undefined;
  to?: Names | undefined;
  cc?: Names | undefined;
  reply_to?: Names | undefined;
  subject?: Names | undefined;
  text?: Names | undefined;
  header?: Record<string, Names> | undefined;
  list_id?: Names | undefined;
  type?: Names | undefined;
  attachment?: AttachmentCondition | boolean | undefined;
  size?: string | undefined;
  flag?: Names | undefined;
  mailbox?: Names | undefined;
  account?: Names | undefined;
  thread?: 'new' | 'reply' | undefined;
  trust?: Names | undefined;
  kind?: Names | undefined;
  sent?: SentCondition | undefined;
  all?: Condition[] | undefined;
  any?: Condition[] | undefined;
  not?: Condition | undefined;
}

const headerName = z
  .string()
  .regex(/^[!-9;-~]{1,100}$/, 'a header name has letters, digits and hyphens, and no colon');

const ADDRESS =
  'anna@example.org, example.org (any address there), "*.example.org" (any below), or /a pattern/.';
const TEXT = 'words in it, a pattern such as "[Ticket *]*", or /a regular expression/i.';

const plainConditions = {
  from: names.describe(`The address of From: ${ADDRESS}`).optional(),
  to: names.describe(`An address of To: ${ADDRESS}`).optional(),
  cc: names.describe(`An address of Cc: ${ADDRESS}`).optional(),
  reply_to: names.describe(`An address of Reply-To: ${ADDRESS}`).optional(),
  subject: names.describe(`The subject: ${TEXT}`).optional(),
  text: names.describe(`What a person reads of the mail: ${TEXT}`).optional(),
  header: z
    .record(headerName, names)
    .refine((headers) => Object.keys(headers).length > 0, 'names no header')
    .describe(`Headers by their names: ${TEXT} "*" asks only that it be there.`)
    .optional(),
  list_id: names
    .describe('The List-Id between its angle brackets, as a whole: "*.lists.example.org".')
    .optional(),
  type: names.describe('The MIME type of any part: application/pdf, "image/*".').optional(),
  attachment: z
    .union([z.boolean(), attachmentCondition])
    .describe('Whether the mail has attachments, or what one and the same of them is.')
    .optional(),
  size: sizeCondition.describe('The whole mail: "<10MB", ">=1kB" (1 kB is 1,024 octets).').optional(),
  flag: names.describe('IMAP flags and keywords as the mail comes in: flagged, $Important.').optional(),
  mailbox: names.describe('The folder, as the server spells it.').optional(),
  account: names.describe('The label of the account: sales, "office-*".').optional(),
  thread: z
    .enum(['new', 'reply'])
    .describe('Whether the mail begins a conversation or answers in one that was seen before.')
    .optional(),
  trust: trustCondition
    .describe(
      'How sure the sender is, at least: asserted or verified; warnings that there are: lookalike; "!…" not.',
    )
    .optional(),
  kind: kindCondition
    .describe('What the mail is: bounce, auto-reply, invitation, list, …; what it must not be: "!list".')
    .optional(),
  sent: sentCondition.describe('When the mail was sent, by its Date: time of day, weekday, days.').optional(),
};
/** Every word that `when` knows. */
export const conditionWords: readonly string[] = [...Object.keys(plainConditions), 'all', 'any', 'not'];

/** Every condition named must hold. A list means any of its items; `"!…"` excludes. */
export const condition: z.ZodType<Condition> = z.lazy(() =>
  z
    .strictObject({
      ...plainConditions,
      all: z.array(condition).min(1).max(MAX_LIST_ITEMS).describe('All of these hold.').optional(),
      any: z.array(condition).min(1).max(MAX_LIST_ITEMS).describe('One of these holds.').optional(),
      not: condition.optional().describe('This does not hold.'),
    })
    .meta({
      id: 'condition',
      description: 'Every condition named must hold. A list means any of its items.',
    }),
);
