// Deliveries: mail on its way to websites, and what became of it.
import { z } from 'zod';
import { deliveryState, deliveryView } from '../../contracts/delivery.ts';
import { pageOf, pageQuery } from '../../contracts/page.ts';
import { pageBy } from '../pages.ts';
import { defineOperation, type Operation } from '../registry.ts';
import { accountFilter, accountName } from './account.ts';

const byId = z.strictObject({ id: z.string().max(100) });

export const deliveryOperations: readonly Operation[] = [
  defineOperation({
    name: 'delivery.list',
    summary: 'List the mails posted to websites and those on their way there, the newest first.',
    input: z.strictObject({
      account: accountName.optional(),
      destination: z.string().max(300).optional(),
      message: z.string().max(100).optional(),
      state: deliveryState.optional(),
      ...pageQuery,
    }),
    output: pageOf(deliveryView),
    permission: 'deliveries:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/deliveries' },
    cli: {
      words: ['delivery', 'list'],
      columns: ['id', 'destination', 'state', 'attempts', 'status', 'error', 'created_at'],
    },
    async handler({ rooms }, { account, state, destination, message, ...page }) {
      const filter = { ...(await accountFilter(rooms, account)), state, destination, message };
      return pageBy(page, (range) => rooms.deliveries.list({ ...filter, ...range }));
    },
  }),
  defineOperation({
    name: 'delivery.get',
    summary: 'Show one delivery: its state, its attempts, and what the receiver answered.',
    input: byId,
    output: deliveryView,
    permission: 'deliveries:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/deliveries/{id}' },
    cli: { words: ['delivery', 'show'], args: ['id'] },
    handler: ({ rooms }, { id }) => rooms.deliveries.get(id),
  }),
  defineOperation({
    name: 'delivery.retry',
    summary: 'Give a dead delivery all its attempts again, or one that was refused another time.',
    input: byId,
    output: deliveryView,
    permission: 'deliveries:retry',
    effects: 'write',
    http: { method: 'POST', path: '/v1/deliveries/{id}/retry' },
    cli: { words: ['delivery', 'retry'], args: ['id'] },
    handler: ({ rooms }, { id }) => rooms.deliveries.retry(id),
  }),
];
