// Labels, flags and folders of messages: an operator changes any, a session those of its thread as its policy allows. The
// change is made at the IMAP server in its turn.
import { z } from 'zod';
import { type CallOutcome, callOutcome } from '../../contracts/agent-call.ts';
import type { Verb } from '../../drafts/verbs.ts';
import { notFound } from '../../kernel/errors.ts';
import { demandThread } from '../access.ts';
import { type Context, defineOperation, type Operation } from '../registry.ts';
import { callerOf } from './agent-mail.ts';

const id = z.string().max(100);
/** A keyword of IMAP (RFC 3501 §9 flag-keyword), or a system flag, which policy has its own word about. */
const label = z
  .string()
  .min(1)
  .max(200)
  .refine((text) => !/\p{C}/u.test(text), 'a label has no control characters');
const mailbox = z
  .string()
  .min(1)
  .max(1000)
  .refine((text) => !/\p{C}/u.test(text), 'the name of a folder has no control characters');

type ChangeVerb = Extract<Verb, { type: 'label' | 'unlabel' | 'mark' | 'move' }>;

/** @throws PosternError `not_found` */
async function change(context: Context, messageId: string, verb: ChangeVerb): Promise<CallOutcome> {
  const { rooms, principal } = context;
  const message = await rooms.messages.get(messageId);
  demandThread(principal, message, 'message', messageId);
  // Where its policy lets it read all mail of its account, it changes that of its own conversation all the same.
  if (principal.kind === 'session' && message.thread_id !== principal.threadId)
    throw notFound('message', messageId);
  if (principal.kind === 'session') return rooms.calls.do(callerOf(context), verb, messageId);
  await rooms.calls.change(message.account_id, messageId, verb);
  return { state: 'done', reasons: [] };
}

export const messageChangeOperations: readonly Operation[] = [
  defineOperation({
    name: 'message.label',
    summary: 'Give a message a label (an IMAP keyword).',
    input: z.strictObject({ id, label }),
    output: callOutcome,
    permission: 'messages:organise',
    effects: 'write',
    http: { method: 'POST', path: '/v1/messages/{id}/label' },
    cli: { words: ['message', 'label'], args: ['id', 'label'] },
    tool: { name: 'add_label', title: 'Add a label', suits: (may) => may.label },
    handler: (context, input) => change(context, input.id, { type: 'label', label: input.label }),
  }),
  defineOperation({
    name: 'message.unlabel',
    summary: 'Take a label (an IMAP keyword) from a message.',
    input: z.strictObject({ id, label }),
    output: callOutcome,
    permission: 'messages:organise',
    effects: 'write',
    http: { method: 'POST', path: '/v1/messages/{id}/unlabel' },
    cli: { words: ['message', 'unlabel'], args: ['id', 'label'] },
    tool: { name: 'remove_label', title: 'Remove a label', suits: (may) => may.label },
    handler: (context, input) => change(context, input.id, { type: 'unlabel', label: input.label }),
  }),
  defineOperation({
    name: 'message.mark',
    summary: 'Mark a message as read or unread, flagged or not.',
    input: z
      .strictObject({ id, seen: z.boolean().optional(), flagged: z.boolean().optional() })
      .refine(({ seen, flagged }) => seen !== undefined || flagged !== undefined, 'say seen or flagged'),
    output: callOutcome,
    permission: 'messages:organise',
    effects: 'write',
    http: { method: 'POST', path: '/v1/messages/{id}/mark' },
    cli: { words: ['message', 'mark'], args: ['id'] },
    tool: { name: 'mark_message', title: 'Mark a message', suits: (may) => may.label },
    handler: (context, { id: message, ...marks }) => change(context, message, { type: 'mark', ...marks }),
  }),
  defineOperation({
    name: 'message.move',
    summary: 'Move a message to another folder of its account.',
    input: z.strictObject({ id, mailbox }),
    output: callOutcome,
    permission: 'messages:organise',
    effects: 'write',
    http: { method: 'POST', path: '/v1/messages/{id}/move' },
    cli: { words: ['message', 'move'], args: ['id', 'mailbox'] },
    tool: {
      name: 'move_message',
      title: 'Move a message',
      description:
        'Move a message to another folder. Folders are allowed one by one; another one is refused.',
      suits: ({ move }) => move.length > 0,
    },
    handler: (context, input) => change(context, input.id, { type: 'move', mailbox: input.mailbox }),
  }),
];
