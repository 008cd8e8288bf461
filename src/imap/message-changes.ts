// What changes one message of a mailbox: its flags, its place, its being there. Each looks first whether the message is
// there under the UIDVALIDITY that the caller knows, and says afterwards what the server made of it.
import { PosternError } from '../kernel/errors.ts';
import { ask, type Selected, withSelected } from './ask.ts';
import type { ImapConnection } from './connection.ts';
import { fetchOf } from './fetch.ts';
import { createMailbox } from './mailboxes.ts';
import { searchUids } from './search.ts';

/** A message by its UID. Without UIDVALIDITY the mailbox is taken as it is now. */
export interface MessagePlace {
  mailbox: string;
  uid: number;
  uidValidity?: string | undefined;
}

/** Where a message lies now. */
export interface FoundPlace {
  mailbox: string;
  uidValidity: string;
  uid: number;
}

/**
 * Adds and takes away flags, and gives the flags that the message has then.
 * @throws PosternError `message_gone`, `flags_refused`, and those of selecting
 */
export async function updateFlags(
  connection: ImapConnection,
  place: MessagePlace,
  change: { add: readonly string[]; remove: readonly string[] },
  signal?: AbortSignal,
): Promise<FoundPlace & { flags: string[] }> {
  return withSelected(connection, place.mailbox, writing(place, signal), async (selected) => {
    const before = await flagsOf(connection, place, signal);
    const add = change.add.filter((flag) => !has(before, flag));
    const remove = change.remove.filter((flag) => has(before, flag));
    demandKept(selected, add);
    const { client } = connection;
    const uid = String(place.uid);
    if (add.length > 0)
      await store(connection, () => client.messageFlagsAdd(uid, add, { uid: true }), add, signal);
    if (remove.length > 0)
      await store(connection, () => client.messageFlagsRemove(uid, remove, { uid: true }), remove, signal);
    return { ...found(selected, place.uid), flags: await flagsOf(connection, place, signal) };
  });
}

/**
 * Marks a message as deleted and, with `expunge`, takes it away for good: it alone, whatever else is marked.
 * @throws PosternError `message_gone`, `expunge_unsafe` where the server could only take away all that is marked
 */
export async function deleteMessage(
  connection: ImapConnection,
  place: MessagePlace,
  expunge: boolean,
  signal?: AbortSignal,
): Promise<FoundPlace & { flags: string[]; expunged: boolean }> {
  return withSelected(connection, place.mailbox, writing(place, signal), async (selected) => {
    const before = await flagsOf(connection, place, signal);
    if (expunge) await demandSafeExpunge(connection, selected, place.uid, signal);
    const { client } = connection;
    const uid = String(place.uid);
    const deleted = ['\\Deleted'];
    if (!has(before, '\\Deleted')) {
      demandKept(selected, deleted);
      await store(connection, () => client.messageFlagsAdd(uid, deleted, { uid: true }), deleted, signal);
    }
    if (!expunge)
      return {
        ...found(selected, place.uid),
        flags: await flagsOf(connection, place, signal),
        expunged: false,
      };
    const done = await ask(connection, 'expunge', () => client.messageDelete(uid, { uid: true }), signal);
    if (!done)
      throw new PosternError('imap_refused', 'The server did not expunge the message.', { retry: 'later' });
    return { ...found(selected, place.uid), flags: [], expunged: true };
  });
}

/**
 * Moves a message, and says under which UID it lies there where the server says so (UIDPLUS).
 * @throws PosternError `message_gone`, `mailbox_missing`, `expunge_unsafe`
 */
export async function moveTo(
  connection: ImapConnection,
  place: MessagePlace,
  target: string,
  create: boolean,
  signal?: AbortSignal,
): Promise<{ mailbox: string; uidValidity: string | null; uid: number | null }> {
  if (create) await createMailbox(connection, target, signal);
  return withSelected(connection, place.mailbox, writing(place, signal), async (selected) => {
    await flagsOf(connection, place, signal);
    const { client } = connection;
    // Without MOVE (RFC 6851) it is copied, marked and expunged.
    if (!client.capabilities.has('MOVE')) await demandSafeExpunge(connection, selected, place.uid, signal);
    const moved = await ask(
      connection,
      `move the message to ${target}`,
      () => client.messageMove(String(place.uid), target, { uid: true }),
      signal,
    );
    if (!moved) {
      throw new PosternError('mailbox_missing', `The server did not move the message to ${target}.`, {
        hint: 'Check that the mailbox exists, or let it be made.',
      });
    }
    return {
      mailbox: moved.destination,
      uidValidity: moved.uidValidity === undefined ? null : String(moved.uidValidity),
      uid: moved.uidMap?.get(place.uid) ?? null,
    };
  });
}

