// What operators look after: the watchers, and work that failed for good.
import { z } from 'zod';
import { watchStatus } from '../../contracts/account.ts';
import { deadLetterView, pageOf, pageQuery } from '../../contracts/page.ts';
import { pageBy } from '../pages.ts';
import { defineOperation, type Operation } from '../registry.ts';

const accountWatch = z.object({
  account_id: z.string(),
  label: z.string(),
  /** The worst of the account's mailboxes, then each of them. */
  status: watchStatus,
  mailboxes: z.record(z.string(), watchStatus),
});

export const operateOperations: readonly Operation[] = [
  defineOperation({
    name: 'watch.status',
    summary: 'Show for every account whether its mailboxes are watched, and what waits.',
    input: z.strictObject({}),
    output: z.object({ data: z.array(accountWatch) }),
    permission: 'accounts:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/watch' },
    cli: {
      words: ['watch', 'status'],
      columns: ['label', 'status.state', 'status.last_alive_at', 'status.waiting', 'status.last_error'],
    },
    async handler({ rooms }) {
      const accounts = await rooms.accounts.list();
      return {
        data: accounts.map(({ id, settings }) => {
          const { total, mailboxes } = rooms.watchers.status(id);
          return { account_id: id, label: settings.label, status: total, mailboxes };
        }),
      };
    },
  }),
  defineOperation({
    name: 'dead_letter.list',
    summary: 'List the jobs that failed at every attempt, the newest first, each with its cause.',
    input: z.strictObject(pageQuery),
    output: pageOf(deadLetterView),
    permission: 'dead_letters:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/dead-letters' },
    cli: { words: ['dead-letter', 'list'], columns: ['id', 'kind', 'attempts', 'error', 'updated_at'] },
    handler: ({ rooms }, input) =>
      pageBy(input, ({ limit, before }) => rooms.queue.deadLetters(limit, before)),
  }),
  defineOperation({
    name: 'dead_letter.retry',
    summary: 'Give a dead letter all its attempts again.',
    input: z.strictObject({ id: z.string().max(100) }),
    output: z.void(),
    permission: 'dead_letters:retry',
    effects: 'write',
    http: { method: 'POST', path: '/v1/dead-letters/{id}/retry', status: 204 },
    cli: { words: ['dead-letter', 'retry'], args: ['id'] },
    handler: ({ rooms }, { id }) => rooms.queue.revive(id),
  }),
];
