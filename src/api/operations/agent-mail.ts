// Mail that answers or passes on another one, and new mail of sessions. What an agent asks for while its turn runs, policy
// judges: it leaves, waits for a person or is refused, and the answer says why. What an operator writes leaves. From, the
// subject of a reply and the threading are the gateway's.
import { z } from 'zod';
import {
  draftCall,
  draftChange,
  forwardCall,
  mailOutcome,
  replyCall,
  sendCall,
} from '../../contracts/agent-call.ts';
import type { May } from '../../contracts/agent-policy.ts';
import type { Caller } from '../../drafts/calls.ts';
import type { Outcome } from '../../drafts/propose.ts';
import { reasonsForAgent } from '../../policy/rules.ts';
import { demandSession, demandThread, nameOf, reaches } from '../access.ts';
import { noteForeign } from '../reading.ts';
import { type Context, defineOperation, type Operation } from '../registry.ts';

const id = z.string().max(100);
const OUTCOME =
  'The answer says whether it is sent, waits for a person, or is refused, and why. A mail that waits is done with: do not send it again.';

/** @throws PosternError `session_needed` */
export function callerOf({ principal, signal }: Context): Caller {
  const session = demandSession(principal);
  return { session, name: nameOf(principal), reaches: (place) => reaches(principal, place), signal };
}

/**
 * The message that a mail is made of, where it is another than the turn's own: what stands in one of another conversation
 * leaves only through a person, whether the agent has looked at it or not.
 */
async function noteSource(context: Context, id: string | undefined): Promise<void> {
  if (id === undefined) return;
  const message = await context.rooms.messages.get(id);
  demandThread(context.principal, message, 'message', id);
  const { threadId } = demandSession(context.principal);
  await noteForeign(
    context,
    message.thread_id === threadId ? null : 'what it passes on of another conversation',
  );
}

/** What became of a mail, in the words that are for an agent. */
async function told(outcome: Promise<Outcome>): Promise<Outcome> {
  const { reasons, ...rest } = await outcome;
  return { ...rest, reasons: reasonsForAgent(reasons) };
}

const mayWrite = ({ reply }: May): boolean => reply !== 'never';

export const agentMailOperations: readonly Operation[] = [
  defineOperation({
    name: 'message.reply',
    summary:
      "Reply to a message. An operator's reply leaves; that of a session, to a message of its thread, is judged by policy.",
    input: replyCall.extend({ id }),
    output: mailOutcome,
    permission: 'mail:propose',
    effects: 'destructive',
    http: { method: 'POST', path: '/v1/messages/{id}/reply', largeBody: true },
    cli: { words: ['message', 'reply'], args: ['id'] },
    tool: {
      name: 'reply_to_message',
      title: 'Reply',
      description: `Reply to whom the message is from. Write your words alone: recipients, subject and the quote are set for you. ${OUTCOME}`,
      sessionOnly: true,
      suits: mayWrite,
    },
    idempotent: true,
    async handler(context, { id: message, ...call }) {
      if (context.principal.kind === 'key')
        return context.rooms.answers.reply(message, call, nameOf(context.principal));
      const caller = callerOf(context);
      await noteSource(context, message);
      return told(context.rooms.calls.reply(caller, call, message));
    },
  }),
  defineOperation({
    name: 'message.forward',
    summary:
      "Forward a message with its files. An operator's forward leaves; that of a session is judged by policy.",
    input: forwardCall.extend({ id }),
    output: mailOutcome,
    permission: 'mail:propose',
    effects: 'destructive',
    http: { method: 'POST', path: '/v1/messages/{id}/forward' },
    cli: { words: ['message', 'forward'], args: ['id'] },
    tool: {
      name: 'forward_message',
      title: 'Forward',
      description: `Forward a message, with its files unless you say otherwise. ${OUTCOME}`,
      sessionOnly: true,
      suits: mayWrite,
    },
    idempotent: true,
    async handler(context, { id: message, ...call }) {
      if (context.principal.kind === 'key')
        return context.rooms.answers.forward(message, call, nameOf(context.principal));
      const caller = callerOf(context);
      await noteSource(context, message);
      return told(context.rooms.calls.forward(caller, call, message));
    },
  }),
  defineOperation({
    name: 'message.send',
    summary: 'Ask for a new mail to be sent from the account of the session.',
    input: sendCall,
    output: mailOutcome,
    permission: 'mail:propose',
    effects: 'destructive',
    http: { method: 'POST', path: '/v1/messages', largeBody: true },
    tool: {
      name: 'send_message',
      title: 'Send a mail',
      description: `Send a new mail. To answer one, use reply_to_message. ${OUTCOME}`,
      sessionOnly: true,
      suits: mayWrite,
    },
    idempotent: true,
    handler: (context, call) => told(context.rooms.calls.send(callerOf(context), call)),
  }),
  defineOperation({
    name: 'draft.create',
    summary: 'Write a draft that waits for a person: a reply, or a new mail where it says whom it goes to.',
    input: draftCall,
    output: mailOutcome,
    permission: 'mail:propose',
    effects: 'write',
    http: { method: 'POST', path: '/v1/drafts', largeBody: true },
    tool: {
      name: 'create_draft',
      title: 'Write a draft',
      description:
        'Write a draft, which a person approves, changes or rejects: a reply to the mail of this turn, or a new mail ' +
        'where you give `to` and `subject`.',
      sessionOnly: true,
      suits: mayWrite,
    },
    idempotent: true,
    async handler(context, call) {
      const caller = callerOf(context);
      await noteSource(context, call.message_id);
      return told(context.rooms.calls.draft(caller, call));
    },
  }),
  defineOperation({
    name: 'draft.update',
    summary: 'Change a draft that this session wrote, while it waits and no person has edited it.',
    input: draftChange.extend({ id }),
    output: mailOutcome,
    permission: 'mail:propose',
    effects: 'write',
    http: { method: 'PATCH', path: '/v1/drafts/{id}', largeBody: true },
    tool: {
      name: 'update_draft',
      title: 'Change a draft',
      description:
        'Change a draft of your own that still waits: what you leave out stays. Of a reply the words and files alone.',
      sessionOnly: true,
      suits: mayWrite,
    },
    handler: (context, { id: draft, ...change }) =>
      told(context.rooms.calls.update(callerOf(context), draft, change)),
  }),
];
