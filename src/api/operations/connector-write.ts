// The connector operations that change a mailbox. Each honours an Idempotency-Key and is recorded before and after.
import { z } from 'zod';
import { flag, mailboxPath } from '../../contracts/connector.ts';
import { createMailbox } from '../../imap/mailboxes.ts';
import { appendTo, deleteMessage, moveTo, updateFlags } from '../../imap/message-changes.ts';
import { PosternError } from '../../kernel/errors.ts';
import { defineOperation, type Operation } from '../registry.ts';
import { accountName } from './account.ts';
import { atMessage, auditTarget, messageFields, namesOneMessage } from './connector-place.ts';
import { rawMail, rawMailField } from './parse.ts';

const MAX_FLAGS = 50;
const flags = z.array(flag).max(MAX_FLAGS);

const place = { mailbox: z.string(), uid: z.number().int(), uid_validity: z.number().int() };

export const connectorWriteOperations: readonly Operation[] = [
  defineOperation({
    name: 'imap.update_flags',
    summary: 'Add flags to a message and take flags away; the answer holds those it has then.',
    input: z
      .strictObject({
        id: accountName,
        ...messageFields,
        add: flags.default([]),
        remove: flags.default([]),
      })
      .superRefine(namesOneMessage)
      .refine(({ add, remove }) => add.length + remove.length > 0, {
        message: 'give flags to add or to remove',
        path: ['add'],
      }),
    output: z.object({ ...place, flags: z.array(z.string()) }),
    permission: 'mailboxes:write',
    effects: 'write',
    http: { method: 'POST', path: '/v1/accounts/{id}/imap/update_flags' },
    cli: { words: ['imap', 'update-flags'], args: ['id'] },
    idempotent: true,
    audit: auditTarget,
    async handler({ rooms, signal }, { id, add, remove, ...name }) {
      const account = await rooms.accounts.find(id);
      return numbered(
        await atMessage(rooms, account, name, (connection, at) =>
          updateFlags(connection, at, { add, remove }, signal),
        ),
      );
    },
  }),
  defineOperation({
    name: 'imap.delete_message',
    summary: 'Mark a message as deleted; with expunge, take it and nothing else away for good.',
    input: z
      .strictObject({ id: accountName, ...messageFields, expunge: z.boolean().default(false) })
      .superRefine(namesOneMessage),
    output: z.object({ ...place, flags: z.array(z.string()), expunged: z.boolean() }),
    permission: 'mailboxes:write',
    effects: 'destructive',
    http: { method: 'POST', path: '/v1/accounts/{id}/imap/delete_message' },
    cli: { words: ['imap', 'delete-message'], args: ['id'] },
    idempotent: true,
    audit: auditTarget,
    async handler({ rooms, signal }, { id, expunge, ...name }) {
      const account = await rooms.accounts.find(id);
      return numbered(
        await atMessage(rooms, account, name, (connection, at) =>
          deleteMessage(connection, at, expunge, signal),
        ),
      );
    },
  }),
  defineOperation({
    name: 'imap.move_message',
    summary: 'Move a message to another mailbox; the answer says where it lies there, if the server tells.',
    input: z
      .strictObject({
        id: accountName,
        ...messageFields,
        to: mailboxPath,
        /** Makes the mailbox where it is missing. */
        create: z.boolean().default(false),
      })
      .superRefine(namesOneMessage),
    output: z.object({
      mailbox: z.string(),
      uid: z.number().int().nullable(),
      uid_validity: z.number().int().nullable(),
    }),
    permission: 'mailboxes:write',
    effects: 'write',
    http: { method: 'POST', path: '/v1/accounts/{id}/imap/move_message' },
    cli: { words: ['imap', 'move-message'], args: ['id', 'to'] },
    idempotent: true,
    audit: auditTarget,
    async handler({ rooms, signal }, { id, to, create, ...name }) {
      const account = await rooms.accounts.find(id);
      const moved = await atMessage(rooms, account, name, (connection, at) =>
        moveTo(connection, at, to, create, signal),
      );
      return numbered(moved);
    },
  }),
  defineOperation({
    name: 'imap.append_message',
    summary: 'Put a raw mail into a mailbox of an account. Nothing is sent.',
    input: z.strictObject({
      id: accountName,
      mailbox: mailboxPath,
      ...rawMailField,
      flags: flags.default([]),
      /** When it came to the mailbox: ISO 8601; the server's own time where absent. */
      internal_date: z.iso.datetime({ offset: true }).optional(),
      /** Makes the mailbox where it is missing. */
      create: z.boolean().default(false),
    }),
    output: z.object({
      mailbox: z.string(),
      /** Null where the server does not tell. */
      uid: z.number().int().nullable(),
      uid_validity: z.number().int(),
      size: z.number().int(),
    }),
    permission: 'mailboxes:write',
    effects: 'write',
    http: {
      method: 'POST',
      path: '/v1/accounts/{id}/imap/append_message',
      largeBody: true,
      rawBody: { type: 'message/rfc822' },
    },
    cli: { words: ['imap', 'append-message'], args: ['id', 'mailbox'] },
    idempotent: true,
    audit: auditTarget,
    async handler(context, { id, raw_base64, internal_date, ...target }) {
      const { rooms, signal } = context;
      const account = await rooms.accounts.find(id);
      const raw = appendable(Buffer.from(rawMail(context, raw_base64)), account.settings.max_message_bytes);
      const date = internal_date === undefined ? {} : { date: new Date(internal_date) };
      const appended = await rooms.imap.use(account.id, (connection) =>
        appendTo(connection, { ...target, raw, ...date }, signal),
      );
      return { ...numbered(appended), size: raw.length };
    },
  }),
  defineOperation({
    name: 'imap.create_mailbox',
    summary: 'Make a mailbox and subscribe to it. One that is there already stays as it is.',
    input: z.strictObject({ id: accountName, mailbox: mailboxPath }),
    output: z.object({ mailbox: z.string(), created: z.boolean() }),
    permission: 'mailboxes:write',
    effects: 'write',
    http: { method: 'POST', path: '/v1/accounts/{id}/imap/create_mailbox' },
    cli: { words: ['imap', 'create-mailbox'], args: ['id', 'mailbox'] },
    idempotent: true,
    audit: auditTarget,
    async handler({ rooms, signal }, { id, mailbox }) {
      const account = await rooms.accounts.find(id);
      return rooms.imap.use(account.id, (connection) => createMailbox(connection, mailbox, signal));
    },
  }),
];

