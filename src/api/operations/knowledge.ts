// Knowledge: what rules took from mail, found by its words, and how far each document is. An agent searches where its policy
// names `search_knowledge`, and finds what came with the mail of its own account.
import { z } from 'zod';
import { documentState, documentView, passageSource, searchAnswer } from '../../contracts/knowledge.ts';
import { pageOf, pageQuery } from '../../contracts/page.ts';
import { notFound } from '../../kernel/errors.ts';
import { pageBy } from '../pages.ts';
import { noteDocuments } from '../reading.ts';
import { type Context, defineOperation, type Operation } from '../registry.ts';
import { accountFilter, accountName } from './account.ts';

const MOST_PASSAGES = 100;
const TOOL = 'search_knowledge';

const byId = z.strictObject({ id: z.string().max(100) });

/** The account that a session's searches are held to; what is asked for, for a key. @throws PosternError `not_found` */
async function reachOf({ rooms, principal }: Context, account?: string): Promise<{ account?: string }> {
  if (principal.kind === 'key') return accountFilter(rooms, account);
  if (account !== undefined && account !== principal.accountId) throw notFound('account', account);
  return { account: principal.accountId };
}

export const knowledgeOperations: readonly Operation[] = [
  defineOperation({
    name: 'knowledge.search',
    summary: 'Find passages in documents and mails that rules took in, the best first.',
    input: z.strictObject({
      /** Words, "words in this order", word* for a beginning, -word for what must not be there. */
      query: z.string().min(1).max(500),
      account: accountName.optional(),
      limit: z.coerce.number().int().min(1).max(MOST_PASSAGES).default(10),
    }),
    output: searchAnswer,
    permission: 'knowledge:search',
    effects: 'read',
    http: { method: 'GET', path: '/v1/knowledge' },
    cli: {
      words: ['knowledge', 'search'],
      args: ['query'],
      columns: ['filename', 'source.page', 'score', 'snippet'],
    },
    tool: { name: TOOL, title: 'Search the documents', named: true },
    async handler(context, { query, account, limit }) {
      const reach = await reachOf(context, account);
      const found = await context.rooms.knowledge.search({ query, limit, ...reach });
      await noteDocuments(
        context,
        found.data.map(({ documents }) => documents),
      );
      return found;
    },
  }),
  defineOperation({
    name: 'knowledge.list',
    summary:
      'List the documents that rules took from mail, the newest first, each with its state and its sinks.',
    input: z.strictObject({
      account: accountName.optional(),
      message: z.string().max(100).optional(),
      state: documentState.optional(),
      sha256: z
        .string()
        .regex(/^[0-9a-f]{64}$/, 'write it in hexadecimal')
        .optional(),
      ...pageQuery,
    }),
    output: pageOf(documentView),
    permission: 'knowledge:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/knowledge/documents' },
    cli: {
      words: ['knowledge', 'list'],
      columns: ['id', 'filename', 'state', 'content.type', 'content.chunks', 'error', 'created_at'],
    },
    async handler({ rooms }, { account, message, state, sha256, ...page }) {
      const filter = { ...(await accountFilter(rooms, account)), message, state, sha256 };
      return pageBy(page, (range) => rooms.knowledge.list({ ...filter, ...range }));
    },
  }),
  defineOperation({
    name: 'knowledge.get',
    summary: 'Show one document: where it came from, what it is, and how far it is on its way to each sink.',
    input: byId,
    output: documentView,
    permission: 'knowledge:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/knowledge/documents/{id}' },
    cli: { words: ['knowledge', 'show'], args: ['id'] },
    handler: ({ rooms }, { id }) => rooms.knowledge.get(id),
  }),
  defineOperation({
    name: 'knowledge.text',
    summary: 'Read the text of a document in pieces, each with its place in the document.',
    input: z.strictObject({
      id: z.string().max(100),
      /** The number of the first piece, counted from 0. */
      from: z.coerce.number().int().min(0).default(0),
      limit: z.coerce.number().int().min(1).max(MOST_PASSAGES).default(20),
    }),
    output: z.object({
      data: z.array(z.object({ number: z.number().int(), source: passageSource, text: z.string() })),
      /** Of all pieces. */
      chunks: z.number().int(),
    }),
    permission: 'knowledge:search',
    effects: 'read',
    http: { method: 'GET', path: '/v1/knowledge/documents/{id}/text' },
    cli: { words: ['knowledge', 'text'], args: ['id'], columns: ['number', 'source.page', 'text'] },
    tool: { name: 'read_document', title: 'Read a document', named: TOOL },
    async handler(context, { id, from, limit }) {
      const { account } = await reachOf(context);
      const { principal, rooms } = context;
      const text = await rooms.knowledge.text(id, { account, from, limit });
      if (principal.kind === 'key') return text;
      const { message_id: message } = await rooms.knowledge.get(id);
      const { thread_id, trust } = await rooms.messages.get(message);
      await noteDocuments(context, [[{ thread_id, trust: trust.level }]]);
      return text;
    },
  }),
  defineOperation({
    name: 'knowledge.retry',
    summary: 'Run again what failed of a document: its fetching, its reading, or its way to sinks.',
    input: byId,
    output: documentView,
    permission: 'knowledge:write',
    effects: 'write',
    http: { method: 'POST', path: '/v1/knowledge/documents/{id}/retry' },
    cli: { words: ['knowledge', 'retry'], args: ['id'] },
    handler: ({ rooms }, { id }) => rooms.knowledge.retry(id),
  }),
  defineOperation({
    name: 'knowledge.delete',
    summary:
      'Forget a document; what only it had goes from the index and the store, and stays in sinks outside.',
    input: byId,
    output: z.void(),
    permission: 'knowledge:write',
    effects: 'destructive',
    http: { method: 'DELETE', path: '/v1/knowledge/documents/{id}', status: 204 },
    cli: { words: ['knowledge', 'delete'], args: ['id'] },
    async audit({ rooms }, { id }) {
      const { account_id: account, message_id: message, part } = await rooms.knowledge.get(id);
      return `${account} ${message} ${part ?? 'mail'} ${id}`;
    },
    handler: ({ rooms }, { id }) => rooms.knowledge.remove(id),
  }),
];
