// Broadcasts: one mail for each of many, approved as one by the digest of what was shown.
import { z } from 'zod';
import {
  broadcastDetail,
  broadcastInput,
  broadcastRecipient,
  broadcastState,
  broadcastView,
} from '../../contracts/broadcast.ts';
import { digest } from '../../contracts/draft.ts';
import { pageOf, pageQuery } from '../../contracts/page.ts';
import { nameOf } from '../access.ts';
import { pageBy } from '../pages.ts';
import { defineOperation, type Operation } from '../registry.ts';
import { accountFilter, accountName } from './account.ts';

const id = z.string().max(100);
const byId = z.strictObject({ id });
const about = async (_context: unknown, input: { id: string }): Promise<string> => input.id;

export const broadcastOperations: readonly Operation[] = [
  defineOperation({
    name: 'broadcast.list',
    summary: 'List the broadcasts, the newest first, and how far each is.',
    input: z.strictObject({
      state: broadcastState.optional(),
      account: accountName.optional(),
      digest: z.string().max(200).optional(),
      ...pageQuery,
    }),
    output: pageOf(broadcastView),
    permission: 'broadcasts:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/broadcasts' },
    cli: {
      words: ['broadcast', 'list'],
      columns: ['id', 'state', 'name', 'subject', 'counts.total', 'counts.sent', 'created_at'],
    },
    async handler({ rooms }, { state, account, digest: of, ...page }) {
      const filter = {
        ...(await accountFilter(rooms, account)),
        ...(state === undefined ? {} : { state }),
        ...(of === undefined ? {} : { digest: of }),
      };
      return pageBy(page, (range) => rooms.broadcasts.list({ ...filter, ...range }));
    },
  }),
  defineOperation({
    name: 'broadcast.get',
    summary:
      'Show one broadcast: some of its mails, the beginning of its list, its digest, and how far it is.',
    input: byId,
    output: broadcastDetail,
    permission: 'broadcasts:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/broadcasts/{id}' },
    cli: { words: ['broadcast', 'show'], args: ['id'] },
    handler: ({ rooms }, input) => rooms.broadcasts.get(input.id),
  }),
  defineOperation({
    name: 'broadcast.recipients',
    summary: 'List what became of each recipient whose turn has come, in the order of the list.',
    input: z.strictObject({ id, ...pageQuery }),
    output: pageOf(broadcastRecipient),
    permission: 'broadcasts:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/broadcasts/{id}/recipients' },
    cli: {
      words: ['broadcast', 'recipients'],
      args: ['id'],
      columns: ['address', 'state', 'submission_id', 'note'],
    },
    async handler({ rooms }, { id: broadcast, limit, page_token: token }) {
      const after = token === undefined || !/^\d{1,9}$/.test(token) ? -1 : Number(token);
      const data = await rooms.broadcasts.recipients(broadcast, limit, after);
      const last = data.at(-1);
      return { data, next_page_token: last && data.length === limit ? String(last.position) : null };
    },
  }),
  defineOperation({
    name: 'broadcast.create',
    summary: 'Make a broadcast from a template. It waits for approval.',
    input: broadcastInput,
    output: broadcastView,
    permission: 'broadcasts:make',
    effects: 'write',
    http: { method: 'POST', path: '/v1/broadcasts', status: 201, largeBody: true },
    cli: { words: ['broadcast', 'create'] },
    idempotent: true,
    handler: ({ rooms, principal }, input) => rooms.broadcasts.create(input, nameOf(principal)),
  }),
  defineOperation({
    name: 'broadcast.approve',
    summary:
      'Let exactly the broadcast with this digest leave, to all of its list. Another digest is refused with 409.',
    input: z.strictObject({ id, digest }),
    output: broadcastView,
    permission: 'broadcasts:decide',
    effects: 'destructive',
    http: { method: 'POST', path: '/v1/broadcasts/{id}/approve' },
    cli: { words: ['broadcast', 'approve'], args: ['id', 'digest'] },
    idempotent: true,
    audit: about,
    handler: ({ rooms, principal }, input) =>
      rooms.broadcasts.approve(input.id, input.digest, nameOf(principal)),
  }),
  defineOperation({
    name: 'broadcast.reject',
    summary: 'Refuse a broadcast.',
    input: z.strictObject({ id, feedback: z.string().min(1).max(10_000).optional() }),
    output: broadcastView,
    permission: 'broadcasts:decide',
    effects: 'write',
    http: { method: 'POST', path: '/v1/broadcasts/{id}/reject' },
    cli: { words: ['broadcast', 'reject'], args: ['id', 'feedback'] },
    idempotent: true,
    audit: about,
    handler: ({ rooms, principal }, { id: broadcast, feedback }) =>
      rooms.broadcasts.reject(broadcast, feedback ?? null, nameOf(principal)),
  }),
  defineOperation({
    name: 'broadcast.pause',
    summary: 'Hold a broadcast up in the middle. What is in the outbox already leaves.',
    input: byId,
    output: broadcastView,
    permission: 'broadcasts:decide',
    effects: 'write',
    http: { method: 'POST', path: '/v1/broadcasts/{id}/pause' },
    cli: { words: ['broadcast', 'pause'], args: ['id'] },
    idempotent: true,
    audit: about,
    handler: ({ rooms }, input) => rooms.broadcasts.pause(input.id),
  }),
  defineOperation({
    name: 'broadcast.resume',
    summary: 'Let a broadcast go on where it was held up.',
    input: byId,
    output: broadcastView,
    permission: 'broadcasts:decide',
    effects: 'destructive',
    http: { method: 'POST', path: '/v1/broadcasts/{id}/resume' },
    cli: { words: ['broadcast', 'resume'], args: ['id'] },
    idempotent: true,
    audit: about,
    handler: ({ rooms }, input) => rooms.broadcasts.resume(input.id),
  }),
  defineOperation({
    name: 'broadcast.cancel',
    summary:
      'End a broadcast: whose turn has not come gets nothing, and what has not begun to leave is taken back.',
    input: byId,
    output: broadcastView,
    permission: 'broadcasts:decide',
    effects: 'write',
    http: { method: 'POST', path: '/v1/broadcasts/{id}/cancel' },
    cli: { words: ['broadcast', 'cancel'], args: ['id'] },
    idempotent: true,
    audit: about,
    handler: ({ rooms, principal }, input) => rooms.broadcasts.cancel(input.id, nameOf(principal)),
  }),
];
