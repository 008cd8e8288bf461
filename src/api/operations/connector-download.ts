// The bytes of a message as a stream, from the IMAP server to whoever asked: however large, never held whole.
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { streamMessage } from '../../imap/read-message.ts';
import { keptMoving } from '../../watch/open-attachment.ts';
import { defineOperation, type Operation } from '../registry.ts';
import { accountName } from './account.ts';
import { atMessage, auditTarget, messageFields, namesOneMessage } from './connector-place.ts';

export const connectorDownloadOperations: readonly Operation[] = [
  defineOperation({
    name: 'imap.download_message',
    summary: 'Give the bytes of a message as they lie on the server.',
    input: z.strictObject({ id: accountName, ...messageFields }).superRefine(namesOneMessage),
    output: z.custom<Readable>((value) => value instanceof Readable),
    permission: 'mailboxes:read',
    effects: 'read',
    http: {
      method: 'POST',
      path: '/v1/accounts/{id}/imap/download_message',
      answers: 'message/rfc822',
    },
    cli: { words: ['imap', 'download-message'], args: ['id'] },
    audit: auditTarget,
    async handler({ rooms, signal }, { id, ...name }) {
      const account = await rooms.accounts.find(id);
      const { max_message_bytes: largest, timeout_ms: stall } = account.settings;
      const out = new PassThrough();
      // The door listens only while it reads; an error that comes after must find somebody, or it ends the process.
      out.on('error', () => undefined);
      const opened = Promise.withResolvers<void>();
      // The account's connection is in use until the last byte is taken; the answer begins with the first.
      atMessage(rooms, account, name, (connection, place) =>
        streamMessage(connection, place, largest, signal, (stream) => {
          opened.resolve();
          return pipeline(stream, keptMoving(stall), out, { signal });
        }),
      ).catch((error: unknown) => {
        opened.reject(error);
        out.destroy(error as Error);
      });
      await opened.promise;
      return out;
    },
  }),
];
