// The connector operations: what is asked of an account's mailboxes over every door, and what comes back.
import { z } from 'zod';
import { address, mailHeaders } from './mail.ts';

/** A mailbox by its path, as `list_mailboxes` shows it. */
export const mailboxPath = z
  .string()
  .min(1)
  .max(1000)
  .refine((path) => !/\p{Cc}/u.test(path), 'a mailbox has no control characters in its name');

const UINT32 = 4_294_967_295;
export const uid = z.coerce.number().int().min(1).max(UINT32);
/** UIDs mean something only together with the UIDVALIDITY under which they were read (RFC 9051 §2.3.1.1). */
export const uidValidity = z.coerce.number().int().min(1).max(UINT32);

const MAX_TERM_CHARS = 1000; // a line of RFC 5322; servers cut longer ones
const MAX_LIST = 50;

const term = z
  .string()
  .min(1)
  .max(MAX_TERM_CHARS)
  .refine((text) => !/[\0\r\n]/.test(text), 'write one line');

/** A day without a time: IMAP searches know no hours (RFC 9051 §6.4.4). */
const day = z.iso.date();

/** A keyword or a system flag such as `\Seen` (RFC 9051 §2.3.2). */
export const flag = z
  .string()
  .max(200)
  .regex(/^\\?[!#$&'+,\-./0-9:;<=>?@A-Z[^_`a-z|}~]+$/, 'write \\Seen or a keyword such as $Label1');
const keyword = flag.refine((name) => !name.startsWith('\\'), 'a keyword has no backslash');

export interface SearchCriteria {
  from?: string | undefined;
  to?: string | undefined;
  cc?: string | undefined;
  bcc?: string | undefined;
  subject?: string | undefined;
  body?: string | undefined;
  text?: string | undefined;
  message_id?: string | undefined;
  header?: { name: string; value?: string | undefined }[] | undefined;
  since?: string | undefined;
  before?: string | undefined;
  on?: string | undefined;
  sent_since?: string | undefined;
  sent_before?: string | undefined;
  sent_on?: string | undefined;
  larger?: number | undefined;
  smaller?: number | undefined;
  seen?: boolean | undefined;
  answered?: boolean | undefined;
  flagged?: boolean | undefined;
  draft?: boolean | undefined;
  deleted?: boolean | undefined;
  keyword?: string[] | undefined;
  unkeyword?: string[] | undefined;
  uid?: string | undefined;
  modseq?: number | undefined;
  gmail_raw?: string | undefined;
  and?: SearchCriteria[] | undefined;
  or?: SearchCriteria[] | undefined;
  not?: SearchCriteria | undefined;
}

/** All that are given must hold. Texts are found inside of what they are held against, whatever the case. */
export const searchCriteria: z.ZodType<SearchCriteria> = z.strictObject({
  from: term.optional(),
  to: term.optional(),
  cc: term.optional(),
  bcc: term.optional(),
  subject: term.optional(),
  /** In the text of the message. */
  body: term.optional(),
  /** In the headers or the text. */
  text: term.optional(),
  message_id: term.optional(),
  /** Each has to be there; without a value it only has to be there. */
  header: z
    .array(z.strictObject({ name: z.string().regex(/^[!-9;-~]{1,100}$/), value: term.optional() }))
    .max(MAX_LIST)
    .optional(),
  /** When the message came to the mailbox. `since` includes its day, `before` does not. */
  since: day.optional(),
  before: day.optional(),
  on: day.optional(),
  /** What the Date header says. */
  sent_since: day.optional(),
  sent_before: day.optional(),
  sent_on: day.optional(),
  /** Octets. */
  larger: z.number().int().min(0).max(UINT32).optional(),
  smaller: z.number().int().min(0).max(UINT32).optional(),
  seen: z.boolean().optional(),
  answered: z.boolean().optional(),
  flagged: z.boolean().optional(),
  draft: z.boolean().optional(),
  deleted: z.boolean().optional(),
  keyword: z.array(keyword).max(MAX_LIST).optional(),
  unkeyword: z.array(keyword).max(MAX_LIST).optional(),
  /** UIDs and ranges of them, such as `1:100,205,300:*`. */
  uid: z
    .string()
    .max(10_000)
    .regex(/^(\d{1,10}|\*)(:(\d{1,10}|\*))?(,(\d{1,10}|\*)(:(\d{1,10}|\*))?)*$/, 'write 1:100,205,300:*')
    .optional(),
  /** Changed at or after this modification sequence (RFC 7162), where the server has CONDSTORE. */
  modseq: z.number().int().min(0).optional(),
  /** A search as Gmail's own search field takes it, where the server is Gmail. */
  gmail_raw: term.optional(),
  get and() {
    return z.array(searchCriteria).min(1).max(MAX_LIST).optional();
  },
  get or() {
    return z.array(searchCriteria).min(1).max(MAX_LIST).optional();
  },
  get not() {
    return searchCriteria.optional();
  },
});

export const searchOrder = z.enum(['newest', 'oldest']);

export const mailboxView = z.object({
  path: z.string(),
  name: z.string(),
  /** Between the levels of a path; null where the server has no levels. */
  delimiter: z.string().nullable(),
  /** Such as `\Sent` (RFC 6154), or null. */
  special_use: z.string().nullable(),
  /** `server`: the server says so. `name`: guessed from the name. Null without a special use. */
  special_use_source: z.enum(['server', 'name']).nullable(),
  flags: z.array(z.string()),
  subscribed: z.boolean(),
  /** False: it only holds other mailboxes. */
  selectable: z.boolean(),
  /** Counts are null where they were not asked for or cannot be had. */
  messages: z.number().int().nullable(),
  unseen: z.number().int().nullable(),
  uid_next: z.number().int().nullable(),
  uid_validity: z.number().int().nullable(),
  /** A decimal number of up to 63 bits, as text (RFC 7162). */
  highest_modseq: z.string().nullable(),
});
export type MailboxView = z.infer<typeof mailboxView>;

const attachment = z.object({
  /** The IMAP section number, such as `2.1`. */
  part: z.string(),
  filename: z.string(),
  content_type: z.string(),
  /** Octets, estimated from the transfer size. */
  size: z.number().int(),
  content_id: z.string().nullable(),
  inline: z.boolean(),
});

/** A message as a search shows it. */
export const messageRow = z.object({
  /** Postern's id (`msg_…`) where the watcher has seen the message, else null. */
  id: z.string().nullable(),
  mailbox: z.string(),
  uid: z.number().int(),
  uid_validity: z.number().int(),
  flags: z.array(z.string()),
  /** When it came to the mailbox: ISO 8601, UTC. */
  internal_date: z.string(),
  /** What its Date header says: ISO 8601, UTC; null where that is missing or unreadable. */
  date: z.string().nullable(),
  size: z.number().int(),
  message_id: z.string().nullable(),
  in_reply_to: z.string().nullable(),
  subject: z.string(),
  from: address.nullable(),
  reply_to: z.array(address),
  to: z.array(address),
  cc: z.array(address),
  attachments: z.array(attachment),
});
export type MessageRow = z.infer<typeof messageRow>;

export const fetchedMessage = messageRow.extend({
  references: z.array(z.string()),
  headers: mailHeaders,
  /** The content is there where it was asked for; else null. */
  text: z.string().nullable(),
  reply_text: z.string().nullable(),
  html: z.string().nullable(),
  raw_base64: z.string().nullable(),
  /** True where a limit cut what was asked for. */
  truncated: z.boolean(),
});
export type FetchedMessageView = z.infer<typeof fetchedMessage>;

/** The name of a stored query. */
export const queryName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'use letters, digits, dots, hyphens and underscores');

/** What a stored query asks. */
export const storedSearch = z.strictObject({
  mailbox: mailboxPath.default('INBOX'),
  criteria: searchCriteria.default({}),
  order: searchOrder.default('newest'),
});
export type StoredSearch = z.infer<typeof storedSearch>;

export const storedQuery = storedSearch.extend({
  id: z.string(),
  account_id: z.string(),
  name: z.string(),
  created_at: z.number().int(),
  updated_at: z.number().int(),
});
export type StoredQuery = z.infer<typeof storedQuery>;

export const auditEntry = z.object({
  id: z.string(),
  at: z.number().int(),
  /** Who asked, such as `key:admin`. */
  principal: z.string(),
  operation: z.string(),
  /** What it was about: an account, its mailbox and the UID. Never content. */
  target: z.string(),
  /** A change has two entries of one request: `begun`, and how it ended. */
  outcome: z.enum(['begun', 'ok', 'failed']),
  /** Why it failed, as a stable code. */
  code: z.string().nullable(),
  request_id: z.string(),
});
export type AuditEntry = z.infer<typeof auditEntry>;
