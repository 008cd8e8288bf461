// The operations on an account's mailboxes, each complete in itself: select, act, release.
import { Readable } from 'node:stream';
import type { MessageStructureObject } from 'imapflow';
import type { MailPart } from '../contracts/mail.ts';
import { codeOf, PosternError } from '../kernel/errors.ts';
import type { ImapConnection } from './connection.ts';
import { type FetchedPart, fetchOf, fetchParts } from './fetch.ts';
import { demandSafeExpunge } from './message-changes.ts';
import { openSection, SLOWEST_BYTES_A_SECOND } from './section-stream.ts';

/** Where a message lies: a UID means something only together with its mailbox's UIDVALIDITY. */
export interface Place {
  mailbox: string;
  uidValidity: string;
  uid: number;
}

const LOCK_WAIT_MS = 30_000;
const MOST_FOUND = 10_000; // mails of one Message-ID: a server may say any number

/** UIDs of the messages in `mailbox` whose Message-ID header is `messageId`. */
export async function findByMessageId(
  connection: ImapConnection,
  mailbox: string,
  messageId: string,
): Promise<number[]> {
  return withMailbox(connection, mailbox, null, async () => {
    const found = await connection.run('search', () =>
      connection.client.search({ header: { 'message-id': messageId } }, { uid: true }),
    );
    if (!connection.usable) throw connection.failure; // to send again because nothing was found would be wrong
    if (!Array.isArray(found))
      throw new PosternError('imap_refused', `The server did not search ${mailbox}.`, { retry: 'later' });
    return found;
  });
}

/** @throws PosternError `mailbox_missing` */
export async function appendMessage(
  connection: ImapConnection,
  mailbox: string,
  raw: Buffer,
  flags: string[],
  date: Date,
): Promise<void> {
  const answer = await connection.run('append', () => connection.client.append(mailbox, raw, flags, date));
  if (answer === false)
    throw new PosternError('imap_refused', `The server did not take the message into ${mailbox}.`, {
      retry: 'later',
    });
}

/**
 * @throws PosternError `message_gone` when the mailbox was renumbered or the message is not there any more,
 *   `flags_refused`
 */
export async function changeFlags(
  connection: ImapConnection,
  place: Place,
  { add, remove }: { add: string[]; remove: string[] },
): Promise<void> {
  await withMailbox(connection, place.mailbox, place.uidValidity, async () => {
    await requireMessage(connection, place);
    const { client } = connection;
    const uid = String(place.uid);
    const ways = [
      { flags: add, store: () => client.messageFlagsAdd(uid, add, { uid: true }) },
      { flags: remove, store: () => client.messageFlagsRemove(uid, remove, { uid: true }) },
    ];
    for (const { flags, store } of ways) {
      if (flags.length === 0 || (await connection.run('store flags', store))) continue;
      throw new PosternError(
        'flags_refused',
        `The server does not keep the flags ${flags.join(', ')} in ${place.mailbox}.`,
      );
    }
  });
}

/**
 * Does nothing where it lies there already.
 * @returns where it lies then, where the server says so (UIDPLUS)
 * @throws PosternError `message_gone`, `mailbox_missing`, `expunge_unsafe`
 */
export async function moveMessage(
  connection: ImapConnection,
  place: Place,
  target: string,
): Promise<Place | null> {
  return withMailbox(connection, place.mailbox, place.uidValidity, async () => {
    await requireMessage(connection, place);
    if (place.mailbox === target) return place;
    const { client } = connection;
    if (!client.capabilities.has('MOVE') && client.mailbox) {
      const { path, exists = 0 } = client.mailbox;
      const selected = { path, exists, uidValidity: place.uidValidity, permanentFlags: null };
      await demandSafeExpunge(connection, selected, place.uid);
    }
    const done = await connection.run('move', () =>
      connection.client.messageMove(String(place.uid), target, { uid: true }),
    );
    if (done === false)
      throw new PosternError('mailbox_missing', `The server did not move the message to ${target}.`, {
        hint: 'Check that the mailbox exists.',
      });
    const uid = done.uidMap?.get(place.uid);
    if (uid === undefined || done.uidValidity === undefined) return null;
    return { mailbox: target, uidValidity: String(done.uidValidity), uid };
  });
}

/** Where the messages with that Message-ID lie in a mailbox. */
export async function placesWith(
  connection: ImapConnection,
  mailbox: string,
  messageId: string,
): Promise<Place[]> {
  const uids = await findByMessageId(connection, mailbox, messageId);
  const open = connection.client.mailbox; // the search has left it open
  if (!open || open.path !== mailbox) return [];
  const uidValidity = String(open.uidValidity);
  return uids.slice(0, MOST_FOUND).map((uid) => ({ mailbox, uidValidity, uid }));
}

/** @throws PosternError `message_gone` */
export async function readParts(
  connection: ImapConnection,
  place: Place,
  parts: readonly MailPart[],
  limit: number | ((part: MailPart) => number),
): Promise<FetchedPart[]> {
  return withMailboxToRead(connection, place, async () => {
    const found = await connection.run('fetch the text', () =>
      fetchParts(connection, place.uid, parts, limit),
    );
    if (!found) throw gone(place); // outside of `run`, which would hang up: the next place is asked on this connection
    return found;
  });
}

