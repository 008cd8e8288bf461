// A mail as an event, for programs that analyse mail: every header, every part with its text and its hashes, and where it
// came from. Posted to websites (`post`) and handed out by the mailbox source (`content: event`).
import { z } from 'zod';
import { hiddenNote, mailHead, mailHeaders, mailKind, trust, unpackedFile } from './mail.ts';

export const MAX_RETENTION_DAYS = 3650;
const MAX_TAGS = 50;
const MAX_TAG_CHARS = 200;

/** Words for the receiver, put into the event's `routing`. */
export const eventTag = z.string().min(1).max(MAX_TAG_CHARS);
export const eventTags = z.array(eventTag).max(MAX_TAGS);
export const retentionDays = z.number().int().min(1).max(MAX_RETENTION_DAYS);

export const partHashes = z.object({ md5: z.string(), sha1: z.string(), sha256: z.string() });
export type PartHashes = z.infer<typeof partHashes>;

/** A leaf of the MIME tree, as a receiver reads it. */
export const eventPart = z.object({
  /** The IMAP section number, such as `1` or `2.1`. */
  path: z.string(),
  content_type: z.string(),
  charset: z.string().nullable(),
  filename: z.string().nullable(),
  disposition: z.enum(['inline', 'attachment']).nullable(),
  content_id: z.string().nullable(),
  /** The part's own headers, as those of the message. */
  headers: mailHeaders,
  /** What a text part says, attached ones too, as it was written; null for the others. */
  body_text: z.string().nullable(),
  /** True where a limit cut `body_text`. */
  truncated: z.boolean(),
  /** The decoded octets, with `include_attachments`; null where they are left out or kept as an artifact. */
  content_base64: z.string().nullable(),
  /** Where the decoded octets are kept, with `attachment_retention_days`. */
  artifact: z.object({ id: z.string(), expires_at: z.string() }).nullable(),
  /** Decoded octets; an estimate where the part was not read. */
  size: z.number().int().nonnegative(),
  /** Of the decoded octets, in hexadecimal, with `include_attachments`. */
  hashes: partHashes.nullable(),
  /** `size`: it is larger than a limit, and its text or its octets are not here. */
  omitted: z.enum(['size']).nullable(),
});
export type EventPart = z.infer<typeof eventPart>;

export const journalRecipient = z.object({
  address: z.string(),
  /** `recipient`: the report does not tell whether it was To, Cc or Bcc. */
  field: z.enum(['to', 'cc', 'bcc', 'recipient']),
  /** The group through which it came to this address. */
  expanded: z.string().nullable(),
  /** The address to which it was written before it was forwarded. */
  forwarded: z.string().nullable(),
});

/** The envelope that a journal keeps of a mail: who it really came from and went to, Bcc and groups included. */
export const journalEnvelope = z.object({
  sender: z.string().nullable(),
  on_behalf_of: z.string().nullable(),
  /** As the report repeats them. */
  message_id: z.string().nullable(),
  subject: z.string().nullable(),
  recipients: z.array(journalRecipient),
  /** True where a limit cut `recipients`. */
  truncated: z.boolean(),
});
export type JournalEnvelope = z.infer<typeof journalEnvelope>;

/** @param about what `data` tells beside the account and the mail itself */
const eventAbout = <T extends z.ZodRawShape>(about: T) =>
  z.object({
    type: z.literal('message.received'),
    /** When the message arrived at its mailbox. */
    timestamp: z.string(),
    routing: z.object({
      /** The same however often the event is sent or handed out. */
      event_id: z.string(),
      /** Epoch milliseconds, as `timestamp`. */
      event_time: z.number().int(),
      event_type: z.literal('message.received'),
      /** The mail server it came from. */
      hostname: z.string(),
      tags: z.array(z.string()),
    }),
    data: z.object({
      account: z.object({ id: z.string(), label: z.string(), address: z.string() }),
      ...about,
      /** Where `journal` is asked for and the message is a journal's report: its envelope; `message` is the mail inside. */
      journal: journalEnvelope.extend({ report_message_id: z.string().nullable() }).nullable(),
      message: z.object({
        /** Postern's id (`msg_…`); null where no watcher has seen the message. */
        id: z.string().nullable(),
        thread_id: z.string().nullable(),
        ...mailHead,
        /** ISO 8601, UTC; the arrival where the mail has no date of its own. */
        date: z.string(),
        size: z.number().int(),
        kind: mailKind,
        trust,
        text: z.string(),
        reply_text: z.string(),
        html: z.string().nullable(),
        /** What was hidden from whoever reads the mail, and how. */
        hidden: hiddenNote.nullable(),
        /** The files inside of a winmail.dat, which is one of `parts` and has the hashes. */
        unpacked: z.array(unpackedFile),
        /** True where a limit cut the text or the headers, or the structure of the mail could not be read. */
        truncated: z.boolean(),
        headers: mailHeaders,
        parts: z.array(eventPart),
      }),
    }),
  });

/** The body of a `json` delivery; its event id is the `webhook-id` of every attempt. */
export const postedEvent = eventAbout({ rule: z.string(), destination: z.string() });
export type PostedEvent = z.infer<typeof postedEvent>;

/** What the mailbox source hands out with `content: event`; its event id goes with the position. */
export const sourcedEvent = eventAbout({
  /** The consumer's name. */
  source: z.string(),
  mailbox: z.string(),
  uid: z.number().int(),
  uid_validity: z.number().int(),
});
export type SourcedEvent = z.infer<typeof sourcedEvent>;
