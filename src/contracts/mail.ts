// The shapes in which a mail is spoken of everywhere: what was seen of it over IMAP, and what people and agents read.
import { z } from 'zod';
import { invitation } from './calendar.ts';

export const address = z.object({
  /** The display name, decoded; empty when there is none. */
  name: z.string(),
  /** The addr-spec as it stands in the mail, such as `anna@example.org`. */
  address: z.string(),
});
export type Address = z.infer<typeof address>;

/** A leaf of the MIME tree, read from BODYSTRUCTURE or from the raw message. */
export const mailPart = z.object({
  /** The IMAP section number, such as `1` or `2.1`. */
  path: z.string(),
  /** The media type in lower case without parameters, such as `text/plain`. */
  type: z.string(),
  charset: z.string().nullable(),
  /** The Content-Transfer-Encoding in lower case. */
  encoding: z.string(),
  /** Octets as transferred, that is before decoding. */
  size: z.number().int().nonnegative(),
  disposition: z.enum(['inline', 'attachment']).nullable(),
  filename: z.string().nullable(),
  /** The Content-ID without angle brackets. */
  content_id: z.string().nullable(),
  /** format=flowed and delsp (RFC 3676), where the part says so. */
  flowed: z.boolean(),
  delsp: z.boolean(),
  /** Of text/calendar: what the invitation asks, in upper case, such as `REQUEST` (RFC 6047 §2.4). */
  method: z.string().optional(),
});
export type MailPart = z.infer<typeof mailPart>;

/** Every header as a list under its lower-case name, in order of arrival, unfolded and decoded. */
export const mailHeaders = z.record(z.string(), z.array(z.string()));
export type MailHeaders = z.infer<typeof mailHeaders>;

/** All that is known of a mail before any of its body was read. */
export const mailMetadata = z.object({
  /** With angle brackets; null when the mail has none. */
  message_id: z.string().nullable(),
  in_reply_to: z.string().nullable(),
  /** Message-IDs with angle brackets, oldest first. */
  references: z.array(z.string()),
  /** The Date header in epoch milliseconds; null when missing or unreadable. */
  date: z.number().int().nullable(),
  subject: z.string(),
  from: address.nullable(),
  sender: address.nullable(),
  reply_to: z.array(address),
  to: z.array(address),
  cc: z.array(address),
  headers: mailHeaders,
  parts: z.array(mailPart),
  /** RFC822.SIZE, in octets. */
  size: z.number().int().nonnegative(),
});
export type MailMetadata = z.infer<typeof mailMetadata>;

/**
 * What a mail is by the standards that let one tell (RFC 3834, RFC 3464, RFC 5965, RFC 8098, RFC 2919, RFC 6047). `own` mail
 * starts no session; `bounce`, `complaint`, `receipt`, `auto-reply`, `invitation` and `list` mail starts one where a rule
 * asks for the kind by its name. Only `personal` mail, and an `invitation` that a person has sent, may be answered.
 */
export const mailKind = z.enum([
  'personal',
  'auto-generated',
  'auto-reply',
  'invitation',
  'list',
  'bulk',
  'bounce',
  'complaint',
  'receipt',
  'own',
]);
export type MailKind = z.infer<typeof mailKind>;

/** What warns a reader of a mail, whoever it is proved to be from: rules and policy may look at it. */
export const trustFlag = z.enum([
  /** The display name shows another address than the mail is from. */
  'name-shows-address',
  /** Reply-To is in another domain than From. */
  'reply-to-elsewhere',
  /** A name or a domain mixes scripts. */
  'mixed-scripts',
  /** The address looks like that of somebody known, and is another. */
  'lookalike',
  /** The display name is that of somebody known, and the address is another. */
  'name-of-another',
  /** There are several From headers, or several addresses in one. */
  'several-from',
]);
export type TrustFlag = z.infer<typeof trustFlag>;

export const trust = z.object({
  level: z.enum(['verified', 'asserted', 'unverified']),
  /** The verdict of each check, such as `pass`, `fail`, `none`. */
  dkim: z.string(),
  spf: z.string(),
  dmarc: z.string(),
  arc: z.string().default('none'),
  /** Why the level is what it is, in words. */
  reason: z.string(),
  /** What warns of it. A mail can be proved to be from whom it names, and that one look like somebody else. */
  flags: z.array(trustFlag).default([]),
  /**
   * Whether its signatures were checked here, over the whole message, or are not to be checked for good; else level and
   * verdicts are what a server asserts. They are checked once a rule or a policy hangs on it.
   */
  checked: z.boolean().default(false),
});
export type Trust = z.infer<typeof trust>;

