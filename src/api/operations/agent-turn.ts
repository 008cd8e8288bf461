// What an agent does with its own session while its turn runs: it looks at itself, asks a person, waits, and ends.
import { z } from 'zod';
import { callOutcome } from '../../contracts/agent-call.ts';
import { demandSession } from '../access.ts';
import { defineOperation, type Operation } from '../registry.ts';
import { callerOf } from './agent-mail.ts';
import { sessionDetail } from './session.ts';

export const agentTurnOperations: readonly Operation[] = [
  defineOperation({
    name: 'session.current',
    summary: 'Show the session that the token is of, and its turns.',
    input: z.strictObject({}),
    output: sessionDetail,
    permission: 'sessions:act',
    effects: 'read',
    http: { method: 'GET', path: '/v1/session' },
    tool: {
      name: 'get_session',
      title: 'Look at this session',
      description:
        'Show this session: its turns, what was refused and why, and the question that waits for an answer.',
      always: true,
      sessionOnly: true,
    },
    async handler({ rooms, principal }) {
      const { sessionId } = demandSession(principal);
      const session = await rooms.sessions.get(sessionId);
      return { ...session, history: await rooms.sessions.turns(sessionId) };
    },
  }),
  defineOperation({
    name: 'session.ask',
    summary: 'Ask a person, whose answer is a new turn of this session.',
    input: z.strictObject({ question: z.string().min(1).max(10_000) }),
    output: callOutcome,
    permission: 'sessions:act',
    effects: 'write',
    http: { method: 'POST', path: '/v1/session/ask' },
    tool: {
      name: 'ask_person',
      title: 'Ask a person',
      description:
        'Ask a person of this company, not the sender of the mail. The answer comes as a new turn: end this one after ' +
        'you have asked.',
      always: true,
      sessionOnly: true,
    },
    handler: (context, { question }) => context.rooms.calls.do(callerOf(context), { type: 'ask', question }),
  }),
  defineOperation({
    name: 'session.wait',
    summary: 'Wait for a reply in the thread until a time; without one this session has another turn then.',
    input: z.strictObject({ until: z.iso.datetime({ offset: true }).describe('ISO 8601 with an offset.') }),
    output: callOutcome,
    permission: 'sessions:act',
    effects: 'write',
    http: { method: 'POST', path: '/v1/session/wait' },
    tool: {
      name: 'wait_for_reply',
      title: 'Wait for a reply',
      description:
        'Wait for a reply of the people in this thread: one that comes is a new turn, and without one by this time you ' +
        'have a turn as well. End this one after you have called this.',
      always: true,
      sessionOnly: true,
    },
    handler: (context, { until }) => context.rooms.calls.do(callerOf(context), { type: 'wait', until }),
  }),
  defineOperation({
    name: 'session.finish',
    summary: 'Say that this turn has finished, and what came of it.',
    input: z.strictObject({ summary: z.string().max(10_000).optional() }),
    output: callOutcome,
    permission: 'sessions:act',
    effects: 'write',
    http: { method: 'POST', path: '/v1/session/finish' },
    tool: {
      name: 'finish',
      title: 'Finish',
      description:
        'Say that you have finished with this mail, with a summary for the people who look at it later.',
      always: true,
      sessionOnly: true,
    },
    handler: (context, { summary }) =>
      context.rooms.calls.do(callerOf(context), {
        type: 'done',
        ...(summary === undefined ? {} : { summary }),
      }),
  }),
];
