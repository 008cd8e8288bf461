// Messages of the server as rows: read by the code that reads every mail, with Postern's ids where they are known.
import type { Account } from '../../accounts/accounts.ts';
import type { MessageRow, SearchCriteria } from '../../contracts/connector.ts';
import type { MailMetadata } from '../../contracts/mail.ts';
import type { FetchedMessage } from '../../imap/fetch.ts';
import { searchMailbox } from '../../imap/search.ts';
import { PosternError } from '../../kernel/errors.ts';
import { metadataOf } from '../../mail/metadata.ts';
import { attachmentName, attachmentsOf, decodedSizeOf, isInline } from '../../mail/structure.ts';
import { idsAt } from '../../watch/places.ts';
import type { Rooms } from '../rooms.ts';

export interface RowsRequest {
  mailbox: string;
  criteria: SearchCriteria;
  order: 'newest' | 'oldest';
  limit: number;
  page_token?: string | undefined;
}

export interface Rows {
  mailbox: string;
  uid_validity: number;
  matched: number;
  data: MessageRow[];
  next_page_token: string | null;
}

/** A page of a search. @throws PosternError `invalid_input` for a token of another search, `uid_validity_changed` */
export async function searchRows(
  rooms: Rooms,
  account: Account,
  request: RowsRequest,
  signal: AbortSignal,
): Promise<Rows> {
  const { mailbox, criteria, order, limit, page_token: token } = request;
  const after = token === undefined ? undefined : cursorOf(token, order);
  const page = await rooms.imap.use(account.id, (connection) =>
    searchMailbox(connection, { mailbox, criteria, order, limit, after, signal }),
  );
  const place = { accountId: account.id, mailbox: page.mailbox, uidValidity: page.uidValidity };
  const ids = await idsAt(
    rooms.store.db,
    place,
    page.messages.map(({ uid }) => uid),
  );
  return {
    mailbox: page.mailbox,
    uid_validity: Number(page.uidValidity),
    matched: page.matched,
    data: page.messages.map((message) => rowOf(message, place, ids.get(message.uid) ?? null)),
    next_page_token: page.next === null ? null : tokenOf(order, page.uidValidity, page.next),
  };
}

export function rowOf(
  message: FetchedMessage,
  place: { mailbox: string; uidValidity: string },
  id: string | null,
  metadata: MailMetadata = metadataOf(message),
): MessageRow {
  return {
    id,
    mailbox: place.mailbox,
    uid: message.uid,
    uid_validity: Number(place.uidValidity),
    // \Recent is gone from IMAP (RFC 9051) and says nothing to a second client.
    flags: message.flags.filter((flag) => flag.toLowerCase() !== '\\recent').sort(),
    internal_date: new Date(message.internalDate).toISOString(),
    date: metadata.date === null ? null : new Date(metadata.date).toISOString(),
    size: message.size,
    message_id: metadata.message_id,
    in_reply_to: metadata.in_reply_to,
    subject: metadata.subject,
    from: metadata.from,
    reply_to: metadata.reply_to,
    to: metadata.to,
    cc: metadata.cc,
    attachments: attachmentsOf(metadata.parts).map((part) => ({
      part: part.path,
      filename: attachmentName(part),
      content_type: part.type,
      size: decodedSizeOf(part),
      content_id: part.content_id,
      inline: isInline(part),
    })),
  };
}

const tokenOf = (order: string, uidValidity: string, uid: number): string =>
  Buffer.from(`${order}.${uidValidity}.${uid}`).toString('base64url');

function cursorOf(token: string, order: string): { uidValidity: string; uid: number } {
  const [direction, uidValidity = '', uid = ''] = Buffer.from(token, 'base64url')
    .toString('latin1')
    .split('.');
  if (direction === order && /^\d{1,10}$/.test(uidValidity) && /^[1-9]\d{0,9}$/.test(uid))
    return { uidValidity, uid: Number(uid) };
  throw new PosternError('invalid_input', 'The page_token is not one of this search.', {
    hint: 'Pass the next_page_token of the page before with the same order and criteria, or leave it out.',
    details: { errors: [{ path: 'page_token', message: 'not a token of this search' }] },
  });
}
