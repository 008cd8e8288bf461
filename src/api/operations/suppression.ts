// The suppression list, and the reports that came back of what was sent.
import { Readable } from 'node:stream';
import { z } from 'zod';
import { pageOf, pageQuery } from '../../contracts/page.ts';
import {
  bounceView,
  suppressionInput,
  suppressionReason,
  suppressionView,
} from '../../contracts/suppression.ts';
import { nameOf } from '../access.ts';
import { pageBy } from '../pages.ts';
import { defineOperation, type Operation } from '../registry.ts';
import type { Rooms } from '../rooms.ts';
import { exportRows, importEntries } from '../suppression-csv.ts';
import { accountFilter, accountName } from './account.ts';

const LONGEST_CSV_CHARS = 10_000_000; // some hundred thousand addresses

const byId = z.strictObject({ id: z.string().max(100) });

const accountOf = async (rooms: Rooms, account: string | undefined): Promise<string | null> =>
  account === undefined ? null : (await rooms.accounts.find(account)).id;

export const suppressionOperations: readonly Operation[] = [
  defineOperation({
    name: 'suppression.list',
    summary: 'List the addresses and domains to which no mail goes, the newest first.',
    input: z.strictObject({
      address: z.string().min(1).max(320).optional().describe('Those that have this in them.'),
      account: accountName.optional(),
      reason: suppressionReason.optional(),
      list: z.string().min(1).max(200).optional(),
      ...pageQuery,
    }),
    output: pageOf(suppressionView),
    permission: 'suppressions:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/suppressions' },
    cli: {
      words: ['suppression', 'list'],
      columns: ['id', 'address', 'reason', 'list', 'note', 'created_by', 'created_at'],
    },
    async handler({ rooms }, { address, account, reason, list, ...page }) {
      const filter = { ...(await accountFilter(rooms, account)), address, reason, list };
      return pageBy(page, (range) => rooms.suppressions.list({ ...filter, ...range }));
    },
  }),
  defineOperation({
    name: 'suppression.add',
    summary: 'Put an address or a domain on the suppression list: no mail goes there any more.',
    input: suppressionInput,
    output: suppressionView,
    permission: 'suppressions:write',
    effects: 'write',
    http: { method: 'POST', path: '/v1/suppressions', status: 201 },
    cli: { words: ['suppression', 'add'], args: ['address'] },
    idempotent: true,
    audit: async (_context, { address }) => address,
    async handler({ rooms, principal }, { account, ...input }) {
      return rooms.suppressions.add(input, await accountOf(rooms, account), nameOf(principal));
    },
  }),
  defineOperation({
    name: 'suppression.remove',
    summary: 'Take an entry off the suppression list: mail may go there again.',
    input: byId,
    output: z.null(),
    permission: 'suppressions:write',
    effects: 'destructive',
    http: { method: 'DELETE', path: '/v1/suppressions/{id}', status: 204 },
    cli: { words: ['suppression', 'remove'], args: ['id'] },
    audit: async ({ rooms }, { id }) => (await rooms.suppressions.get(id)).address,
    async handler({ rooms }, { id }) {
      await rooms.suppressions.remove(id);
      return null;
    },
  }),
  defineOperation({
    name: 'suppression.import',
    summary:
      'Put a whole list on the suppression list: CSV whose first row names its columns, address among them.',
    input: z.strictObject({
      /** Columns: address, and where there are account, list, reason, note, expires_at (epoch milliseconds or a date). */
      csv: z.string().max(LONGEST_CSV_CHARS),
      account: accountName.optional(),
      reason: suppressionReason.default('manual'),
    }),
    output: z.object({ imported: z.number().int() }),
    permission: 'suppressions:write',
    effects: 'write',
    http: { method: 'POST', path: '/v1/suppressions/import', largeBody: true },
    cli: { words: ['suppression', 'import'] },
    audit: async (_context, { csv }) => `${csv.split('\n').length} lines`,
    async handler({ rooms, principal }, input) {
      return { imported: await importEntries(rooms, input, nameOf(principal)) };
    },
  }),
  defineOperation({
    name: 'suppression.export',
    summary: 'Download the suppression list as CSV, as it can be imported again.',
    input: z.strictObject({}),
    output: z.custom<Readable>((value) => value instanceof Readable),
    permission: 'suppressions:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/suppressions/export', answers: 'text/csv' },
    cli: { words: ['suppression', 'export'] },
    handler: async ({ rooms, signal }) => Readable.from(exportRows(rooms, signal), { objectMode: false }),
  }),
  defineOperation({
    name: 'bounce.list',
    summary:
      'List what reports said of mail that was sent: bounces, delays, complaints, receipts; the newest first.',
    input: z.strictObject({
      submission: z.string().max(100).optional(),
      address: z.string().max(320).optional(),
      account: accountName.optional(),
      ...pageQuery,
    }),
    output: pageOf(bounceView),
    permission: 'submissions:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/bounces' },
    cli: {
      words: ['bounce', 'list'],
      columns: ['id', 'address', 'report', 'kind', 'status', 'reason', 'submission_id', 'created_at'],
    },
    async handler({ rooms }, { account, submission, address, ...page }) {
      const filter = { ...(await accountFilter(rooms, account)), submission, address };
      return pageBy(page, (range) => rooms.bounces.list({ ...filter, ...range }));
    },
  }),
];
