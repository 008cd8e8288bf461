// What an agent asks of the gateway while its turn runs, and what it is told: the words that its tools take. From, the
// subject of a reply and the threading are the gateway's, and stand in none of them.
import { z } from 'zod';
import { contentId, mediaType } from './object.ts';
import { recipientList } from './session.ts';
import { languageTag, templateData } from './template.ts';
import { templateName } from './template-name.ts';

const TEXT_CHARS = 1_000_000; // more than any person reads in a mail
const MOST_FILES = 50;

const id = z.string().min(1).max(100);
const oneLine = z
  .string()
  .max(998)
  .regex(/^[^\r\n]*$/, 'write one line');

/** A file to attach: its content, one that was uploaded before, or one that came with a mail of the conversation. */
export const callAttachment = z
  .strictObject({
    filename: z.string().min(1).max(255).optional(),
    content_type: mediaType.optional(),
    content_base64: z.base64().optional().describe('The content; with filename.'),
    object_id: id.optional().describe('A file that this session uploaded: obj_…'),
    attachment_id: id.optional().describe('A file that came with a mail: att_…'),
    content_id: contentId.optional().describe('A picture that the HTML shows by <img src="cid:…">.'),
  })
  .refine(
    ({ content_base64, object_id, attachment_id }) =>
      [content_base64, object_id, attachment_id].filter((source) => source !== undefined).length === 1,
    { message: 'give one of content_base64 (with filename), object_id and attachment_id' },
  )
  .refine((file) => file.content_base64 === undefined || file.filename !== undefined, {
    message: 'give a filename with content_base64',
  });
export type CallAttachment = z.infer<typeof callAttachment>;

const words = {
  text: z.string().max(TEXT_CHARS).optional().describe('The plain text.'),
  html: z
    .string()
    .max(TEXT_CHARS)
    .optional()
    .describe('The HTML; its text is made of it where none is given.'),
  attachments: z.array(callAttachment).max(MOST_FILES).optional(),
};

const answers = {
  reply_to: recipientList
    .max(10)
    .optional()
    .describe('Where answers are to go, where the policy of the agent names that.'),
};

const envelope = {
  to: recipientList.min(1),
  cc: recipientList.optional(),
  bcc: recipientList.optional(),
};

/** The words of a reply: whom it goes to, its subject and its threading follow from the mail that is answered. */
export const replyCall = z.strictObject({
  ...words,
  ...answers,
  all: z
    .boolean()
    .optional()
    .describe('To everybody whom the mail went to as well; else to its sender alone.'),
  quote: z.boolean().optional().describe('Whether the mail stands below; true where nothing is said.'),
});
export type ReplyCall = z.infer<typeof replyCall>;

/** Instead of text and html, where the policy of the agent names the template. */
const byTemplate = {
  template: templateName.optional().describe('A template that writes the mail instead of text and html.'),
  data: templateData.optional().describe('What the template is filled with.'),
  language: languageTag.optional().describe('Which of its languages is taken: de, fr-CH.'),
};

function demandTemplate(
  call: { template?: unknown; data?: unknown; language?: unknown; text?: unknown; html?: unknown },
  refuse: (path: string, message: string) => void,
): void {
  const [others, why] =
    call.template === undefined
      ? [{ data: call.data, language: call.language }, 'is for a template, and none is named']
      : [{ text: call.text, html: call.html }, 'is made from the template: give the one or the other'];
  for (const [path, value] of Object.entries(others)) if (value !== undefined) refuse(path, why);
}

export const sendCall = z
  .strictObject({ ...envelope, subject: oneLine, ...words, ...answers, ...byTemplate })
  .superRefine((call, context) =>
    demandTemplate(call, (path, message) => context.addIssue({ code: 'custom', path: [path], message })),
  );
export type SendCall = z.infer<typeof sendCall>;

export const forwardCall = z.strictObject({
  to: recipientList.min(1),
  cc: recipientList.optional(),
  bcc: recipientList.optional(),
  note: z.string().min(1).max(10_000).optional().describe('What stands above the forwarded mail.'),
  attachments: z.boolean().default(true).describe('Whether its files go along.'),
});
export type ForwardCall = z.infer<typeof forwardCall>;

/** A draft: a new mail where it says whom it goes to, and else a reply. */
export const draftCall = z
  .strictObject({
    message_id: id.optional().describe('The mail that is answered; that of the turn where nothing is said.'),
    to: recipientList.min(1).optional(),
    cc: recipientList.optional(),
    bcc: recipientList.optional(),
    subject: oneLine.optional(),
    ...words,
    ...answers,
    ...byTemplate,
  })
  .superRefine((draft, context) => {
    const refuse = (path: string, message: string): void =>
      void context.addIssue({ code: 'custom', path: [path], message });
    demandTemplate(draft, refuse);
    if (draft.to) {
      if (draft.subject === undefined) refuse('subject', 'a new mail has a subject');
      if (draft.message_id !== undefined) refuse('message_id', 'a mail with `to` is a new one and no reply');
      return;
    }
    for (const field of ['cc', 'bcc', 'subject', 'template'] as const)
      if (draft[field] !== undefined) refuse(field, 'a reply has none of its own; give `to` for a new mail');
  });
export type DraftCall = z.infer<typeof draftCall>;

/** What an agent changes in a draft of its own; what is absent stays. */
export const draftChange = z.strictObject({
  to: recipientList.min(1).optional(),
  cc: recipientList.optional(),
  bcc: recipientList.optional(),
  subject: oneLine.optional(),
  ...words,
});
export type DraftChange = z.infer<typeof draftChange>;

export const mailOutcome = z.object({
  state: z
    .enum(['sent', 'waiting', 'refused'])
    .describe('sent: it is on its way. waiting: a person decides. refused: policy does not allow it.'),
  draft_id: z.string().nullable(),
  submission_id: z.string().nullable(),
  /** Why a person is asked, or why it is refused. */
  reasons: z.array(z.string()),
});

/** What became of a call that changes the mailbox or the session. */
export const callOutcome = z.object({
  state: z.enum(['done', 'refused']).describe('done: it is taken on. refused: policy does not allow it.'),
  reasons: z.array(z.string()),
});
export type CallOutcome = z.infer<typeof callOutcome>;
