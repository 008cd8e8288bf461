// Moving a message and knowing afterwards where it lies: also in a mailbox that nobody watches, where its text and its
// attachments are still wanted by whoever was woken by it.
import type { ImapConnection } from '../imap/connection.ts';
import { createMailbox } from '../imap/mailboxes.ts';
import { moveMessage, type Place, placesWith } from '../imap/operations.ts';
import { codeOf } from '../kernel/errors.ts';
import type { Tx } from '../store/store.ts';
import { insertPlaces } from './ledger-writes.ts';
import { atAnyPlace, type TextParts } from './text.ts';

export interface SoughtMessage {
  id: string;
  accountId: string;
  /** The Message-ID of the mail, where it has one. */
  messageId: string | null;
}

/** @throws PosternError `message_gone`, `mailbox_missing`, `expunge_unsafe` */
export async function moveAndNote(
  parts: TextParts,
  message: SoughtMessage,
  { mailbox, create }: { mailbox: string; create: boolean },
  signal: AbortSignal,
): Promise<void> {
  let places: Place[];
  try {
    const place = await atAnyPlace(parts, message, async (connection, from) => {
      if (create) await createMailbox(connection, mailbox, signal);
      return moveMessage(connection, from, mailbox);
    });
    places = place ? [place] : await placesIn(parts, message, mailbox);
  } catch (error) {
    // An attempt whose end nobody heard of may have moved it.
    places = codeOf(error) === 'message_gone' ? await placesIn(parts, message, mailbox) : [];
    if (places.length === 0) throw error;
  }
  // Of several mails with one Message-ID, a sender may want one to be read as the other.
  const [found, another] = places;
  if (found && !another) await parts.store.write((tx) => notePlace(tx, message, found));
}

async function notePlace(tx: Tx, { id, accountId }: SoughtMessage, place: Place): Promise<void> {
  const known = await tx
    .selectFrom('locations')
    .select('flags')
    .where('message_id', '=', id)
    .orderBy('uid', 'desc')
    .executeTakeFirst();
  const flags = JSON.parse(known?.flags ?? '[]') as string[]; // they go with the mail
  await insertPlaces(tx, { ...place, accountId }, [{ uid: place.uid, messageId: id, flags }]);
}

/** Where the mail can be found in a mailbox of its account by its Message-ID. */
async function placesIn(
  { imap }: TextParts,
  { accountId, messageId }: SoughtMessage,
  mailbox: string,
): Promise<Place[]> {
  if (messageId === null) return [];
  const find = (connection: ImapConnection): Promise<Place[]> => placesWith(connection, mailbox, messageId);
  return imap.use(accountId, find).catch((error: unknown) => {
    if (codeOf(error) === 'mailbox_missing') return [];
    throw error;
  });
}
