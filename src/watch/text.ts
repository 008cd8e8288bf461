// The text of messages: read over IMAP once it is needed, then kept in the ledger.
import type { Selectable } from 'kysely';
import type { MailContent, MailMetadata, MailPart } from '../contracts/mail.ts';
import type { ImapConnection } from '../imap/connection.ts';
import { fetchParts } from '../imap/fetch.ts';
import { type Place, readParts } from '../imap/operations.ts';
import type { ImapPool } from '../imap/pool.ts';
import { codeOf, explain, PosternError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { UNKNOWN_LANGUAGE } from '../mail/language.ts';
import { decodeBodies } from '../mail/parse.ts';
import { isTnef, MAX_TNEF_OCTETS, readPartsOf } from '../mail/structure.ts';
import type { ContentsTable } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import type { TextReader } from './arrival.ts';
import { insertContent } from './ledger-writes.ts';
import { placesOf } from './places.ts';

const MOVED_AGAIN_MS = 2_000; // a mail that is moved to another watched mailbox is seen there about that soon
const LARGEST_TEXT_BYTES = 2 * 1024 * 1024; // of a part as transferred: some hundred pages

const MOST_TEXT_BYTES = 4 * LARGEST_TEXT_BYTES; // of all parts: fifty of the largest would be a book a mail

/** How much of each part is read, in octets as transferred: at least one, so that a part that is left out counts as cut. */
export function readLimitsOf(parts: readonly MailPart[]): (part: MailPart) => number {
  let left = MOST_TEXT_BYTES;
  const limits = new Map<MailPart, number>();
  for (const part of parts) {
    const limit = isTnef(part) ? MAX_TNEF_OCTETS : Math.max(1, Math.min(LARGEST_TEXT_BYTES, left));
    if (!isTnef(part)) left -= Math.min(limit, part.size);
    limits.set(part, limit);
  }
  return (part) => limits.get(part) ?? 1;
}

/** Reads text on a watching connection, between the fetch and the commit; a failure is left to whoever needs the text. */
export function textReader(connection: ImapConnection, log: Logger): TextReader {
  return async (uid, metadata) => {
    if (!connection.usable) return null;
    // Mail that comes in does not wait for that; whoever needs the text reads it then.
    const wanted = readPartsOf(metadata.parts);
    if (wanted.some((part) => isTnef(part) && part.size > LARGEST_TEXT_BYTES)) return null;
    try {
      const parts = await connection.run('fetch the text', () =>
        fetchParts(connection, uid, wanted, readLimitsOf(wanted)),
      );
      return parts && (await decodeBodies(parts, metadata));
    } catch (error) {
      log.info({ uid, code: codeOf(error) }, `the text was not read on the way in: ${explain(error)}`);
      return null;
    }
  };
}

const NO_NOTES = {
  hidden: null,
  language: UNKNOWN_LANGUAGE,
  invitation: null,
  unpacked: [],
} satisfies Partial<MailContent>;

/** What the ledger keeps of a content. */
export function storedContent(row: Selectable<ContentsTable>): MailContent {
  const { text, reply_text, html, truncated, notes } = row;
  const rest = notes === null ? {} : (JSON.parse(notes) as Partial<MailContent>);
  return { text, reply_text, html, truncated: truncated === 1, ...NO_NOTES, ...rest };
}

export interface TextParts {
  store: Store;
  imap: ImapPool;
}

/**
 * The text of a message, from the ledger or else from the IMAP server.
 * @throws PosternError `message_gone` when it lies nowhere any more, and those of connecting
 */
export async function textOf(
  parts: TextParts,
  message: { id: string; accountId: string; metadata: MailMetadata },
): Promise<MailContent> {
  const row = await parts.store.db
    .selectFrom('contents')
    .selectAll()
    .where('message_id', '=', message.id)
    .executeTakeFirst();
  if (row) return storedContent(row);
  const wanted = readPartsOf(message.metadata.parts);
  const content = await atAnyPlace(parts, message, async (connection, place) =>
    decodeBodies(await readParts(connection, place, wanted, readLimitsOf(wanted)), message.metadata),
  );
  await parts.store.write((tx) => insertContent(tx, message.id, content));
  return content;
}

/**
 * Tries the places where a message was seen, the latest first. Also those from which it is known to be gone, at last: a
 * server may have been wrong.
 * @throws PosternError `message_gone`, worth another try: a mail that was just moved is not seen at its new place yet
 */
export async function atAnyPlace<T>(
  parts: TextParts,
  message: { id: string; accountId: string },
  work: (connection: ImapConnection, place: Place) => Promise<T>,
): Promise<T> {
  const places = await placesOf(parts.store.db, message.id);
  return parts.imap.use(message.accountId, async (connection) => {
    for (const { mailbox, uidValidity, uid } of places) {
      try {
        return await work(connection, { mailbox, uidValidity, uid });
      } catch (error) {
        if (codeOf(error) !== 'message_gone') throw error;
      }
    }
    throw new PosternError(
      'message_gone',
      'The message is no longer where it was seen: it was moved or deleted.',
      { retry: { afterMs: MOVED_AGAIN_MS } },
    );
  });
}
