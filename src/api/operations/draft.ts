// Drafts: what an agent wrote and a person decides about. An approval names the digest of what the person saw.
import { Readable } from 'node:stream';
import { z } from 'zod';
import { type DraftView, digest, draftEdit, draftState, draftView } from '../../contracts/draft.ts';
import { pageOf, pageQuery } from '../../contracts/page.ts';
import { notFound } from '../../kernel/errors.ts';
import { reasonsForAgent } from '../../policy/rules.ts';
import { nameOf, type Principal } from '../access.ts';
import { pageBy } from '../pages.ts';
import { type Context, defineOperation, type Operation } from '../registry.ts';
import { accountFilter, accountName } from './account.ts';

const id = z.string().max(100);
const byId = z.strictObject({ id });

/** A session sees the drafts that it wrote. @throws PosternError `not_found` */
async function ownDraft({ rooms, principal }: Context, draft: string): Promise<DraftView> {
  const found = await rooms.drafts.get(draft);
  if (principal.kind === 'session' && found.session_id !== principal.sessionId)
    throw notFound('draft', draft);
  return shownTo(principal, found);
}

/** Why a person is asked is for that person; its agent is told what is for an agent. */
const shownTo = ({ kind }: Principal, draft: DraftView): DraftView =>
  kind === 'key' ? draft : { ...draft, reasons: reasonsForAgent(draft.reasons) };

export const draftOperations: readonly Operation[] = [
  defineOperation({
    name: 'draft.list',
    summary: 'List the drafts, the newest first.',
    input: z.strictObject({
      state: draftState.optional(),
      account: accountName.optional(),
      session: id.optional(),
      ...pageQuery,
    }),
    output: pageOf(draftView),
    permission: 'drafts:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/drafts' },
    cli: { words: ['draft', 'list'], columns: ['id', 'state', 'from', 'to', 'subject', 'created_at'] },
    tool: {
      name: 'list_drafts',
      title: 'List drafts',
      description: 'List the drafts of this session, the newest first, with what was decided about each.',
    },
    async handler({ rooms, principal }, { state, account, session, ...page }) {
      if (principal.kind === 'session') {
        if (session !== undefined && session !== principal.sessionId) throw notFound('session', session);
        if (account !== undefined && account !== principal.accountId) throw notFound('account', account);
        const own = { session: principal.sessionId, ...(state === undefined ? {} : { state }) };
        return pageBy(page, async (range) =>
          (await rooms.drafts.list({ ...own, ...range })).map((draft) => shownTo(principal, draft)),
        );
      }
      const filter = {
        ...(await accountFilter(rooms, account)),
        ...(state === undefined ? {} : { state }),
        ...(session === undefined ? {} : { session }),
      };
      return pageBy(page, (range) => rooms.drafts.list({ ...filter, ...range }));
    },
  }),
  defineOperation({
    name: 'draft.get',
    summary: 'Show one draft: everything that would leave, its digest, and why a person is asked.',
    input: byId,
    output: draftView,
    permission: 'drafts:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/drafts/{id}' },
    cli: { words: ['draft', 'show'], args: ['id'] },
    tool: { name: 'get_draft', title: 'Read a draft' },
    handler: (context, input) => ownDraft(context, input.id),
  }),
  defineOperation({
    name: 'draft.raw',
    summary: 'Give the bytes of the current version, as they would leave below the Date line.',
    input: byId,
    output: z.custom<Readable>((value) => value instanceof Readable),
    permission: 'drafts:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/drafts/{id}/raw', answers: 'message/rfc822' },
    cli: { words: ['draft', 'raw'], args: ['id'] },
    async handler(context, input) {
      await ownDraft(context, input.id);
      return context.rooms.drafts.raw(input.id);
    },
  }),
  defineOperation({
    name: 'draft.approve',
    summary: 'Let exactly the draft with this digest leave. An older digest is refused with 409.',
    input: z.strictObject({ id, digest }),
    output: z.object({ submission_id: z.string() }),
    permission: 'drafts:decide',
    effects: 'destructive',
    http: { method: 'POST', path: '/v1/drafts/{id}/approve' },
    cli: { words: ['draft', 'approve'], args: ['id'] },
    idempotent: true,
    handler: ({ rooms, principal }, input) => rooms.drafts.approve(input.id, input.digest, nameOf(principal)),
  }),
  defineOperation({
    name: 'draft.edit',
    summary:
      'Change a draft that waits. This makes a new version with a new digest, which still needs approval.',
    input: draftEdit.extend({
      id,
      /** The version that was edited; refused with 409 when the draft is another by now. */
      version: z.number().int().positive().optional(),
    }),
    output: draftView,
    permission: 'drafts:decide',
    effects: 'write',
    http: { method: 'POST', path: '/v1/drafts/{id}/edit' },
    cli: { words: ['draft', 'edit'], args: ['id'] },
    idempotent: true,
    handler: ({ rooms, principal }, { id: draft, version, ...edit }) =>
      rooms.drafts.edit(draft, edit, nameOf(principal), version),
  }),
  defineOperation({
    name: 'draft.reject',
    summary: 'Refuse a draft. With feedback, its agent gets a new turn.',
    input: z.strictObject({ id, feedback: z.string().min(1).max(100_000).optional() }),
    output: draftView,
    permission: 'drafts:decide',
    effects: 'write',
    http: { method: 'POST', path: '/v1/drafts/{id}/reject' },
    cli: { words: ['draft', 'reject'], args: ['id', 'feedback'] },
    idempotent: true,
    handler: ({ rooms, principal }, { id: draft, feedback }) =>
      rooms.drafts.reject(draft, feedback ?? null, nameOf(principal)),
  }),
];