export interface NewMessage {
  mailbox: string;
  /** With CRLF line ends. */
  raw: Buffer;
  flags: readonly string[];
  /** INTERNALDATE; the server's own time where absent. */
  date?: Date | undefined;
  /** Makes the mailbox where it is missing. */
  create: boolean;
}

/** Puts a message into a mailbox. @throws PosternError `mailbox_missing`, `mail_too_large`, `flags_refused` */
export async function appendTo(
  connection: ImapConnection,
  message: NewMessage,
  signal?: AbortSignal,
): Promise<{ mailbox: string; uidValidity: string; uid: number | null }> {
  const { mailbox, raw, flags, date } = message;
  if (message.create) await createMailbox(connection, mailbox, signal);
  // Selected, so that its own flags are known, and the UID also where the server has no UIDPLUS.
  return withSelected(connection, mailbox, { write: true, signal }, async (selected) => {
    demandKept(selected, flags);
    const { client } = connection;
    const most = client.capabilities.get('APPENDLIMIT');
    if (typeof most === 'number' && raw.length > most) {
      throw new PosternError('mail_too_large', `The server takes mails of at most ${most} octets.`);
    }
    const answer = await ask(
      connection,
      `put a message into ${mailbox}`,
      () => client.append(mailbox, raw, [...flags], date),
      signal,
    );
    if (!answer)
      throw new PosternError('imap_refused', `The server did not take the message into ${mailbox}.`, {
        retry: 'later',
      });
    return {
      mailbox: selected.path,
      uidValidity: String(answer.uidValidity ?? selected.uidValidity),
      uid: answer.uid ?? null,
    };
  });
}

const writing = (place: MessagePlace, signal: AbortSignal | undefined) => ({
  write: true,
  uidValidity: place.uidValidity,
  signal,
});

const found = ({ path, uidValidity }: Selected, uid: number): FoundPlace => ({
  mailbox: path,
  uidValidity,
  uid,
});

const same = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();
const has = (flags: readonly string[], flag: string): boolean => flags.some((known) => same(known, flag));

/** The flags of a message of the selected mailbox. @throws PosternError `message_gone` */
async function flagsOf(
  connection: ImapConnection,
  place: MessagePlace,
  signal?: AbortSignal,
): Promise<string[]> {
  const message = await ask(
    connection,
    'look for a message',
    () => fetchOf(connection, place.uid, { uid: true, flags: true }, ({ flags }) => flags !== undefined),
    signal,
  );
  if (!message) throw gone(place);
  return [...(message.flags ?? [])].filter((flag) => !same(flag, '\\Recent')).sort();
}

export const gone = ({ mailbox, uid }: { mailbox: string; uid: number }): PosternError =>
  new PosternError('message_gone', `There is no message with the UID ${uid} in ${mailbox}.`, {
    hint: 'It was moved or deleted, or was never there.',
  });

/** The library leaves out silently what the mailbox does not keep. */
function demandKept({ permanentFlags, path }: Selected, flags: readonly string[]): void {
  if (permanentFlags === null) return;
  const kept = [...permanentFlags];
  const lost = flags.filter((flag) => {
    if (flag.startsWith('\\')) return !has(kept, flag);
    return !has(kept, flag) && !permanentFlags.has('\\*');
  });
  if (lost.length === 0) return;
  throw new PosternError(
    'flags_refused',
    `The server does not keep ${lost.join(', ')} in ${path}; it keeps ${kept.join(' ') || 'none'}.`,
  );
}

async function store(
  connection: ImapConnection,
  command: () => Promise<boolean>,
  flags: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  if (await ask(connection, 'store flags', command, signal)) return;
  if (!connection.usable) throw connection.failure;
  throw new PosternError('flags_refused', `The server did not change ${flags.join(', ')}.`);
}

/** Without UIDPLUS, EXPUNGE takes away everything that anybody has marked. @throws PosternError `expunge_unsafe` */
export async function demandSafeExpunge(
  connection: ImapConnection,
  selected: Selected,
  uid: number,
  signal?: AbortSignal,
): Promise<void> {
  if (connection.client.capabilities.has('UIDPLUS')) return;
  const marked = await searchUids(connection, { deleted: true }, selected, signal);
  const others = marked.filter((other) => other !== uid).length;
  if (others === 0) return;
  throw new PosternError(
    'expunge_unsafe',
    `The server has no UIDPLUS, and ${others} other messages in ${selected.path} are marked as deleted: ` +
      'expunging would take them away too.',
    { hint: 'Delete without expunge, or let the mailbox be expunged by a person first.' },
  );
}
