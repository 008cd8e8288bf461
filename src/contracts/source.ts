// The mailbox source: named consumers outside of Postern that take the messages of an account's mailboxes in order, and
// say how far they have come.
import { z } from 'zod';
import { fetchedMessage, mailboxPath, queryName, uid, uidValidity } from './connector.ts';
import { eventTag, eventTags, MAX_RETENTION_DAYS, sourcedEvent } from './mail-event.ts';

const MAX_MAILBOXES = 1000; // of one consumer by name; `all` has no such bound
const MAX_POSITION_CHARS = 8000; // a mailbox path of 1,000 characters of four octets, in base64

/** Where a message stands: opaque to consumers, and the same each time that it comes. */
export const position = z.string().min(1).max(MAX_POSITION_CHARS);

/** `zero`: everything that is there. `now`: only what comes from now on. A day: what came to the mailbox since. */
export const sourceStart = z.union([z.enum(['zero', 'now']), z.iso.date()]);
export type SourceStart = z.infer<typeof sourceStart>;

export const sourceDefinition = z.strictObject({
  name: queryName,
  /** Absent: all mailboxes of the account, also those that are made later. */
  mailboxes: z.array(mailboxPath).min(1).max(MAX_MAILBOXES).optional(),
  from: sourceStart.default('zero'),
});
export type SourceDefinition = z.infer<typeof sourceDefinition>;

export const sourceCursor = z.object({
  mailbox: z.string(),
  uid_validity: z.number().int(),
  /** Everything up to this UID is acknowledged or was passed over; 0 at the beginning. */
  uid: z.number().int(),
  /** How many messages were acknowledged, since the consumer was made or last sought here. */
  acknowledged: z.number().int(),
});
export type SourceCursor = z.infer<typeof sourceCursor>;

export const sourceConsumer = z.object({
  id: z.string(),
  account_id: z.string(),
  name: z.string(),
  /** Null: all. */
  mailboxes: z.array(z.string()).nullable(),
  cursors: z.array(sourceCursor),
  created_at: z.number().int(),
  /** When it last read or acknowledged: epoch milliseconds; null: never. */
  last_seen_at: z.number().int().nullable(),
});
export type SourceConsumer = z.infer<typeof sourceConsumer>;

const MAX_BODY_BYTES = 1_073_741_824; // as large as an account may let mails be
export const DEFAULT_BODY_BYTES = 1024 * 1024; // as much as is kept of a text anyway
const MAX_IN_FLIGHT = 10_000;

/** What a consumer wants of each message. */
export const sourceContent = {
  /**
   * `metadata`: headers and attachments. `text`: the text too. `raw`: the bytes too, as base64. `event`: the mail as an
   * event for analysis, with its parts.
   */
  content: z.enum(['metadata', 'text', 'raw', 'event']).default('metadata'),
  /** Octets of each text part, of the raw message, or of each part of an event; never more than the account's max_message_bytes. */
  max_body_bytes: z.coerce.number().int().min(1).max(MAX_BODY_BYTES).default(DEFAULT_BODY_BYTES),
  /** Of events: attachments are kept for so many days, and the event refers to them. */
  attachment_retention_days: z.coerce.number().int().min(1).max(MAX_RETENTION_DAYS).optional(),
};

/** What else a consumer of events may say, in JSON. */
export const sourceEventOptions = {
  /** Of events: hashes of every part, and attachments as base64. */
  include_attachments: z.boolean().default(false),
  /** Of events: a journal's report is opened. */
  journal: z.boolean().default(false),
  /** Of events: words for their `routing`. */
  tags: eventTags.default([]),
};

export interface SourceOptions {
  content: 'metadata' | 'text' | 'raw' | 'event';
  include_attachments: boolean;
  attachment_retention_days?: number | undefined;
  journal: boolean;
  tags: string[];
}

/** Refuses what would silently do nothing. */
export function demandEventOptions(options: SourceOptions, context: z.core.$RefinementCtx): void {
  if (options.content === 'event') return;
  const { include_attachments, attachment_retention_days, journal, tags } = options;
  const given = {
    include_attachments,
    attachment_retention_days: attachment_retention_days !== undefined,
    journal,
    tags: tags.length > 0,
  };
  for (const [path, isGiven] of Object.entries(given))
    if (isGiven) context.addIssue({ code: 'custom', path: [path], message: 'this goes with content: event' });
}

export const streamRequest = z
  .strictObject({
    ...sourceContent,
    include_attachments: z.stringbool().default(false),
    journal: z.stringbool().default(false),
    /** Given several times in a query, it is a list. */
    tags: z.union([eventTag.transform((tag) => [tag]), eventTags]).default([]),
    /** Messages that were handed out and not acknowledged: when there are so many, the stream waits. */
    max_in_flight: z.coerce.number().int().min(1).max(MAX_IN_FLIGHT).default(500),
    /** False: the stream ends when everything that is there was handed out. */
    follow: z.stringbool().default(true),
  })
  .superRefine(demandEventOptions);
export type StreamRequest = z.infer<typeof streamRequest>;

export const sourceEvent = z.discriminatedUnion('type', [
  /** The first line: where the consumer goes on. */
  z.object({ type: z.literal('opened'), consumer: sourceConsumer }),
  z.object({ type: z.literal('message'), position, message: fetchedMessage }),
  /** A message as an event, with `content: event`. */
  z.object({ type: z.literal('event'), position, event: sourcedEvent }),
  /** The server numbered the mailbox anew. What was acknowledged is recognised and does not come again. */
  z.object({
    type: z.literal('renumbered'),
    position,
    mailbox: z.string(),
    uid_validity: uidValidity,
    previous_uid_validity: uidValidity,
    /** How many acknowledged messages can be recognised. */
    known: z.number().int(),
  }),
  /** A message that the server has and cannot show. Acknowledge it to go on behind it. */
  z.object({ type: z.literal('unreadable'), position, mailbox: z.string(), uid, uid_validity: uidValidity }),
  /** Nothing more is there now. */
  z.object({ type: z.literal('caught_up') }),
  /** The mail server cannot be read now; the stream tries again by itself. */
  z.object({ type: z.literal('waiting'), code: z.string(), detail: z.string() }),
  /** Nothing has happened for a while. */
  z.object({ type: z.literal('keep_alive') }),
  /** The last line; what is not acknowledged comes again with the next stream. */
  z.object({ type: z.literal('end'), code: z.string(), detail: z.string() }),
]);
export type SourceEvent = z.infer<typeof sourceEvent>;
