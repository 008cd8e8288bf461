// The connector operations that read: mailboxes, searches, one message, and a mail from its bytes.
import { z } from 'zod';
import {
  fetchedMessage,
  mailboxPath,
  mailboxView,
  messageRow,
  searchCriteria,
  searchOrder,
} from '../../contracts/connector.ts';
import { listMailboxes } from '../../imap/mailboxes.ts';
import { readMessage } from '../../imap/read-message.ts';
import { metadataOf } from '../../mail/metadata.ts';
import { decodeBodies } from '../../mail/parse.ts';
import { textPartsOf } from '../../mail/structure.ts';
import { idsAt } from '../../watch/places.ts';
import { defineOperation, type Operation } from '../registry.ts';
import { accountName } from './account.ts';
import { atMessage, auditTarget, messageFields, namesOneMessage } from './connector-place.ts';
import { rowOf, searchRows } from './connector-rows.ts';
import { parsedMail, parsedView, rawMail, rawMailField } from './parse.ts';

const MAX_PAGE = 1000;
const DEFAULT_TEXT_BYTES = 1024 * 1024; // of each text part: as much as is kept of a text anyway
const MAX_BYTES = 1_073_741_824; // as large as an account may let mails be

export const searchPage = z.object({
  mailbox: z.string(),
  uid_validity: z.number().int(),
  /** How many messages match, from this page on. */
  matched: z.number().int(),
  data: z.array(messageRow),
  next_page_token: z.string().nullable(),
});

export const pageLimit = z.coerce.number().int().min(1).max(MAX_PAGE).optional();

export const connectorReadOperations: readonly Operation[] = [
  defineOperation({
    name: 'imap.list_mailboxes',
    summary: 'List the mailboxes of an account as its IMAP server names them, with their counts.',
    input: z.strictObject({
      id: accountName,
      /** False leaves the counts out, which is faster where the server has to open each mailbox. */
      counts: z.boolean().default(true),
      /** Only mailboxes that the user is subscribed to. */
      subscribed: z.boolean().default(false),
    }),
    output: z.object({ mailboxes: z.array(mailboxView) }),
    permission: 'accounts:connect',
    effects: 'read',
    http: { method: 'POST', path: '/v1/accounts/{id}/imap/list_mailboxes' },
    cli: {
      words: ['imap', 'list-mailboxes'],
      args: ['id'],
      columns: ['path', 'special_use', 'messages', 'unseen', 'subscribed'],
    },
    audit: auditTarget,
    async handler({ rooms, signal }, { id, counts, subscribed }) {
      const account = await rooms.accounts.find(id);
      const mailboxes = await rooms.imap.use(account.id, (connection) =>
        listMailboxes(connection, { counts, signal }),
      );
      return { mailboxes: subscribed ? mailboxes.filter((mailbox) => mailbox.subscribed) : mailboxes };
    },
  }),
  defineOperation({
    name: 'imap.search_messages',
    summary: 'Search a mailbox, and show what was found without its content, in pages.',
    input: z.strictObject({
      id: accountName,
      mailbox: mailboxPath.default('INBOX'),
      criteria: searchCriteria.default({}),
      /** By UID, which is the order in which messages came to the mailbox. */
      order: searchOrder.default('newest'),
      /** The account's default_page_limit where absent. */
      limit: pageLimit,
      page_token: z.string().max(500).optional(),
    }),
    output: searchPage,
    permission: 'mailboxes:read',
    effects: 'read',
    http: { method: 'POST', path: '/v1/accounts/{id}/imap/search_messages' },
    cli: {
      words: ['imap', 'search-messages'],
      args: ['id'],
      columns: ['uid', 'date', 'from', 'subject', 'flags', 'size'],
      spread: 'criteria',
    },
    audit: auditTarget,
    async handler({ rooms, signal }, { id, limit, ...request }) {
      const account = await rooms.accounts.find(id);
      const most = limit ?? account.settings.default_page_limit;
      return searchRows(rooms, account, { ...request, limit: most }, signal);
    },
  }),
  defineOperation({
    name: 'imap.fetch_message',
    summary: 'Fetch one message: what is known of it, its text, or its bytes. It stays as unread as it is.',
    input: z
      .strictObject({
        id: accountName,
        ...messageFields,
        /** `metadata`: headers and attachments. `body`: the text too. `raw`: all of its bytes too. */
        content: z.enum(['metadata', 'body', 'raw']).default('body'),
        /** Of each text part, or of the raw message; never more than the account's max_message_bytes. */
        max_bytes: z.coerce.number().int().min(1).max(MAX_BYTES).optional(),
      })
      .superRefine(namesOneMessage),
    output: fetchedMessage,
    permission: 'mailboxes:read',
    effects: 'read',
    http: { method: 'POST', path: '/v1/accounts/{id}/imap/fetch_message' },
    cli: { words: ['imap', 'fetch-message'], args: ['id'] },
    audit: auditTarget,
    async handler({ rooms, signal }, { id, content, max_bytes, ...name }) {
      const account = await rooms.accounts.find(id);
      const largest = account.settings.max_message_bytes;
      const wanted = max_bytes ?? (content === 'raw' ? largest : DEFAULT_TEXT_BYTES);
      const limit = Math.min(wanted, largest);
      const { place, message, parts, raw } = await atMessage(rooms, account, name, (connection, at) =>
        readMessage(connection, at, {
          signal,
          ...(content === 'raw' ? { rawBytes: limit } : {}),
          ...(content === 'body'
            ? { partBytes: limit, parts: (found) => textPartsOf(metadataOf(found).parts) }
            : {}),
        }),
      );
      const ids = await idsAt(rooms.store.db, { accountId: account.id, ...place }, [place.uid]);
      const metadata = metadataOf(message);
      const text = content === 'body' ? await decodeBodies(parts, metadata) : null;
      return {
        ...rowOf(message, place, ids.get(place.uid) ?? null, metadata),
        references: metadata.references,
        headers: metadata.headers,
        text: text?.text ?? null,
        reply_text: text?.reply_text ?? null,
        html: text?.html ?? null,
        raw_base64: raw?.toString('base64') ?? null,
        truncated: text?.truncated ?? (raw !== null && raw.length >= limit && message.size > raw.length),
      };
    },
  }),
  defineOperation({
    name: 'imap.parse_message',
    summary:
      'Understand a raw mail (RFC 5322) within the limits of an account. Nothing is fetched or changed.',
    input: z.strictObject({ id: accountName, ...rawMailField }),
    output: parsedMail,
    permission: 'messages:parse',
    effects: 'read',
    http: {
      method: 'POST',
      path: '/v1/accounts/{id}/imap/parse_message',
      largeBody: true,
      rawBody: { type: 'message/rfc822' },
    },
    cli: { words: ['imap', 'parse-message'], args: ['id'] },
    audit: auditTarget,
    async handler(context, { id, raw_base64 }) {
      const { rooms } = context;
      const account = await rooms.accounts.find(id);
      const limits = { maxOctets: account.settings.max_message_bytes, keepContent: false };
      return parsedView(await rooms.parseMail(rawMail(context, raw_base64), limits));
    },
  }),
];
