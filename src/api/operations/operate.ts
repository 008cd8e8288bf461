// What operators look after: work that failed for good.
import { z } from 'zod';
import { deadLetterView, pageOf, pageQuery } from '../../contracts/page.ts';
import { pageBy } from '../pages.ts';
import { defineOperation, type Operation } from '../registry.ts';

export const operateOperations: readonly Operation[] = [
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
