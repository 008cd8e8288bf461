// Reading a mailbox from one UID on, a piece at a time: how its numbering stands, which UIDs come next, and some of its
// messages. A piece that is not whole is an error, never a shorter piece: a reader moves on behind what it was given.
import { PosternError } from '../kernel/errors.ts';
import { ask, type Selected, withSelected } from './ask.ts';
import type { ImapConnection } from './connection.ts';
import { type FetchedMessage, fetchedMessage, fetchOf } from './fetch.ts';
import { listMailboxes } from './mailboxes.ts';
import { searchUids } from './search.ts';

const FIRST_WINDOW_UIDS = 10_000;
const WINDOW_GROWTH = 8; // gaps in the numbering are passed in at most eight steps
const MAX_AGAIN = 20; // messages of one piece; more are no mishap of theirs
const LARGEST_UID = 4_294_967_295;

export interface MailboxState {
  mailbox: string;
  uidValidity: string;
  /** The UID that the next message gets; 0 where the server does not tell. */
  uidNext: number;
}

/**
 * The state of some mailboxes, or of all, by path.
 * @param onMissing hears of those that are named and not there
 * @throws PosternError `mailbox_missing` where nobody hears of it
 */
export async function mailboxStates(
  connection: ImapConnection,
  mailboxes: readonly string[] | null,
  signal?: AbortSignal,
  onMissing?: (mailbox: string) => void,
): Promise<MailboxState[]> {
  const states: MailboxState[] = [];
  // STATUS of the mailbox that is open tells what the connection knew before (Dovecot does so): NOOP brings it up to date.
  if (connection.client.mailbox) await ask(connection, 'noop', () => connection.client.noop(), signal);
  if (mailboxes === null) {
    for (const view of await listMailboxes(connection, { counts: true, signal })) {
      if (!view.selectable || view.uid_validity === null) continue;
      const uidValidity = String(view.uid_validity);
      states.push({ mailbox: view.path, uidValidity, uidNext: view.uid_next ?? 0 });
    }
  }
  for (const mailbox of mailboxes ?? []) {
    const status = await ask(
      connection,
      `look at the mailbox ${mailbox}`,
      () => statusOf(connection, mailbox),
      signal,
    );
    if (!connection.usable) throw connection.failure;
    if (status === 'missing') {
      if (!onMissing)
        throw new PosternError('mailbox_missing', `There is no mailbox ${mailbox}.`, {
          hint: 'List the mailboxes for their names as the server writes them.',
        });
      onMissing(mailbox);
      continue;
    }
    if (!status || status.uidValidity === undefined) {
      throw new PosternError('imap_refused', `The server does not tell how ${mailbox} is numbered.`, {
        retry: 'later',
      });
    }
    const uidValidity = String(status.uidValidity);
    states.push({ mailbox, uidValidity, uidNext: status.uidNext ?? 0 });
  }
  return states.sort((a, b) => (a.mailbox < b.mailbox ? -1 : 1));
}

/** A mailbox that is not there is an answer like another, and no reason to hang up. */
async function statusOf(connection: ImapConnection, mailbox: string) {
  try {
    return await connection.client.status(mailbox, { uidNext: true, uidValidity: true });
  } catch (error) {
    if ((error as { code?: unknown } | null)?.code === 'NotFound') return 'missing';
    throw error;
  }
}

/**
 * Opens the mailbox anew, also where it is open: a server may answer searches in an open mailbox by what it knew when
 * that was opened (Dovecot does), and a mailbox that is open keeps its old numbering. It is examined, never closed:
 * CLOSE would expunge.
 * @throws PosternError `uid_validity_changed`
 */
async function withFresh<T>(
  connection: ImapConnection,
  { mailbox, uidValidity }: MailboxState,
  signal: AbortSignal | undefined,
  work: (selected: Selected, uidNext: number) => Promise<T>,
): Promise<T> {
  return withSelected(connection, mailbox, { write: false, signal }, async (selected) => {
    const opened = await ask(
      connection,
      `open the mailbox ${mailbox}`,
      () => connection.client.mailboxOpen(mailbox, { readOnly: true }),
      signal,
    );
    if (!connection.usable) throw connection.failure;
    const now = String(opened.uidValidity);
    if (now !== uidValidity) {
      throw new PosternError('uid_validity_changed', `The mailbox ${mailbox} was renumbered.`, {
        details: { uid_validity: Number(now) },
      });
    }
    return work({ ...selected, uidValidity: now, exists: opened.exists }, opened.uidNext || 0);
  });
}

