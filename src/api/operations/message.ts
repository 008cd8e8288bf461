// Messages and their threads. A session sees its own thread only.
import { z } from 'zod';
import { address, messageDetail, messageView, trust } from '../../contracts/mail.ts';
import { pageOf, pageQuery } from '../../contracts/page.ts';
import { notFound } from '../../kernel/errors.ts';
import { demandThread, type Principal, reachOf } from '../access.ts';
import { pageBy, pageFrom } from '../pages.ts';
import { noteForeign, noteMails } from '../reading.ts';
import { defineOperation, type Operation } from '../registry.ts';
import type { Rooms } from '../rooms.ts';
import { accountFilter, accountName } from './account.ts';

const THREAD_MESSAGES = 200; // more than anybody reads at once; older ones are in message.list

const threadView = z.object({
  id: z.string(),
  account_id: z.string(),
  subject: z.string(),
  /** Oldest first. */
  messages: z.array(messageView),
  /** True where the thread has older messages than those shown. */
  truncated: z.boolean(),
});

const threadSummary = z.object({
  id: z.string(),
  account_id: z.string(),
  /** Of the latest message, as the next ones. */
  subject: z.string(),
  from: address.nullable(),
  last_message_id: z.string(),
  last_date: z.string(),
  messages: z.number().int(),
});

/** What was asked for, within what the principal reaches. @throws PosternError `not_found` */
async function heldTo(
  rooms: Rooms,
  principal: Principal,
  { account, thread }: { account: string | undefined; thread?: string | undefined },
): Promise<{ account?: string; thread?: string }> {
  const reach = reachOf(principal);
  const filter = {
    ...(reach.account === undefined ? await accountFilter(rooms, account) : {}),
    ...(thread === undefined ? {} : { thread }),
  };
  if (reach.account !== undefined && account !== undefined && account !== reach.account)
    throw notFound('account', account);
  if (reach.thread !== undefined && thread !== undefined && thread !== reach.thread)
    throw notFound('thread', thread);
  return { ...filter, ...reach };
}

export const messageOperations: readonly Operation[] = [
  defineOperation({
    name: 'message.list',
    summary:
      'List the messages that were seen, the newest first; with words, those that hold all of them in their subject, ' +
      'their people or their text.',
    input: z.strictObject({
      /** Of a large ledger a part is looked through at a time: a page may be short and have a next one. */
      query: z.string().min(1).max(500).optional().describe('Words that have to stand in the message.'),
      account: accountName.optional(),
      thread: z.string().max(100).optional(),
      ...pageQuery,
    }),
    output: pageOf(messageView),
    permission: 'messages:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/messages' },
    cli: { words: ['message', 'list'], columns: ['id', 'date', 'from', 'subject', 'kind', 'trust.level'] },
    tool: { name: 'search_messages', title: 'Search the mail' },
    async handler(context, { query, account, thread, ...page }) {
      const { rooms, principal, signal } = context;
      const filter = await heldTo(rooms, principal, { account, thread });
      const found = await (query === undefined
        ? pageBy(page, (range) => rooms.messages.list({ ...filter, ...range }))
        : pageFrom(page, (range) => rooms.messages.search({ query, ...filter, ...range }, signal)));
      await noteMails(context, found.data);
      return found;
    },
  }),
  defineOperation({
    name: 'message.get',
    summary: 'Show one message with its headers and text; the text is fetched from the server when needed.',
    input: z.strictObject({ id: z.string().max(100) }),
    output: messageDetail,
    permission: 'messages:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/messages/{id}' },
    cli: { words: ['message', 'show'], args: ['id'] },
    tool: { name: 'get_message', title: 'Read a message' },
    async handler(context, { id }) {
      const { rooms, principal } = context;
      const message = await rooms.messages.get(id);
      // Looked at before the text is fetched: a foreign id must not even cause a connection.
      demandThread(principal, message, 'message', id);
      await noteMails(context, [message]);
      const detail = await rooms.messages.detail(id);
      // Not what was hidden from readers: an agent would read it with the rest, and it was written for that.
      return principal.kind === 'key' || detail.hidden === null
        ? detail
        : { ...detail, hidden: { ...detail.hidden, text: '' } };
    },
  }),
  defineOperation({
    name: 'message.verify',
    summary:
      'Check now who sent a message, by its signatures and the DNS, where that was not done yet: nothing else hangs on it.',
    input: z.strictObject({ id: z.string().max(100) }),
    output: trust,
    permission: 'messages:parse',
    effects: 'read',
    http: { method: 'POST', path: '/v1/messages/{id}/verify' },
    cli: { words: ['message', 'verify'], args: ['id'] },
    async handler({ rooms, principal, signal }, { id }) {
      demandThread(principal, await rooms.messages.get(id), 'message', id);
      return rooms.proofs.prove(id, { isLast: true, signal });
    },
  }),
  defineOperation({
    name: 'thread.list',
    summary: 'List the conversations, those with the latest mail first.',
    input: z.strictObject({ account: accountName.optional(), ...pageQuery }),
    output: pageOf(threadSummary),
    permission: 'messages:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/threads' },
    cli: { words: ['thread', 'list'], columns: ['id', 'last_date', 'from', 'subject', 'messages'] },
    tool: { name: 'list_threads', title: 'List the conversations' },
    async handler(context, { account, ...page }) {
      const { rooms, principal } = context;
      const filter = await heldTo(rooms, principal, { account });
      if (filter.thread === undefined) await noteForeign(context, 'the list of other conversations');
      return pageFrom(page, async ({ limit, ...range }) => {
        const found = await rooms.threads.list({ ...filter, ...range, limit: limit + 1 });
        const data = found.slice(0, limit);
        return { data, next: found.length > limit ? (data.at(-1)?.last_message_id ?? null) : null };
      });
    },
  }),
  defineOperation({
    name: 'thread.get',
    summary: 'Show the messages of one conversation, the oldest first.',
    input: z.strictObject({ id: z.string().max(100) }),
    output: threadView,
    permission: 'messages:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/threads/{id}' },
    cli: { words: ['thread', 'show'], args: ['id'] },
    tool: { name: 'get_thread', title: 'Read a conversation' },
    async handler(context, { id }) {
      const { rooms, principal } = context;
      const { account } = reachOf(principal);
      const found = await rooms.messages.list({ account, thread: id, limit: THREAD_MESSAGES + 1 });
      const messages = found.slice(0, THREAD_MESSAGES).reverse();
      const [first] = messages;
      if (first === undefined) throw notFound('thread', id);
      demandThread(principal, first, 'thread', id);
      await noteMails(context, messages);
      return {
        id,
        account_id: first.account_id,
        subject: first.subject,
        messages,
        truncated: found.length > THREAD_MESSAGES,
      };
    },
  }),
];
