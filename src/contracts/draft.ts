// Drafts that wait for a person, and submissions on their way over SMTP.
import { z } from 'zod';
import { address } from './mail.ts';
import { contentId, mediaType } from './object.ts';
import { eventInput, outgoingEvent } from './outgoing-event.ts';
import { recipientList } from './session.ts';
import { languageTag, templateData, timezone } from './template.ts';
import { templateName } from './template-name.ts';

/** `sha256:` and 64 hexadecimal digits, over the envelope and the bytes of the message. */
export const digest = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/, 'write the whole digest: sha256: and 64 digits');

export const draftState = z.enum(['waiting', 'approved', 'rejected', 'superseded', 'withdrawn']);
export type DraftState = z.infer<typeof draftState>;

export const draftAttachment = z.object({
  object_id: z.string(),
  filename: z.string(),
  content_type: z.string(),
  size: z.number().int(),
  sha256: z.string(),
  /** Without angle brackets: by `cid:` and this the HTML shows it. */
  content_id: z.string().nullable().optional(),
  /** An inline file that the HTML does not show is attached. Absent: attached. */
  disposition: z.enum(['attachment', 'inline']).optional(),
});
export type DraftAttachment = z.infer<typeof draftAttachment>;

/** A file that a mail links to, and how long it can be fetched, in epoch milliseconds. */
export const fileLink = z.object({
  link_id: z.string(),
  url: z.string(),
  filename: z.string(),
  size: z.number().int(),
  expires_at: z.number().int().nullable(),
  /** The file itself, as it would be attached. */
  object_id: z.string(),
  content_type: z.string(),
  sha256: z.string(),
});
export type FileLink = z.infer<typeof fileLink>;

/** Everything that a mail says, before it becomes bytes. */
export const draftContent = z.object({
  from: address,
  to: z.array(address),
  cc: z.array(address),
  bcc: z.array(address),
  /** Where answers go; absent: to From. */
  reply_to: z.array(address).optional(),
  subject: z.string(),
  text: z.string(),
  html: z.string().nullable(),
  attachments: z.array(draftAttachment),
  in_reply_to: z.string().nullable(),
  references: z.array(z.string()),
  /** The Message-ID it will carry, with angle brackets; made by the gateway. */
  message_id: z.string(),
  /** RFC 3834: what an automatic answer says of itself; null for a mail that a person wrote. */
  auto_submitted: z.enum(['auto-replied', 'auto-generated']).nullable(),
  // What follows came later: absent from older drafts, whose bytes must stay what they are.
  /** An event that the mail invites to, calls off or answers. */
  calendar: outgoingEvent.optional(),
  /** How one leaves the list by one click (RFC 8058): a link of https, and an address where there is one. */
  list_unsubscribe: z.object({ https: z.string(), mailto: z.string().optional() }).optional(),
  /** RFC 2919, without angle brackets. */
  list_id: z.string().optional(),
  precedence: z.enum(['bulk', 'list']).optional(),
  /** MAIL FROM, where failures are to come back to another address than From, such as one of its own (VERP). */
  envelope_from: z.string().optional(),
  /** Files that are too large for a mail and go as links. */
  links: z.array(fileLink).optional(),
  /** BCP 47, of what the gateway itself writes into the mail. */
  language: z.string().optional(),
});
export type DraftContent = z.infer<typeof draftContent>;

export const draftView = draftContent.extend({
  id: z.string(),
  state: draftState,
  version: z.number().int(),
  digest,
  account_id: z.string(),
  session_id: z.string().nullable(),
  thread_id: z.string().nullable(),
  /** Why a person is asked. */
  reasons: z.array(z.string()),
  feedback: z.string().nullable(),
  decided_by: z.string().nullable(),
  submission_id: z.string().nullable(),
  created_at: z.number().int(),
  updated_at: z.number().int(),
});
export type DraftView = z.infer<typeof draftView>;

/** What a person may change in a draft; what is absent stays. */
export const draftEdit = z.strictObject({
  to: recipientList.min(1).optional(),
  cc: recipientList.optional(),
  bcc: recipientList.optional(),
  subject: z
    .string()
    .max(998)
    .regex(/^[^\r\n]*$/, 'write one line')
    .optional(),
  text: z.string().max(1_000_000).optional(),
  html: z.string().max(1_000_000).nullable().optional(),
});
export type DraftEdit = z.infer<typeof draftEdit>;

export const submissionState = z.enum([
  'queued',
  'sending',
  'sent',
  'failed',
  'unknown',
  'cancelled',
  'bounced',
  'complained',
]);
export type SubmissionState = z.infer<typeof submissionState>;

/** Who goes first of an account's mails: what a person let go, what policy let go, a broadcast. */
export const sendPriority = z.enum(['person', 'agent', 'bulk']);
export type SendPriority = z.infer<typeof sendPriority>;

/**
 * suppressed: on the suppression list when it was to be sent, and so never sent to. bounced, complained: by the report that
 * came back.
 */
