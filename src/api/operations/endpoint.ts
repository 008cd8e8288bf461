// The endpoints behind which webhook agents are: looked at, tested, and put in use again.
import { z } from 'zod';
import { endpointTest, endpointView } from '../../contracts/webhook.ts';
import { defineOperation, type Operation } from '../registry.ts';

const byId = z.strictObject({
  id: z.string().max(100).describe("An endpoint's id, or the name of an agent behind it."),
});

export const endpointOperations: readonly Operation[] = [
  defineOperation({
    name: 'endpoint.list',
    summary: 'List the endpoints of webhook agents, with what waits for them, and which are disabled.',
    input: z.strictObject({}),
    output: z.object({ data: z.array(endpointView) }),
    permission: 'endpoints:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/endpoints' },
    cli: {
      words: ['webhook', 'list'],
      columns: ['id', 'endpoint', 'agents', 'state', 'queued', 'retrying', 'running', 'dead'],
    },
    handler: async ({ rooms }) => ({ data: await rooms.endpoints.list() }),
  }),
  defineOperation({
    name: 'endpoint.test',
    summary: 'Send a signed test event to an endpoint. It starts nothing.',
    input: byId,
    output: endpointTest,
    permission: 'endpoints:control',
    effects: 'write',
    http: { method: 'POST', path: '/v1/endpoints/{id}/test' },
    cli: { words: ['webhook', 'test'], args: ['id'] },
    handler: ({ rooms, signal }, { id }) => rooms.endpoints.test(id, signal),
  }),
  defineOperation({
    name: 'endpoint.enable',
    summary: 'Put an endpoint that said it is gone (410) in use again.',
    input: byId.extend({
      redrive: z.boolean().default(false).describe('Also runs again what failed for good.'),
    }),
    output: endpointView,
    permission: 'endpoints:control',
    effects: 'write',
    http: { method: 'POST', path: '/v1/endpoints/{id}/enable' },
    cli: { words: ['webhook', 'enable'], args: ['id'] },
    audit: async ({ rooms }, { id }) => (await rooms.endpoints.get(id)).endpoint,
    handler: ({ rooms }, { id, redrive }) => rooms.endpoints.enable(id, { redrive }),
  }),
  defineOperation({
    name: 'endpoint.redrive',
    summary: "Run every turn of an endpoint's agents again that failed for good.",
    input: byId,
    output: z.object({ turns: z.number().int() }),
    permission: 'endpoints:control',
    effects: 'write',
    http: { method: 'POST', path: '/v1/endpoints/{id}/redrive' },
    cli: { words: ['webhook', 'redrive'], args: ['id'] },
    audit: async ({ rooms }, { id }) => (await rooms.endpoints.get(id)).endpoint,
    handler: async ({ rooms }, { id }) => ({ turns: await rooms.endpoints.redrive(id) }),
  }),
];
