// Sessions: the runs of agents over threads. A session's own token reads itself and no other.
import { z } from 'zod';
import { pageOf, pageQuery } from '../../contracts/page.ts';
import { sessionState, sessionView, turnView } from '../../contracts/session.ts';
import { type SessionRecord, sessionRecord } from '../../contracts/session-record.ts';
import { notFound } from '../../kernel/errors.ts';
import { reasonsForAgent } from '../../policy/rules.ts';
import { nameOf } from '../access.ts';
import { pageBy } from '../pages.ts';
import { defineOperation, type Operation } from '../registry.ts';
import { accountFilter, accountName } from './account.ts';

const byId = z.strictObject({ id: z.string().max(100) });

/** A session and what each of its turns did, the oldest first. */
export const sessionDetail = sessionView.extend({ history: z.array(turnView) });

/** An entry as the session's own agent reads it. */
function forAgent({ data, ...entry }: SessionRecord): SessionRecord {
  const { reasons } = data;
  if (!Array.isArray(reasons)) return { ...entry, data };
  return { ...entry, data: { ...data, reasons: reasonsForAgent(reasons.map(String)) } };
}

export const sessionOperations: readonly Operation[] = [
  defineOperation({
    name: 'session.list',
    summary: 'List the sessions, the newest first.',
    input: z.strictObject({
      account: accountName.optional(),
      agent: z.string().max(100).optional(),
      state: sessionState.optional(),
      ...pageQuery,
    }),
    output: pageOf(sessionView),
    permission: 'sessions:list',
    effects: 'read',
    http: { method: 'GET', path: '/v1/sessions' },
    cli: { words: ['session', 'list'], columns: ['id', 'agent', 'rule', 'state', 'turns', 'created_at'] },
    async handler({ rooms }, { account, agent, state, ...page }) {
      const filter = {
        ...(await accountFilter(rooms, account)),
        ...(agent === undefined ? {} : { agent }),
        ...(state === undefined ? {} : { state }),
      };
      return pageBy(page, (range) => rooms.sessions.list({ ...filter, ...range }));
    },
  }),
  defineOperation({
    name: 'session.get',
    summary: 'Show one session and its turns.',
    input: byId,
    output: sessionDetail,
    permission: 'sessions:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/sessions/{id}' },
    cli: { words: ['session', 'show'], args: ['id'] },
    async handler({ rooms, principal }, { id }) {
      if (principal.kind === 'session' && principal.sessionId !== id) throw notFound('session', id);
      const session = await rooms.sessions.get(id);
      return { ...session, history: await rooms.sessions.turns(id) };
    },
  }),
  defineOperation({
    name: 'session.record',
    summary:
      'Show what happened in a session, in order: what came, was called, refused, answered and decided.',
    input: byId.extend({
      turn: z.string().max(100).optional().describe('Of this turn alone.'),
      ...pageQuery,
    }),
    output: pageOf(sessionRecord),
    permission: 'sessions:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/sessions/{id}/record' },
    cli: { words: ['session', 'record'], args: ['id'], columns: ['seq', 'at', 'kind', 'data'] },
    async handler({ rooms, principal }, { id, turn, ...page }) {
      if (principal.kind === 'session' && principal.sessionId !== id) throw notFound('session', id);
      await rooms.sessions.get(id);
      // The oldest first: the next page begins after the last entry of this one.
      return pageBy(page, async ({ limit, before: after }) => {
        const entries = await rooms.sessions.record(id, { limit, after, turnId: turn });
        return principal.kind === 'key' ? entries : entries.map(forAgent);
      });
    },
  }),
  defineOperation({
    name: 'session.cancel',
    summary: 'End a session for good: its token dies, and mail in its thread does not wake it.',
    input: byId,
    output: sessionView,
    permission: 'sessions:control',
    effects: 'write',
    http: { method: 'POST', path: '/v1/sessions/{id}/cancel' },
    cli: { words: ['session', 'cancel'], args: ['id'] },
    handler: ({ rooms, principal }, { id }) => rooms.sessions.cancel(id, nameOf(principal)),
  }),
  defineOperation({
    name: 'session.retry',
    summary: 'Run the turn of a session again that failed, or that its endpoint refused.',
    input: byId,
    output: sessionView,
    permission: 'sessions:control',
    effects: 'write',
    http: { method: 'POST', path: '/v1/sessions/{id}/retry' },
    cli: { words: ['session', 'retry'], args: ['id'] },
    handler: ({ rooms }, { id }) => rooms.sessions.retry(id),
  }),
  defineOperation({
    name: 'session.answer',
    summary: 'Answer the question that an agent asked; it gets a new turn.',
    input: z.strictObject({ id: z.string().max(100), text: z.string().min(1).max(100_000) }),
    output: sessionView,
    permission: 'sessions:control',
    effects: 'write',
    http: { method: 'POST', path: '/v1/sessions/{id}/answer' },
    cli: { words: ['session', 'answer'], args: ['id', 'text'] },
    idempotent: true,
    handler: ({ rooms, principal }, { id, text }) => rooms.sessions.answer(id, text, nameOf(principal)),
  }),
];
