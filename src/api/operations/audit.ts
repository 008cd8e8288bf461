// The audit: who asked what of the connector, and how it ended.
import { z } from 'zod';
import { auditEntry } from '../../contracts/connector.ts';
import { pageOf, pageQuery } from '../../contracts/page.ts';
import { pageBy } from '../pages.ts';
import { defineOperation, type Operation } from '../registry.ts';

export const auditOperations: readonly Operation[] = [
  defineOperation({
    name: 'audit.list',
    summary: 'List what was asked of the connector operations, the newest first.',
    input: z.strictObject({
      operation: z.string().max(100).optional(),
      principal: z.string().max(200).optional(),
      ...pageQuery,
    }),
    output: pageOf(auditEntry),
    permission: 'audit:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/audit' },
    cli: {
      words: ['audit', 'list'],
      columns: ['at', 'principal', 'operation', 'target', 'outcome', 'code'],
    },
    handler: ({ rooms }, { limit, page_token, ...filter }) =>
      pageBy({ limit, page_token }, (range) => rooms.audit.list({ ...filter, ...range })),
  }),
];
