// The body of a `raw` delivery: the message as it lies on the server, or its header block alone where it is too large.
import type { ImapConnection } from '../imap/connection.ts';
import type { Place } from '../imap/operations.ts';
import { readMessage, streamMessage } from '../imap/read-message.ts';
import { codeOf, PosternError } from '../kernel/errors.ts';
import type { Spool } from './spool.ts';
import type { Subject } from './subject.ts';

/** @returns the request headers that belong to the body */
export async function writeRaw(
  spool: Spool,
  connection: ImapConnection,
  place: Place,
  { message, account, delivery }: Subject,
  limit: number,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const omitted = message.size > limit;
  try {
    if (omitted) {
      const { message: found } = await readMessage(connection, place, { signal });
      await spool.write(found.headers);
    } else {
      await streamMessage(connection, place, limit, signal, async (stream) => {
        for await (const piece of stream) await spool.write(piece as Buffer);
      });
    }
  } catch (error) {
    // Elsewhere the message may still be: the next of its places is looked at.
    if (['uid_validity_changed', 'mailbox_missing'].includes(codeOf(error)))
      throw new PosternError('message_gone', `The message is no longer in ${place.mailbox}.`, {
        cause: error,
      });
    throw error;
  }
  return {
    'content-type': 'message/rfc822',
    'postern-account': account.id,
    'postern-message': message.id,
    'postern-thread': message.threadId,
    'postern-event-type': 'message.received',
    ...(delivery.destination.includes('#') ? {} : { 'postern-destination': delivery.destination }),
    ...(omitted ? { 'postern-omitted': 'body' } : {}),
  };
}