export const recipientState = z.enum([
  ...(['queued', 'sent', 'failed', 'unknown', 'cancelled', 'suppressed', 'bounced', 'complained'] as const),
]);
export type RecipientState = z.infer<typeof recipientState>;

/**
 * A file of an operator's mail: its content, the id of an uploaded object, or that of a received mail's attachment. A path
 * would name a file of the gateway, which no client may read.
 */
export const submissionAttachment = z
  .strictObject({
    filename: z.string().min(1).max(255).optional(),
    content_type: mediaType.optional(),
    content_base64: z.base64().optional(),
    object_id: z.string().max(100).optional(),
    attachment_id: z.string().max(200).optional(),
    /** A picture that the HTML shows by `cid:` and this. */
    content_id: contentId.optional(),
  })
  .refine(
    ({ content_base64, object_id, attachment_id }) =>
      [content_base64, object_id, attachment_id].filter((source) => source !== undefined).length === 1,
    { message: 'give one of content_base64 (with filename), object_id and attachment_id' },
  )
  .refine((file) => file.content_base64 === undefined || file.filename !== undefined, {
    message: 'give a filename with content_base64',
  });
export type SubmissionAttachment = z.infer<typeof submissionAttachment>;

/** Pictures may stand in it as data: URIs: they become files beside it. */
const writtenHtml = z.string().max(16_000_000);

export const submissionInput = z
  .strictObject({
    /** The account's id or label. */
    account: z.string().min(1),
    to: recipientList.min(1),
    cc: recipientList.optional(),
    bcc: recipientList.optional(),
    /** Absent with a template: the one that it has. */
    subject: z
      .string()
      .max(998)
      .regex(/^[^\r\n]*$/, 'write one line')
      .optional(),
    text: z.string().max(1_000_000).optional(),
    html: writtenHtml.optional(),
    /** Instead of text and html: the template that the mail is made from, and what it is filled with. */
    template: templateName.optional(),
    data: templateData.optional(),
    /** The recipient's: which of a template's languages is taken. Without one: that of the text. */
    language: languageTag.optional(),
    /** Of the dates that a template writes, such as `Europe/Zurich`. */
    timezone: timezone.optional(),
    attachments: z.array(submissionAttachment).max(50).optional(),
    reply_to: recipientList.max(10).optional(),
    /** An event that the mail invites to, calls off or answers. */
    calendar: eventInput.optional(),
    /** Leaves no sooner: a time with its zone, such as `2026-11-30T08:00:00+01:00`. One that is over means at once. */
    send_at: z.iso
      .datetime({ offset: true, error: 'write a time with its offset, such as 2026-11-24T09:00:00+01:00' })
      .optional(),
    /** `bulk`: behind all other mail of the account, as one of very many. */
    priority: z.enum(['person', 'bulk']).optional(),
  })
  .superRefine(({ subject, text, html, template, data, timezone }, context) => {
    const refuse = (path: string, message: string): void =>
      void context.addIssue({ code: 'custom', path: [path], message });
    if (template === undefined) {
      if (subject === undefined) refuse('subject', 'write a subject, or name a template that has one');
      if (data !== undefined) refuse('data', 'is for a template, and none is named');
      if (timezone !== undefined) refuse('timezone', 'is for a template, and none is named');
    } else {
      for (const [path, body] of Object.entries({ text, html }))
        if (body !== undefined) refuse(path, 'is made from the template: give the one or the other');
    }
  });
export type SubmissionInput = z.infer<typeof submissionInput>;

const recipientFate = z.object({
  address: z.string(),
  state: recipientState,
  /** The words of the server, or of Postern where it says nothing. */
  response: z.string().nullable(),
});

export const submissionAttempt = z.object({
  /** 1 is the first. */
  number: z.number().int(),
  /** When it ended, epoch milliseconds. */
  at: z.number().int(),
  /** False: the server was not reached. */
  connected: z.boolean(),
  /** Those whom it was made for; of very many the first ones. */
  recipients: z.array(recipientFate),
});
export type SubmissionAttempt = z.infer<typeof submissionAttempt>;

export const submissionView = z.object({
  id: z.string(),
  state: submissionState,
  account_id: z.string(),
  draft_id: z.string(),
  session_id: z.string().nullable(),
  message_id: z.string(),
  from: z.string(),
  subject: z.string(),
  digest,
  priority: sendPriority,
  broadcast_id: z.string().nullable(),
  /** It leaves no sooner, epoch milliseconds; until then it can be cancelled in any case. */
  send_at: z.number().int().nullable(),
  attempts: z.number().int(),
  next_attempt_at: z.number().int().nullable(),
  /** Why it waits although nothing is wrong with it, as a sentence. */
  waits_for: z.string().nullable(),
  last_error: z.string().nullable(),
  approved_by: z.string(),
  recipients: z.array(recipientFate),
  /** The attempts that were made, the first one first. */
  attempt_log: z.array(submissionAttempt),
  created_at: z.number().int(),
  sent_at: z.number().int().nullable(),
});
export type SubmissionView = z.infer<typeof submissionView>;
