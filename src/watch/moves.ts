// Moving a message and knowing afterwards where it lies: also in a mailbox that nobody watches, where its text and its
// attachments are still wanted by whoever was woken by it.
import type { ImapConnection } from '../imap/connection.ts';
import { createMailbox } from '../imap/mailboxes.ts';
import { moveMessage, type Place, placeOf } from '../imap/operations.ts';
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
  let place: Place | null;
  try {
    place = await atAnyPlace(parts, message, async (connection, from) => {
      if (create) await createMailbox(connection, mailbox, signal);
      return moveMessage(connection, from, mailbox);
    });
    place ??= await placeIn(parts, message, mailbox);
  } catch (error) {
    // An attempt whose end nobody heard of may have moved it.
    place = codeOf(error) === 'message_gone' ? await placeIn(parts, message, mailbox) : null;
    if (!place) throw error;
  }
  const found = place;
  if (found) await parts.store.write((tx) => notePlace(tx, message, found));
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
async function placeIn(
  { imap }: TextParts,
  { accountId, messageId }: SoughtMessage,
  mailbox: string,
): Promise<Place | null> {
  if (messageId === null) return null;
  const find = (connection: ImapConnection): Promise<Place | null> => placeOf(connection, mailbox, messageId);
  return imap.use(accountId, find).catch((error: unknown) => {
    if (codeOf(error) === 'mailbox_missing') return null;
    throw error;
  });
}