export const attachmentView = z.object({
  id: z.string(),
  filename: z.string(),
  content_type: z.string(),
  /** Octets; an estimate from the transfer size until the attachment was fetched. */
  size: z.number().int().nonnegative(),
  content_id: z.string().nullable(),
  inline: z.boolean(),
});
export type AttachmentView = z.infer<typeof attachmentView>;

/**
 * How text was hidden from whoever reads the mail: by a style (`display`, `visibility`, `opacity`, `font-size`, `color` like
 * the background, `off-screen`, `clipped` to nothing), by an `attribute`, in a `comment`, for all but `outlook`, in an
 * `element` that mail programs leave out; or by characters that show nothing or turn the order of others.
 */
export const hiddenKind = z.enum([
  'display',
  'visibility',
  'opacity',
  'font-size',
  'color',
  'off-screen',
  'clipped',
  'attribute',
  'comment',
  'outlook',
  'element',
  'zero-width',
  'bidi',
  'tag-characters',
  'variation-selectors',
  'control',
]);
export type HiddenKind = z.infer<typeof hiddenKind>;

/** What was in a mail and is not in its text, because a reader would not have seen it. */
export const hiddenSummary = z.object({
  /** Of all kinds, without spaces. */
  characters: z.number().int(),
  kinds: z.array(z.object({ kind: hiddenKind, characters: z.number().int() })),
});
export type HiddenSummary = z.infer<typeof hiddenSummary>;

/** The same with the beginning of what was hidden. Never to be mixed into the text: it was not meant for the reader. */
export const hiddenNote = hiddenSummary.extend({ text: z.string() });
export type HiddenNote = z.infer<typeof hiddenNote>;

/** A file inside of a winmail.dat, in which Outlook wraps a mail's attachments (TNEF). */
export const unpackedFile = z.object({
  /** That of the part, and the file's place in it, such as `2-t1`. */
  path: z.string(),
  filename: z.string(),
  content_type: z.string(),
  size: z.number().int().nonnegative(),
  content_id: z.string().nullable(),
});
export type UnpackedFile = z.infer<typeof unpackedFile>;

/** What the text parts of a mail say. */
export const mailContent = z.object({
  text: z.string(),
  /** What its sender wrote: lines of `text`, without quotes and signatures. `text` always holds all of it. */
  reply_text: z.string(),
  html: z.string().nullable(),
  /** True where a limit cut `text` or `html`. */
  truncated: z.boolean(),
  /** What a reader would not have seen; null where that is nothing, or was not looked at. */
  hidden: hiddenNote.nullable(),
  /** BCP 47, of the text without what it quotes; `und` where that is not sure. */
  language: z.string(),
  /** What its text/calendar part says, where it has one that asks something. */
  invitation: invitation.nullable(),
  /** What its winmail.dat holds, where it has one that could be opened. */
  unpacked: z.array(unpackedFile),
});
export type MailContent = z.infer<typeof mailContent>;

/** What a message says of itself in its head, wherever one is shown. */
export const mailHead = {
  message_id: z.string().nullable(),
  from: address.nullable(),
  reply_to: z.array(address),
  to: z.array(address),
  cc: z.array(address),
  subject: z.string(),
};

export const messageView = z.object({
  id: z.string(),
  account_id: z.string(),
  thread_id: z.string(),
  mailbox: z.string(),
  uid: z.number().int(),
  /** The IMAP flags it has there, as last seen. */
  flags: z.array(z.string()),
  /** True where it is not there any more, and was not seen in another watched mailbox. */
  gone: z.boolean(),
  ...mailHead,
  /** ISO 8601, UTC; the arrival where the mail has no date of its own. */
  date: z.string(),
  size: z.number().int(),
  kind: mailKind,
  trust,
  attachments: z.array(attachmentView),
  /** What the rules made of it; empty when none matched. */
  decisions: z.array(
    z.object({
      rule: z.string(),
      /** The actions, as the rule had them. */
      actions: z.array(z.record(z.string(), z.unknown())),
      /** Why no session was started although the rule says so; null when nothing was held back. */
      suppressed: z.string().nullable(),
      at: z.number().int(),
    }),
  ),
});
export type MessageView = z.infer<typeof messageView>;

export const messageDetail = messageView.extend({
  headers: mailHeaders,
  text: z.string(),
  reply_text: z.string(),
  html: z.string().nullable(),
  truncated: z.boolean(),
  hidden: hiddenNote.nullable(),
  language: z.string(),
  /** What its text/calendar part says, where it has one that asks something. */
  invitation: invitation.nullable(),
});
export type MessageDetail = z.infer<typeof messageDetail>;
