// Messages and their threads. A session sees its own thread only.
import { z } from 'zod';
import { messageDetail, messageView, trust } from '../../contracts/mail.ts';
import { pageOf, pageQuery } from '../../contracts/page.ts';
import { notFound } from '../../kernel/errors.ts';
import { demandThread } from '../access.ts';
import { pageBy } from '../pages.ts';
import { defineOperation, type Operation } from '../registry.ts';
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

export const messageOperations: readonly Operation[] = [
  defineOperation({
    name: 'message.list',
    summary: 'List the messages that were seen, the newest first.',
    input: z.strictObject({
      account: accountName.optional(),
      thread: z.string().max(100).optional(),
      ...pageQuery,
    }),
    output: pageOf(messageView),
    permission: 'messages:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/messages' },
    cli: { words: ['message', 'list'], columns: ['id', 'date', 'from', 'subject', 'kind', 'trust.level'] },
    async handler({ rooms, principal }, { account, thread, ...page }) {
      if (principal.kind === 'session') {
        if (account !== undefined && account !== principal.accountId) throw notFound('account', account);
        if (thread !== undefined && thread !== principal.threadId) throw notFound('thread', thread);
        const own = { account: principal.accountId, thread: principal.threadId };
        return pageBy(page, (range) => rooms.messages.list({ ...own, ...range }));
      }
      const filter = {
        ...(await accountFilter(rooms, account)),
        ...(thread === undefined ? {} : { thread }),
      };
      return pageBy(page, (range) => rooms.messages.list({ ...filter, ...range }));
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
    async handler({ rooms, principal }, { id }) {
      // Looked at before the text is fetched: a foreign id must not even cause a connection.
      demandThread(principal, await rooms.messages.get(id), 'message', id);
      return rooms.messages.detail(id);
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
    name: 'thread.get',
    summary: 'Show the messages of one conversation, the oldest first.',
    input: z.strictObject({ id: z.string().max(100) }),
    output: threadView,
    permission: 'messages:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/threads/{id}' },
    cli: { words: ['thread', 'show'], args: ['id'] },
    tool: { name: 'get_thread', title: 'Read a conversation' },
    async handler({ rooms, principal }, { id }) {
      const own = principal.kind === 'session' ? { account: principal.accountId } : {};
      const found = await rooms.messages.list({ ...own, thread: id, limit: THREAD_MESSAGES + 1 });
      const messages = found.slice(0, THREAD_MESSAGES).reverse();
      const [first] = messages;
      if (first === undefined) throw notFound('thread', id);
      demandThread(principal, first, 'thread', id);
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
