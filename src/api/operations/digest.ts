// Digests: mail that is made on a schedule, as the rules files say. People look at them, hold them up, and see what would come.
import { z } from 'zod';
import { broadcastSample, digestView } from '../../contracts/broadcast.ts';
import { language } from '../../contracts/digest.ts';
import { nameOf } from '../access.ts';
import { defineOperation, type Operation } from '../registry.ts';

const name = z.string().min(1).max(200);
const byName = z.strictObject({ name });

export const digestOperations: readonly Operation[] = [
  defineOperation({
    name: 'digest.list',
    summary: 'List the digests of the rules files, and when each is due.',
    input: z.strictObject({}),
    output: z.object({ data: z.array(digestView) }),
    permission: 'digests:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/digests' },
    cli: {
      words: ['digest', 'list'],
      columns: ['name', 'cron', 'timezone', 'next_at', 'paused_at', 'last.state'],
    },
    handler: async ({ rooms }) => ({ data: await rooms.digests.list() }),
  }),
  defineOperation({
    name: 'digest.get',
    summary: 'Show one digest: when it is due, and what became of it the last time.',
    input: byName,
    output: digestView,
    permission: 'digests:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/digests/{name}' },
    cli: { words: ['digest', 'show'], args: ['name'] },
    handler: ({ rooms }, input) => rooms.digests.get(input.name),
  }),
  defineOperation({
    name: 'digest.pause',
    summary: 'Hold a digest up. What is due meanwhile does not come, and is not made up for.',
    input: byName,
    output: digestView,
    permission: 'digests:control',
    effects: 'write',
    http: { method: 'POST', path: '/v1/digests/{name}/pause' },
    cli: { words: ['digest', 'pause'], args: ['name'] },
    idempotent: true,
    audit: async (_context, input) => input.name,
    handler: ({ rooms, principal }, input) => rooms.digests.pause(input.name, nameOf(principal)),
  }),
  defineOperation({
    name: 'digest.resume',
    summary: 'Let a digest go on, at the next time that comes.',
    input: byName,
    output: digestView,
    permission: 'digests:control',
    effects: 'write',
    http: { method: 'POST', path: '/v1/digests/{name}/resume' },
    cli: { words: ['digest', 'resume'], args: ['name'] },
    idempotent: true,
    audit: async (_context, input) => input.name,
    handler: ({ rooms }, input) => rooms.digests.resume(input.name),
  }),
  defineOperation({
    name: 'digest.run',
    summary: 'Make a digest now, beside those of its schedule. It waits for approval as they do.',
    input: byName,
    output: z.object({ firing_id: z.string() }),
    permission: 'digests:control',
    effects: 'destructive',
    http: { method: 'POST', path: '/v1/digests/{name}/run' },
    cli: { words: ['digest', 'run'], args: ['name'] },
    idempotent: true,
    audit: async (_context, input) => input.name,
    handler: ({ rooms, requestId }, input) => rooms.digests.run(input.name, requestId),
  }),
  defineOperation({
    name: 'digest.preview',
    summary:
      'Show what a digest would say now to one of its recipients, and send that to oneself where wanted.',
    input: z.strictObject({
      name,
      /** An address of its list; the first where absent. */
      recipient: z.string().min(3).max(320).optional(),
      language: language.optional(),
      /** An address of one's own: the mail goes there, and to nobody else. */
      send_to: z.string().min(3).max(998).optional(),
    }),
    output: broadcastSample.extend({ recipients: z.number().int(), submission_id: z.string().nullable() }),
    permission: 'digests:control',
    effects: 'destructive',
    http: { method: 'POST', path: '/v1/digests/{name}/preview' },
    cli: { words: ['digest', 'preview'], args: ['name'] },
    idempotent: true,
    audit: async (_context, input) => input.name,
    handler: ({ rooms, principal, signal }, { name: digest, recipient, language: tongue, send_to: sendTo }) =>
      rooms.digests.preview(digest, { recipient, language: tongue, sendTo, by: nameOf(principal) }, signal),
  }),
];