export interface WrappedMessage {
  /** The header block of the message inside. */
  headers: Buffer;
  /** The tree of the whole message, undefined where the server's cannot be read. */
  structure: MessageStructureObject | undefined;
  /** The octets of the part `beside`, as transferred. */
  beside: Buffer;
}

/**
 * What is known of a message inside of another one, and another part of that, in one command.
 * @param path of the part that is the message @param limit octets of the header block, and of `beside`
 * @throws PosternError `message_gone`
 */
export async function readWrapped(
  connection: ImapConnection,
  place: Place,
  path: string,
  beside: string,
  limit: number,
): Promise<WrappedMessage> {
  const header = `${path}.header`;
  const bodyParts = [header, beside].map((key) => ({ key, start: 0, maxLength: limit }));
  const query = { uid: true, bodyStructure: true, bodyParts };
  return withMailboxToRead(connection, place, async () => {
    const found = await connection.run('fetch a wrapped message', () =>
      fetchOf(connection, place.uid, query, (message) => message.bodyParts !== undefined),
    );
    if (!found) throw gone(place);
    const octets = (key: string): Buffer => found.bodyParts?.get(key) ?? Buffer.alloc(0);
    return { headers: octets(header), structure: found.bodyStructure, beside: octets(beside) };
  });
}

const LONGEST_STREAM_MS = 60 * 60_000; // a server may say any size

/**
 * Streams one part into `consume`, never holding it whole. The connection is closed where that takes longer than the
 * account's time limit and what the part's size allows for.
 * @param decode undoes the transfer encoding; the pieces are its own
 * @throws PosternError `message_gone`, `mail_cut_short`, and what `consume` throws
 */
export async function streamPart<T>(
  connection: ImapConnection,
  place: Place,
  part: MailPart,
  decode: (pieces: AsyncIterable<Buffer>, encoding: string) => AsyncIterable<Buffer>,
  consume: (stream: Readable) => Promise<T>,
): Promise<T> {
  return withMailboxToRead(connection, place, async () => {
    const pieces = await openSection(connection, { uid: place.uid, path: part.path, size: part.size });
    if (!pieces) throw gone(place);
    const content = Readable.from(decode(pieces, part.encoding), { objectMode: false });
    content.on('error', () => undefined); // also one that comes after `consume` has ended
    const allowance = Math.ceil((part.size / SLOWEST_BYTES_A_SECOND) * 1_000);
    const limit = connection.timeLimit + Math.min(allowance, LONGEST_STREAM_MS);
    // A reader that fails does not end the connection: the window that is under way is read to its end.
    const consuming = (): Promise<{ value: T } | { error: unknown }> =>
      consume(content).then(
        (value) => ({ value }),
        (error: unknown) => ({ error }),
      );
    try {
      const consumed = await connection.run('read an attachment', consuming, undefined, limit);
      if ('error' in consumed) throw consumed.error;
      return consumed.value;
    } finally {
      content.destroy();
    }
  });
}

/** To read, a mailbox that was opened for reading only is as good: it is not opened once more. */
function withMailboxToRead<T>(
  connection: ImapConnection,
  { mailbox, uidValidity }: Place,
  work: () => Promise<T>,
): Promise<T> {
  const open = connection.client.mailbox;
  const readOnly = open && open.path === mailbox && open.readOnly === true;
  return withMailbox(connection, mailbox, uidValidity, work, readOnly);
}

async function withMailbox<T>(
  connection: ImapConnection,
  mailbox: string,
  uidValidity: string | null,
  work: () => Promise<T>,
  readOnly = false,
): Promise<T> {
  const before = connection.client.mailbox;
  const lock = await connection
    .run(`select ${mailbox}`, () =>
      connection.client.getMailboxLock(mailbox, { readOnly, acquireTimeout: LOCK_WAIT_MS }),
    )
    .catch((error: unknown) => {
      // A mailbox that was deleted took its messages with it: they may lie elsewhere too.
      if (uidValidity !== null && codeOf(error) === 'mailbox_missing') throw gone({ mailbox });
      throw error;
    });
  try {
    const selected = connection.client.mailbox;
    if (uidValidity !== null && selected && String(selected.uidValidity) !== uidValidity) {
      throw new PosternError('message_gone', `The mailbox ${mailbox} was renumbered by the server.`, {
        retry: 'later',
      });
    }
    return await work().catch(async (error: unknown) => {
      if (codeOf(error) === 'message_gone' && !connection.usable) throw connection.failure; // nobody said so
      // Left open by the operation before: what came since is shown to those who ask for news only (RFC 9051 §7).
      if (codeOf(error) !== 'message_gone' || !before || before !== selected) throw error;
      await connection.run('look for news', () => connection.client.noop());
      return work();
    });
  } finally {
    lock.release();
  }
}

async function requireMessage(connection: ImapConnection, place: Place): Promise<void> {
  const found = await connection.run('look for a message', () =>
    fetchOf(connection, place.uid, { uid: true }, () => true),
  );
  if (!found) throw gone(place);
}

const gone = (place: Pick<Place, 'mailbox'>): PosternError =>
  new PosternError('message_gone', `The message is no longer in ${place.mailbox}.`);
