// Mailbox accounts: kept, changed, and tested. Secrets go in and never come out. An account is named by id or by label.
import { z } from 'zod';
import type { Account } from '../../accounts/accounts.ts';
import {
  type AccountView,
  accountInput,
  accountPatch,
  accountSettings,
  accountView,
  endpoint,
  signInCheck,
  watchSettings,
} from '../../contracts/account.ts';
import { pageOf, pageQuery } from '../../contracts/page.ts';
import { accountAuth } from '../../contracts/sign-in.ts';
import { authView } from '../auth-view.ts';
import { invalidInput } from '../invalid-input.ts';
import { pageBy } from '../pages.ts';
import { type Context, defineOperation, type Operation } from '../registry.ts';
import type { Rooms } from '../rooms.ts';
import { accountName } from './account-name.ts';
import { auditTarget } from './connector-place.ts';

export { accountName };

const byId = z.strictObject({ id: accountName });

/** Everything that a patch may name. */
const patchShape = accountSettings.partial().extend({
  id: accountName,
  auth: accountAuth.optional(),
  imap: endpoint.partial().optional(),
  smtp: endpoint.partial().optional(),
  watch: watchSettings.partial().optional(),
});

export const accountOperations: readonly Operation[] = [
  defineOperation({
    name: 'account.list',
    summary: 'List the mailbox accounts, the newest first, each with the state of its watcher.',
    input: z.strictObject(pageQuery),
    output: pageOf(accountView),
    permission: 'accounts:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/accounts' },
    cli: {
      words: ['account', 'list'],
      columns: ['id', 'label', 'address', 'status.state', 'status.waiting'],
    },
    async handler({ rooms }, input) {
      const all = (await rooms.accounts.list()).sort((a, b) => (a.id < b.id ? 1 : -1));
      const page = await pageBy(input, async ({ limit, before }) =>
        all.filter((account) => before === undefined || account.id < before).slice(0, limit),
      );
      return { ...page, data: page.data.map((account) => viewOf(rooms, account)) };
    },
  }),
  defineOperation({
    name: 'account.get',
    summary: 'Show one account: its settings, without secrets, and the state of its watcher.',
    input: byId,
    output: accountView,
    permission: 'accounts:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/accounts/{id}' },
    cli: { words: ['account', 'show'], args: ['id'] },
    handler: async ({ rooms }, { id }) => viewOf(rooms, await rooms.accounts.find(id)),
  }),
  defineOperation({
    name: 'account.add',
    summary: 'Add a mailbox account. It is watched at once where it is active.',
    input: accountInput,
    output: accountView,
    permission: 'accounts:write',
    effects: 'write',
    http: { method: 'POST', path: '/v1/accounts', status: 201 },
    cli: { words: ['account', 'add'] },
    idempotent: true,
    handler: async ({ rooms }, input) => viewOf(rooms, await rooms.accounts.add(input)),
  }),
  defineOperation({
    name: 'account.update',
    summary: 'Change what is named and leave the rest (a JSON merge patch, RFC 7396).',
    input: accountPatch.extend({ id: accountName }),
    shape: patchShape,
    output: accountView,
    permission: 'accounts:write',
    effects: 'write',
    http: { method: 'PATCH', path: '/v1/accounts/{id}' },
    cli: { words: ['account', 'update'], args: ['id'] },
    async handler({ rooms }, { id, ...patch }) {
      const account = await rooms.accounts.find(id);
      try {
        return viewOf(rooms, await rooms.accounts.patch(account.id, patch));
      } catch (error) {
        throw error instanceof z.ZodError ? invalidInput(error) : error;
      }
    },
  }),
  defineOperation({
    name: 'account.remove',
    summary: 'Remove an account and its secrets. What it did stays on record; no mail is deleted.',
    input: byId,
    output: z.void(),
    permission: 'accounts:write',
    effects: 'destructive',
    http: { method: 'DELETE', path: '/v1/accounts/{id}', status: 204 },
    cli: { words: ['account', 'remove'], args: ['id'] },
    async handler({ rooms }, { id }) {
      await rooms.accounts.remove((await rooms.accounts.find(id)).id);
    },
  }),
  defineOperation({
    name: 'imap.validate',
    summary:
      'Test the IMAP server of an account step by step: name, connection, TLS, sign-in, extensions, mailboxes.',
    input: byId,
    output: signInCheck,
    permission: 'accounts:connect',
    effects: 'read',
    http: { method: 'POST', path: '/v1/accounts/{id}/imap/validate' },
    cli: { words: ['imap', 'validate'], args: ['id'] },
    audit: auditTarget,
    async handler({ rooms, signal }, { id }) {
      const account = await rooms.accounts.find(id);
      return rooms.checkImap(account, (connect) => rooms.accounts.signIn(account, connect), signal);
    },
  }),
];

function viewOf(rooms: Rooms, account: Account): AccountView {
  const { total, mailboxes: each } = rooms.watchers.status(account.id);
  return {
    ...account.settings,
    id: account.id,
    auth: authView(account),
    status: total,
    mailboxes: each,
    created_at: account.createdAt,
    updated_at: account.updatedAt,
  };
}

/** The account that a filter names, as part of a query. @throws PosternError `not_found` */
export async function accountFilter(
  rooms: Context['rooms'],
  name: string | undefined,
): Promise<{ account?: string }> {
  return name === undefined ? {} : { account: (await rooms.accounts.find(name)).id };
}
