// Stored queries: searches kept by name with an account, run and tested.
import { z } from 'zod';
import { messageRow, queryName, storedQuery, storedSearch } from '../../contracts/connector.ts';
import { codeOf, PosternError } from '../../kernel/errors.ts';
import { defineOperation, type Operation } from '../registry.ts';
import { accountName } from './account.ts';
import { auditTarget } from './connector-place.ts';
import { pageLimit, searchPage } from './connector-read.ts';
import { searchRows } from './connector-rows.ts';

const TEST_ROWS = 5; // enough to see whether the right mail is found

const named = { id: accountName, name: queryName };
const path = '/v1/accounts/{id}/queries';

export const queryOperations: readonly Operation[] = [
  defineOperation({
    name: 'query.list',
    summary: 'List the stored queries of an account, by name.',
    input: z.strictObject({ id: accountName }),
    output: z.object({ data: z.array(storedQuery) }),
    permission: 'mailboxes:read',
    effects: 'read',
    http: { method: 'GET', path },
    cli: { words: ['query', 'list'], args: ['id'], columns: ['name', 'mailbox', 'order', 'updated_at'] },
    async handler({ rooms }, { id }) {
      return { data: await rooms.queries.list((await rooms.accounts.find(id)).id) };
    },
  }),
  defineOperation({
    name: 'query.save',
    summary: 'Keep a search under a name, in the place of the one that had it.',
    input: storedSearch.extend(named),
    output: storedQuery,
    permission: 'accounts:write',
    effects: 'write',
    http: { method: 'POST', path },
    cli: { words: ['query', 'save'], args: ['id', 'name'], spread: 'criteria' },
    idempotent: true,
    audit: auditTarget,
    async handler({ rooms }, { id, name, ...search }) {
      return rooms.queries.save((await rooms.accounts.find(id)).id, name, search);
    },
  }),
  defineOperation({
    name: 'query.run',
    summary: 'Run a stored query; the answer is that of search_messages.',
    input: z.strictObject({ ...named, limit: pageLimit, page_token: z.string().max(500).optional() }),
    output: searchPage,
    permission: 'mailboxes:read',
    effects: 'read',
    http: { method: 'POST', path: `${path}/{name}/run` },
    cli: {
      words: ['query', 'run'],
      args: ['id', 'name'],
      columns: ['uid', 'date', 'from', 'subject', 'flags', 'size'],
    },
    audit: auditTarget,
    async handler({ rooms, signal }, { id, name, limit, page_token }) {
      const account = await rooms.accounts.find(id);
      const { mailbox, criteria, order } = await rooms.queries.get(account.id, name);
      const most = limit ?? account.settings.default_page_limit;
      return searchRows(rooms, account, { mailbox, criteria, order, limit: most, page_token }, signal);
    },
  }),
  defineOperation({
    name: 'query.test',
    summary: 'Try a stored query: whether it works, how many messages it finds, and the first of them.',
    input: z.strictObject(named),
    output: z.object({
      ok: z.boolean(),
      /** `ok`, or the stable code of what is wrong. */
      code: z.string(),
      message: z.string(),
      hint: z.string().nullable(),
      matched: z.number().int(),
      /** How long the server took. */
      ms: z.number().int(),
      rows: z.array(messageRow),
    }),
    permission: 'mailboxes:read',
    effects: 'read',
    http: { method: 'POST', path: `${path}/{name}/test` },
    cli: { words: ['query', 'test'], args: ['id', 'name'] },
    audit: auditTarget,
    async handler({ rooms, signal }, { id, name }) {
      const account = await rooms.accounts.find(id);
      const { mailbox, criteria, order } = await rooms.queries.get(account.id, name);
      const startedAt = rooms.clock.now();
      const ms = (): number => Math.max(0, rooms.clock.now() - startedAt);
      try {
        const request = { mailbox, criteria, order, limit: TEST_ROWS };
        const { matched, data } = await searchRows(rooms, account, request, signal);
        const message = `The query works: it finds ${matched} messages in ${mailbox}.`;
        return { ok: true, code: 'ok', message, hint: null, matched, ms: ms(), rows: data };
      } catch (error) {
        if (!(error instanceof PosternError)) throw error;
        const { message, hint = null } = error;
        return { ok: false, code: codeOf(error), message, hint, matched: 0, ms: ms(), rows: [] };
      }
    },
  }),
  defineOperation({
    name: 'query.remove',
    summary: 'Forget a stored query. No mail is touched.',
    input: z.strictObject(named),
    output: z.void(),
    permission: 'accounts:write',
    effects: 'write',
    http: { method: 'DELETE', path: `${path}/{name}`, status: 204 },
    cli: { words: ['query', 'remove'], args: ['id', 'name'] },
    audit: auditTarget,
    async handler({ rooms }, { id, name }) {
      await rooms.queries.remove((await rooms.accounts.find(id)).id, name);
    },
  }),
];
