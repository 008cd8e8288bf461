// What a session is given, and what it may answer: the contract with people who write agents.
import { z } from 'zod';
import { invitation } from './calendar.ts';
import { attachmentView, hiddenSummary, mailHead, mailHeaders, mailKind, trust } from './mail.ts';
import { contentId } from './object.ts';

export const sessionState = z.enum([
  'queued',
  'running',
  'waiting-for-approval',
  'waiting-for-answer',
  'waiting-for-reply',
  'done',
  'failed',
  'cancelled',
  'expired',
]);
export type SessionState = z.infer<typeof sessionState>;

export const sessionView = z.object({
  id: z.string(),
  account_id: z.string(),
  agent: z.string(),
  rule: z.string(),
  thread_id: z.string(),
  /** The message that started the session. */
  message_id: z.string(),
  state: sessionState,
  turns: z.number().int(),
  summary: z.string().nullable(),
  /** What the agent asked a person, while it waits for the answer. */
  question: z.string().nullable(),
  error: z.string().nullable(),
  /** What its turns cost so far, by the prices of its agent's model; 0 where none are known. */
  cost: z.number(),
  created_at: z.number().int(),
  updated_at: z.number().int(),
});
export type SessionView = z.infer<typeof sessionView>;

export const turnView = z.object({
  id: z.string(),
  number: z.number().int(),
  /** `wake`: nobody answered by the time that the agent named. */
  cause: z.enum(['message', 'feedback', 'answer', 'wake']),
  message_id: z.string().nullable(),
  state: z.enum(['queued', 'running', 'done', 'failed', 'refused']),
  error: z.string().nullable(),
  /** What was asked and refused, with the reason. */
  refusals: z.array(
    z.object({
      action: z.string(),
      reason: z.string(),
      /** The code of the policy's rule (docs/policy.md); absent for what no rule of it refused. */
      rule: z.string().optional(),
    }),
  ),
  /** The end of what the agent said beside its answer (stderr), for people; null where it said nothing. */
  log: z.string().nullable(),
  /** What its model used, in all attempts; null where no model was asked. */
  usage: z
    .object({
      steps: z.number().int(),
      input_tokens: z.number().int(),
      output_tokens: z.number().int(),
      cost: z.number(),
    })
    .nullable(),
  started_at: z.number().int().nullable(),
  ended_at: z.number().int().nullable(),
});
export type TurnView = z.infer<typeof turnView>;

const eventMessage = z.object({
  id: z.string(),
  thread_id: z.string(),
  ...mailHead,
  date: z.string(),
  kind: mailKind,
  text: z.string(),
  reply_text: z.string(),
  html: z.string().nullable(),
  truncated: z.boolean(),
  /** What was in the mail and is not in its text, because a reader would not have seen it: how much of which kind. */
  hidden: hiddenSummary.nullable(),
  /** BCP 47; `und` where that is not sure. */
  language: z.string(),
  /** What its text/calendar part says, where it has one that asks something. Every field is the sender's word. */
  invitation: invitation.nullable(),
  attachments: z.array(attachmentView.extend({ path: z.string().optional() })),
  headers: mailHeaders,
  trust,
});

export const sessionEvent = z.object({
  type: z.enum(['message.received', 'draft.rejected', 'question.answered', 'reply.overdue']),
  timestamp: z.string(),
  data: z.object({
    session: z.object({
      id: z.string(),
      agent: z.string(),
      turn: z.number().int(),
      api: z.string(),
      mcp: z.string(),
      token: z.string(),
    }),
    account: z.object({ id: z.string(), label: z.string(), address: z.string() }),
    rule: z.string(),
    message: eventMessage,
    /** The earlier mails of the thread, oldest first; bounded. */
    thread: z.array(
      eventMessage
        .pick({ id: true, message_id: true, from: true, to: true, subject: true, date: true })
        .extend({
          text: z.string().nullable(),
          /** Whether this gateway sent it. */
          own: z.boolean(),
        }),
    ),
    /** What the person wrote who rejected the draft or answered the question. */
    feedback: z.string().optional(),
    question: z.string().optional(),
    draft_id: z.string().optional(),
  }),
});
export type SessionEvent = z.infer<typeof sessionEvent>;

const TEXT_LIMIT = 1_000_000; // characters; more than any person reads in a mail
const oneLine = z
  .string()
  .max(998)
  .regex(/^[^\r\n]*$/, 'write one line');

/** A file to attach: its content, or (for a command) a path inside the session's working folder. */
export const actionAttachment = z
  .strictObject({
    filename: z.string().min(1).max(255).optional(),
    content_type: z
      .string()
      .max(255)
      .regex(/^[\w.+-]+\/[\w.+-]+$/)
      .optional(),
    content_base64: z.base64().optional(),
    path: z.string().min(1).max(1000).optional(),
    /** A picture that the HTML shows by `cid:` and this. */
    content_id: contentId.optional(),
  })
  .refine((file) => (file.content_base64 === undefined) !== (file.path === undefined), {
    message: 'give either content_base64 (with filename) or path',
  })
  .refine((file) => file.path !== undefined || file.filename !== undefined, {
    message: 'give a filename with content_base64',
  });
export type ActionAttachment = z.infer<typeof actionAttachment>;

export const recipientList = z.array(z.string().min(3).max(998)).max(500);

const body = {
  /** Where answers are to go, where the policy of the agent names that. */
  reply_to: recipientList.max(10).optional(),
  text: z.string().max(TEXT_LIMIT).optional(),
  html: z.string().max(TEXT_LIMIT).optional(),
  attachments: z.array(actionAttachment).max(50).optional(),
};

export const agentAction = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('reply'),
    /** To all whom the mail went to as well. */
    all: z.boolean().optional(),
    /** Whether the mail stands below; true where nothing is said. */
    quote: z.boolean().optional(),
    ...body,
  }),
  z.strictObject({
    type: z.literal('send'),
    to: recipientList.min(1),
    cc: recipientList.optional(),
    bcc: recipientList.optional(),
    subject: oneLine,
    ...body,
  }),
  z.strictObject({ type: z.literal('label'), label: z.string().min(1).max(200) }),
  z.strictObject({ type: z.literal('move'), mailbox: z.string().min(1).max(1000) }),
  z.strictObject({ type: z.literal('ask'), question: z.string().min(1).max(10_000) }),
  z.strictObject({ type: z.literal('wait'), until: z.iso.datetime({ offset: true }) }),
  z.strictObject({ type: z.literal('done'), summary: z.string().max(10_000).optional() }),
]);
export type AgentAction = z.infer<typeof agentAction>;

/** What an agent may print to stdout, or answer to the webhook. */
export const agentAnswer = z.object({ actions: z.array(agentAction).max(50) });
export type AgentAnswer = z.infer<typeof agentAnswer>;
