// Metadata first: what rules decide on, fetched by UID without any body.
import type { FetchMessageObject, FetchQueryObject, MessageStructureObject } from 'imapflow';
import type { MailPart } from '../contracts/mail.ts';
import { PosternError } from '../kernel/errors.ts';
import { AnswerQueue } from './answer-queue.ts';
import { TappedClient } from './answer-tap.ts';
import type { ImapConnection } from './connection.ts';
import { isThreadId } from './fetch-answer.ts';

export interface FetchedMessage {
  uid: number;
  flags: string[];
  /** INTERNALDATE in epoch milliseconds. */
  internalDate: number;
  size: number;
  /** The raw header block. */
  headers: Buffer;
  /** Undefined where the server's could not be read. */
  bodyStructure: MessageStructureObject | undefined;
  /** The conversation as the provider sees it (X-GM-THRID, or THREADID of RFC 8474), where it has such. */
  threadId?: string;
  /** True where the message is there, and the server gives nothing of it that could be read. */
  isUnreadable?: boolean;
}

// No ENVELOPE: it says less than the header block, which is read by the same code that reads raw messages.
const METADATA = {
  uid: true,
  flags: true,
  internalDate: true,
  size: true,
  bodyStructure: true,
  headers: true,
  threadId: true,
} as const;

const { bodyStructure: _, ...WITHOUT_STRUCTURE } = METADATA;

const LARGEST_UID = 4_294_967_295; // RFC 9051 §9: a number of 32 bits
const MAX_ANSWERS = 5_000_000; // no mailbox comes near; a server that never ends does
const TOO_MANY = 'The IMAP server answers with more messages than any mailbox has.';

/** `fetchChunks`, one by one: for a few messages. */
export async function* fetchMetadata(
  connection: ImapConnection,
  from: number,
  to: number | '*',
  range = `${from}:${to}`,
): AsyncGenerator<FetchedMessage> {
  for await (const chunk of fetchChunks(connection, from, to, range)) yield* chunk;
}

const MAX_WAITING_MESSAGES = 500; // read ahead while the ledger takes what came before
const MAX_WAITING_BYTES = 4 * 1024 * 1024; // the same of large header blocks

/**
 * Messages of the selected mailbox with `from <= uid <= to`, or only those of them in the set `range`, in the order of the
 * server's answers, as many at a time as are there. Send no command while iterating: on one connection the second would wait for the first for ever.
 */
export async function* fetchChunks(
  connection: ImapConnection,
  from: number,
  to: number | '*',
  range = `${from}:${to}`,
): AsyncGenerator<FetchedMessage[]> {
  const { client } = connection;
  const queue = new AnswerQueue<FetchedMessage>(
    { items: MAX_WAITING_MESSAGES, bytes: MAX_WAITING_BYTES },
    ({ headers }) => headers.length,
  );
  // `n:*` always answers with the last message, also below n. Between the answers a server may tell of flags that
  // somebody else changed (RFC 9051 §7.5.2): without a size, and some without a UID.
  const taken = new Set<number>();
  const take = (message: FetchedMessage): Promise<void> | undefined => {
    const { uid } = message;
    if (!(uid >= from && uid <= LARGEST_UID) || taken.has(uid)) return undefined; // the same once more is no news
    if (taken.size >= MAX_ANSWERS) throw new PosternError('server_floods', TOO_MANY, { retry: 'later' });
    taken.add(uid);
    return queue.push(message);
  };
  const untap = client instanceof TappedClient ? client.tapFetch(range, take) : undefined;
  const fetchAll = async (): Promise<void> => {
    const unreadBefore = unreadOf(connection);
    const partly = new Set<number>();
    let noted = 0;
    for await (const message of client.fetch(range, METADATA, { uid: true })) {
      if (queue.abandoned) return;
      if (message.size !== undefined && Buffer.isBuffer(message.headers)) await take(fetchedMessage(message));
      else if (message.uid >= from && partly.size < MAX_ANSWERS) {
        partly.add(message.uid);
        if (client instanceof TappedClient) client.unreadAnswers++;
        noted++;
      }
    }
    untap?.();
    for (const uid of taken) partly.delete(uid);
    if (partly.size === 0 && unreadOf(connection) === unreadBefore + noted) return;
    for await (const message of missedMessages(connection, range, taken)) await take(message);
  };
  fetchAll()
    .finally(untap)
    .then(
      () => queue.end(),
      (error: unknown) => queue.end(error),
    );
  yield* queue.chunks();
}