/** UIDVALIDITY as the number that it is on the wire; within the rooms it is text. */
function numbered<T extends { uidValidity: string | null }>(found: T) {
  const { uidValidity, ...rest } = found;
  const number = uidValidity === null ? null : Number(uidValidity);
  return { ...rest, uid_validity: number as T['uidValidity'] extends string ? number : number | null };
}

/**
 * The octets as IMAP carries them: every line ends in CRLF (RFC 9051 §6.3.12).
 * @throws PosternError `mail_too_large`, `invalid_input` for an empty mail or one with NUL octets
 */
function appendable(raw: Buffer, most: number): Buffer {
  if (raw.length === 0 || raw.includes(0))
    throw new PosternError(
      'invalid_input',
      'The mail is empty or holds a NUL octet, which IMAP cannot carry.',
    );
  const lines = bareBreaks(raw)
    ? Buffer.from(raw.toString('latin1').replace(/\r\n|\r|\n/g, '\r\n'), 'latin1')
    : raw;
  if (lines.length <= most) return lines;
  throw new PosternError(
    'mail_too_large',
    `The mail has ${lines.length} octets; the account takes ${most}.`,
    {
      hint: 'max_message_bytes of the account says how much.',
    },
  );
}

function bareBreaks(raw: Buffer): boolean {
  for (let at = raw.indexOf(0x0a); at >= 0; at = raw.indexOf(0x0a, at + 1))
    if (raw[at - 1] !== 0x0d) return true;
  for (let at = raw.indexOf(0x0d); at >= 0; at = raw.indexOf(0x0d, at + 1))
    if (raw[at + 1] !== 0x0a) return true;
  return false;
}
