// What the connector operations share: how a message is named, which account is meant, and what the audit says of it.
import { z } from 'zod';
import type { Account } from '../../accounts/accounts.ts';
import { mailboxPath, uid, uidValidity } from '../../contracts/connector.ts';
import type { ImapConnection } from '../../imap/connection.ts';
import type { MessagePlace } from '../../imap/message-changes.ts';
import { codeOf, notFound, PosternError } from '../../kernel/errors.ts';
import { placesOf } from '../../watch/places.ts';
import type { Context } from '../registry.ts';
import type { Rooms } from '../rooms.ts';

/** A message by mailbox and UID, or by the id under which Postern knows it. */
export const messageFields = {
  mailbox: mailboxPath.optional(),
  uid: uid.optional(),
  /** The UIDVALIDITY under which the UID was read: with it, a renumbered mailbox is noticed (409). */
  uid_validity: uidValidity.optional(),
  /** Postern's id, such as `msg_…`, instead of mailbox and UID. */
  message: z.string().max(100).optional(),
};

export interface MessageName {
  mailbox?: string | undefined;
  uid?: number | undefined;
  uid_validity?: number | undefined;
  message?: string | undefined;
}

/** For `superRefine` of an input that names a message. */
export function namesOneMessage(name: MessageName, context: z.RefinementCtx): void {
  const byPlace = name.mailbox !== undefined || name.uid !== undefined || name.uid_validity !== undefined;
  if (name.message !== undefined && byPlace)
    context.addIssue({
      code: 'custom',
      path: ['message'],
      message: 'give either message, or mailbox and uid',
    });
  if (name.message === undefined && (name.mailbox === undefined || name.uid === undefined))
    context.addIssue({ code: 'custom', path: ['uid'], message: 'give mailbox and uid, or message' });
}

/**
 * Does `work` at the place of a message: at the one that is named, or at any where Postern has seen it, the latest first.
 * @throws PosternError `not_found`, `message_gone`
 */
export async function atMessage<T>(
  rooms: Rooms,
  account: Account,
  name: MessageName,
  work: (connection: ImapConnection, place: MessagePlace) => Promise<T>,
): Promise<T> {
  const { mailbox, uid: number, uid_validity: validity, message } = name;
  if (mailbox !== undefined && number !== undefined) {
    const place = {
      mailbox,
      uid: number,
      ...(validity === undefined ? {} : { uidValidity: String(validity) }),
    };
    return rooms.imap.use(account.id, (connection) => work(connection, place));
  }
  const id = message ?? '';
  const places = (await placesOf(rooms.store.db, id)).filter(({ accountId }) => accountId === account.id);
  if (places.length === 0) throw notFound('message', id);
  return rooms.imap.use(account.id, async (connection) => {
    for (const place of places) {
      try {
        return await work(connection, place);
      } catch (error) {
        if (!ELSEWHERE.has(codeOf(error))) throw error;
      }
    }
    throw new PosternError('message_gone', 'The message is no longer where it was seen: moved or deleted.');
  });
}

const ELSEWHERE = new Set(['message_gone', 'uid_validity_changed', 'mailbox_missing']);

/** `acc_…/Sales/Quotes;uidvalidity=7;uid=12`: in the manner of RFC 5092. */
export async function auditTarget(
  { rooms }: Context,
  input: MessageName & { id: string; name?: string },
): Promise<string> {
  const { mailbox, uid: number, uid_validity: validity, message, name } = input;
  const account = await rooms.accounts.find(input.id).catch(() => null);
  return [
    account?.id ?? input.id.slice(0, 100),
    ...(mailbox === undefined ? [] : [`/${mailbox}`]),
    ...(validity === undefined ? [] : [`;uidvalidity=${validity}`]),
    ...(number === undefined ? [] : [`;uid=${number}`]),
    ...(message === undefined ? [] : [`;message=${message}`]),
    ...(name === undefined ? [] : [`;query=${name}`]),
  ].join('');
}
