// Artifacts: attachments that events refer to, to be fetched until their days are over.
import { Readable } from 'node:stream';
import { z } from 'zod';
import { artifactView } from '../../contracts/artifact.ts';
import { pageOf, pageQuery } from '../../contracts/page.ts';
import { pageBy } from '../pages.ts';
import { defineOperation, type Operation } from '../registry.ts';
import { accountFilter, accountName } from './account.ts';

const byId = z.strictObject({ id: z.string().max(100) });

export const artifactOperations: readonly Operation[] = [
  defineOperation({
    name: 'artifact.list',
    summary: 'List the attachments that events refer to, the newest first.',
    input: z.strictObject({
      account: accountName.optional(),
      event: z.string().max(100).optional(),
      ...pageQuery,
    }),
    output: pageOf(artifactView),
    permission: 'artifacts:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/artifacts' },
    cli: {
      words: ['artifact', 'list'],
      columns: ['id', 'event_id', 'part', 'filename', 'content_type', 'size', 'expires_at'],
    },
    async handler({ rooms }, { account, event, ...page }) {
      const filter = { ...(await accountFilter(rooms, account)), event };
      return pageBy(page, (range) => rooms.artifacts.list({ ...filter, ...range }));
    },
  }),
  defineOperation({
    name: 'artifact.get',
    summary: 'Show one attachment that an event refers to: its hashes, and when it is removed.',
    input: byId,
    output: artifactView,
    permission: 'artifacts:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/artifacts/{id}' },
    cli: { words: ['artifact', 'show'], args: ['id'] },
    handler: ({ rooms }, { id }) => rooms.artifacts.get(id),
  }),
  defineOperation({
    name: 'artifact.download',
    summary: 'Give the bytes of an attachment that an event refers to.',
    input: byId,
    output: z.custom<Readable>((value) => value instanceof Readable),
    permission: 'artifacts:read',
    effects: 'read',
    http: {
      method: 'GET',
      path: '/v1/artifacts/{id}/content',
      answers: 'application/octet-stream', // whatever it says to be: nothing of a mail is shown in a browser from here
    },
    cli: { words: ['artifact', 'download'], args: ['id'] },
    async audit({ rooms }, { id }) {
      const found = await rooms.artifacts.get(id).catch(() => null);
      return found ? `${found.account_id};artifact=${id}` : `artifact=${id}`;
    },
    async handler({ rooms }, { id }) {
      return (await rooms.artifacts.open(id)).open();
    },
  }),
];
