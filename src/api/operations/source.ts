// The mailbox source: named consumers outside of Postern, and how far each has come. Their stream is a route of its own
// (http/source-stream.ts); here is everything else, and `next` for those who would rather ask than listen.
import { z } from 'zod';
import { mailboxPath } from '../../contracts/connector.ts';
import {
  demandEventOptions,
  position,
  sourceConsumer,
  sourceContent,
  sourceDefinition,
  sourceEvent,
  sourceEventOptions,
  sourceStart,
} from '../../contracts/source.ts';
import type { SeekTarget } from '../../watch/sources.ts';
import { type Context, defineOperation, type Operation } from '../registry.ts';
import { sourceEventOf } from '../source-events.ts';
import { accountName } from './account-name.ts';
import { auditTarget } from './connector-place.ts';

const MAX_POSITIONS = 1000; // one for each mailbox; more mailboxes take a second call
const MAX_NEXT = 500;
const LARGEST_EVENT_BYTES = 32 * 1024 * 1024; // an answer is held whole; the stream has no such bound
const path = '/v1/sources/{consumer}';

/** An id (`src_…`), or a name that one account alone has. */
export const consumerName = z.string().min(1).max(100);
const consumer = consumerName;

const target = async ({ rooms }: Context, input: { consumer: string }): Promise<string> => {
  const found = await rooms.sources.get(input.consumer).catch(() => null);
  return found ? `${found.account_id};source=${found.id}` : `source=${input.consumer}`;
};

export const sourceOperations: readonly Operation[] = [
  defineOperation({
    name: 'imap.mailbox_source',
    summary:
      'Open a durable source: a named consumer of mailboxes, with a cursor that it moves by acknowledging.',
    input: sourceDefinition.extend({ id: accountName }),
    output: sourceConsumer.extend({ created: z.boolean() }),
    permission: 'sources:consume',
    effects: 'write',
    http: { method: 'POST', path: '/v1/accounts/{id}/imap/mailbox_source' },
    cli: { words: ['source', 'open'], args: ['id', 'name'] },
    idempotent: true,
    audit: auditTarget,
    async handler({ rooms, signal }, { id, ...definition }) {
      const account = await rooms.accounts.find(id);
      const { consumer: opened, created } = await rooms.sources.open(account, definition, signal);
      return { ...opened, created };
    },
  }),
  defineOperation({
    name: 'source.list',
    summary: 'List the consumers of the mailbox source, of one account or of all.',
    input: z.strictObject({ account: accountName.optional() }),
    output: z.object({ data: z.array(sourceConsumer) }),
    permission: 'sources:consume',
    effects: 'read',
    http: { method: 'GET', path: '/v1/sources' },
    cli: { words: ['source', 'list'], columns: ['id', 'name', 'account_id', 'mailboxes', 'last_seen_at'] },
    async handler({ rooms }, { account }) {
      const id = account === undefined ? undefined : (await rooms.accounts.find(account)).id;
      return { data: await rooms.sources.list(id) };
    },
  }),
  defineOperation({
    name: 'source.get',
    summary: 'Show a consumer with its cursors.',
    input: z.strictObject({ consumer }),
    output: sourceConsumer,
    permission: 'sources:consume',
    effects: 'read',
    http: { method: 'GET', path },
    cli: { words: ['source', 'show'], args: ['consumer'] },
    handler: ({ rooms }, input) => rooms.sources.get(input.consumer),
  }),
  defineOperation({
    name: 'source.next',
    summary: 'Hand out what comes after the cursors. It comes again until it is acknowledged.',
    input: z
      .strictObject({
        consumer,
        limit: z.coerce.number().int().min(1).max(MAX_NEXT).default(100),
        ...sourceContent,
        ...sourceEventOptions,
      })
      .superRefine(demandEventOptions),
    output: z.object({ events: z.array(sourceEvent), caught_up: z.boolean() }),
    permission: 'sources:consume',
    effects: 'read',
    http: { method: 'POST', path: `${path}/next` },
    cli: { words: ['source', 'next'], args: ['consumer'] },
    audit: target,
    async handler({ rooms, signal }, input) {
      const found = await rooms.sources.get(input.consumer);
      const account = await rooms.accounts.get(found.account_id);
      const maxBodyBytes = Math.min(input.max_body_bytes, account.settings.max_message_bytes);
      const { content } = input;
      const writing = { ...input, largestEventBytes: LARGEST_EVENT_BYTES };
      const options = { content, maxBodyBytes, writeEvent: rooms.mailEvents.writer(account, found, writing) };
      const { items: events, caughtUp } = await rooms.sources.next(
        found.id,
        input.limit,
        options,
        signal,
        (item) => sourceEventOf(rooms, found.account_id, item),
      );
      return { events, caught_up: caughtUp };
    },
  }),
  defineOperation({
    name: 'source.acknowledge',
    summary: 'Move the cursors forward to positions, with everything before them in their mailboxes.',
    input: z.strictObject({ consumer, positions: z.array(position).min(1).max(MAX_POSITIONS) }),
    output: z.object({
      /** Messages that this acknowledged for the first time. */
      acknowledged: z.number().int(),
      consumer: sourceConsumer,
    }),
    permission: 'sources:consume',
    effects: 'write',
    http: { method: 'POST', path: `${path}/acknowledge` },
    cli: { words: ['source', 'acknowledge'], args: ['consumer'] },
    // The cursors are the record: an entry of the audit for each message would bury the others.
    async handler({ rooms }, input) {
      const { id } = await rooms.sources.get(input.consumer);
      return rooms.sources.acknowledge(id, input.positions);
    },
  }),
  defineOperation({
    name: 'source.seek',
    summary: 'Move a consumer to the beginning, to now, to a day or to a position: what follows comes again.',
    input: z
      .strictObject({
        consumer,
        to: sourceStart.optional(),
        position: position.optional(),
        /** Only this mailbox; absent: all of the consumer's. */
        mailbox: mailboxPath.optional(),
      })
      .superRefine((input, context) => {
        if ((input.to === undefined) === (input.position === undefined))
          context.addIssue({ code: 'custom', path: ['to'], message: 'give either to or position' });
        if (input.position !== undefined && input.mailbox !== undefined)
          context.addIssue({ code: 'custom', path: ['mailbox'], message: 'the position names its mailbox' });
      }),
    output: sourceConsumer,
    permission: 'sources:consume',
    effects: 'write',
    http: { method: 'POST', path: `${path}/seek` },
    cli: { words: ['source', 'seek'], args: ['consumer', 'to'] },
    idempotent: true,
    audit: target,
    handler({ rooms, signal }, { consumer: name, to = 'zero', position: at, mailbox }) {
      const where: SeekTarget = at === undefined ? { to, mailbox } : { position: at };
      return rooms.sources.seek(name, where, signal);
    },
  }),
  defineOperation({
    name: 'source.remove',
    summary: 'Remove a consumer and its cursors. No mail is touched.',
    input: z.strictObject({ consumer }),
    output: z.undefined(),
    permission: 'sources:consume',
    effects: 'destructive',
    http: { method: 'DELETE', path, status: 204 },
    cli: { words: ['source', 'remove'], args: ['consumer'] },
    audit: target,
    async handler({ rooms }, input) {
      await rooms.sources.remove(input.consumer);
      return undefined;
    },
  }),
];