export interface NextUids {
  /** Ascending, at most as many as were asked for. */
  uids: number[];
  /** True where there may be more behind the last. */
  more: boolean;
  /** The UID that the next message gets, as the mailbox was when it was searched; 0 where the server does not tell. */
  uidNext: number;
}

/** The UIDs above `after`. @throws PosternError `uid_validity_changed`, `search_incomplete` */
export async function uidsAfter(
  connection: ImapConnection,
  state: MailboxState,
  after: number,
  limit: number,
  signal?: AbortSignal,
): Promise<NextUids> {
  return withFresh(connection, state, signal, async (selected, uidNext) => {
    const from = after + 1;
    for (let window = FIRST_WINDOW_UIDS; ; window *= WINDOW_GROWTH) {
      const to = Math.min(from + window - 1, LARGEST_UID);
      const isLast = to + 1 >= uidNext;
      const found = await searchUids(connection, { uid: `${from}:${isLast ? '*' : to}` }, selected, signal);
      const uids = found.filter((uid) => uid > after); // `n:*` always holds the last message
      if (uids.length > 0 || isLast)
        return { uids: uids.slice(0, limit), more: !isLast || uids.length > limit, uidNext };
    }
  });
}

/** The first UID of what came to the mailbox on that day or later; null where nothing did. @param day `2026-11-20` */
export async function firstUidSince(
  connection: ImapConnection,
  state: MailboxState,
  day: string,
  signal?: AbortSignal,
): Promise<number | null> {
  return withFresh(connection, state, signal, async (selected) => {
    const [first] = await searchUids(connection, { since: day }, selected, signal);
    return first ?? null;
  });
}

/** The UID that the next message gets, also where the server does not tell. */
export async function nextUidOf(
  connection: ImapConnection,
  state: MailboxState,
  signal?: AbortSignal,
): Promise<number> {
  if (state.uidNext > 0) return state.uidNext;
  return withFresh(connection, state, signal, async (selected) => {
    const uids = await searchUids(connection, { uid: '*' }, selected, signal);
    return (uids.at(-1) ?? 0) + 1;
  });
}

export interface RangeMessage {
  message: FetchedMessage;
  /** The first octets, where they were asked for. */
  raw: Buffer | null;
}

export interface ReadRange {
  /** By UID. What was expunged meanwhile is left out. */
  messages: RangeMessage[];
  /** Messages that are there and that the server does not show. */
  unreadable: number[];
}

/**
 * Messages by their UIDs, in one command. @param rawBytes octets of each message; null: only what is known of it
 * @throws PosternError `uid_validity_changed`
 */
export async function readUids(
  connection: ImapConnection,
  { mailbox, uidValidity }: MailboxState,
  uids: readonly number[],
  rawBytes: number | null,
  signal?: AbortSignal,
): Promise<ReadRange> {
  const query = {
    uid: true,
    flags: true,
    internalDate: true,
    size: true,
    bodyStructure: true,
    headers: true,
    ...(rawBytes === null ? {} : { source: { start: 0, maxLength: rawBytes } }),
  };
  return withSelected(connection, mailbox, { write: false, uidValidity, signal }, async (selected) => {
    const found = new Map<number, RangeMessage>();
    await ask(
      connection,
      'read messages',
      async () => {
        for await (const message of connection.client.fetch(uids.join(','), query, { uid: true })) {
          // A change of flags is told by itself, in the form of an answer: it has no header block.
          if (message.headers === undefined) continue;
          const raw = rawBytes === null ? null : (message.source ?? Buffer.alloc(0));
          found.set(message.uid, { message: fetchedMessage(message), raw });
        }
      },
      signal,
    );
    if (!connection.usable) throw connection.failure;
    const missing = uids.filter((uid) => !found.has(uid));
    const unreadable =
      missing.length === 0 ? [] : await searchUids(connection, { uid: missing.join(',') }, selected, signal);
    // A structure that nests too deep cannot be read, and takes the rest of the answer with it: without it, once more.
    const { bodyStructure: _, ...withoutStructure } = query;
    for (const uid of unreadable.slice(0, MAX_AGAIN)) {
      const answer = await ask(
        connection,
        'read a message',
        () => fetchOf(connection, uid, withoutStructure, ({ headers }) => headers !== undefined),
        signal,
      );
      const raw = rawBytes === null ? null : (answer?.source ?? Buffer.alloc(0));
      if (answer) found.set(uid, { message: fetchedMessage(answer), raw });
    }
    const messages = uids.flatMap((uid) => found.get(uid) ?? []);
    return { messages, unreadable: unreadable.filter((uid) => !found.has(uid)) };
  });
}