/**
 * What is in the range and was not answered with: a BODYSTRUCTURE that nests too deep, or that is as long as a book, is
 * not read at all. Such a message is asked for without it; of one that cannot be read even then, its UID is told.
 */
async function* missedMessages(
  connection: ImapConnection,
  range: string,
  taken: ReadonlySet<number>,
): AsyncGenerator<FetchedMessage> {
  const there: number[] = [];
  for await (const { uid } of connection.client.fetch(range, { uid: true }, { uid: true })) {
    if (uid !== undefined && !taken.has(uid) && there.length < MAX_ANSWERS) there.push(uid);
  }
  if (!connection.usable) throw connection.failure;
  for (const uid of there) {
    const answer = await fetchOf(connection, uid, WITHOUT_STRUCTURE, isRow);
    yield answer
      ? fetchedMessage(answer)
      : {
          ...{ uid, flags: [], internalDate: Date.now(), size: 0, headers: Buffer.alloc(0) },
          ...{ bodyStructure: undefined, isUnreadable: true },
        };
  }
}

const unreadOf = ({ client }: ImapConnection): number =>
  client instanceof TappedClient ? client.unreadAnswers : 0;

const isRow = ({ size, headers }: FetchMessageObject): boolean =>
  size !== undefined && Buffer.isBuffer(headers);

/** What the library gives, in our words. */
export const fetchedMessage = (message: FetchMessageObject): FetchedMessage => ({
  uid: message.uid,
  flags: [...(message.flags ?? [])],
  internalDate: toMillis(message.internalDate),
  size: message.size ?? 0,
  headers: message.headers || Buffer.alloc(0),
  bodyStructure: message.bodyStructure,
  ...(isThreadId(message.threadId) ? { threadId: message.threadId } : {}),
});

/** UIDs at or above `from`, ascending: the cheap question whether anything is new. */
export async function uidsFrom(connection: ImapConnection, from: number): Promise<number[]> {
  const uids: number[] = [];
  for await (const message of connection.client.fetch(`${from}:*`, { uid: true }, { uid: true })) {
    if (message.uid >= from && message.uid <= LARGEST_UID && uids.length < MAX_ANSWERS)
      uids.push(message.uid);
  }
  return uids.sort((a, b) => a - b);
}

export interface FetchedPart {
  part: MailPart;
  bytes: Buffer;
  truncated: boolean;
}

/**
 * The bytes of some parts of one message as transferred, each up to `limit` octets (or what it says of the part), in one command. Null when the message
 * is not there any more: an answer, and no failure of the connection.
 */
export async function fetchParts(
  connection: ImapConnection,
  uid: number,
  parts: readonly MailPart[],
  limit: number | ((part: MailPart) => number),
): Promise<FetchedPart[] | null> {
  if (parts.length === 0) return [];
  const most = typeof limit === 'number' ? () => limit : limit;
  const query = {
    uid: true,
    bodyParts: parts.map((part) => ({ key: part.path, start: 0, maxLength: most(part) })),
  };
  const answer = await fetchOf(connection, uid, query, (message) => message.bodyParts !== undefined);
  if (!answer) return null;
  const { bodyParts } = answer;
  return parts.map((part) => {
    const bytes = bodyParts?.get(part.path.toLowerCase()) ?? Buffer.alloc(0);
    return { part, bytes, truncated: part.size > bytes.length && bytes.length >= most(part) };
  });
}

/**
 * The answer about one message. Not ImapFlow's `fetchOne`, which takes the first answer for ours: a server may tell of
 * another message's flags before, or of this one's alone.
 */
export async function fetchOf(
  connection: ImapConnection,
  uid: number,
  query: FetchQueryObject,
  isWhole: (message: FetchMessageObject) => boolean,
): Promise<FetchMessageObject | undefined> {
  let answer: FetchMessageObject | undefined;
  const unreadBefore = unreadOf(connection);
  for await (const message of connection.client.fetch(String(uid), query, { uid: true })) {
    if (message.uid === uid && isWhole(message)) answer = message;
  }
  const mayBeThere = !answer && unreadOf(connection) !== unreadBefore && connection.usable;
  if (!mayBeThere || !query.bodyStructure) return answer;
  return fetchOf(connection, uid, { ...query, bodyStructure: false }, isWhole);
}

function toMillis(date: Date | string | undefined): number {
  const time = date instanceof Date ? date.getTime() : Date.parse(date ?? '');
  return Number.isNaN(time) ? Date.now() : time;
}
