// Messages that hold some words, in what the ledger has of them: subject, people, and the text where it was read. The
// newest first, and of a large ledger so many at a time: a search must not hold up the mail.
import { setImmediate } from 'node:timers/promises';
import type { MailMetadata } from '../contracts/mail.ts';
import type { Store } from '../store/store.ts';

const LOOKED_THROUGH = 2_000; // of one call; its page token goes on from there
const AT_ONCE = 100; // some milliseconds
const MOST_WORDS = 20;

export interface MessageSearch {
  query: string;
  account?: string | undefined;
  thread?: string | undefined;
  limit: number;
  /** Only messages that came into the ledger before this one. */
  before?: string | undefined;
}

export interface Found {
  /** Of the messages, the newest first. */
  ids: string[];
  /** The last message that was looked at, where there are more; null at the end. */
  next: string | null;
}

/** All words have to stand in a message, in any order and place; upper and lower case are the same. */
export async function searchMessages(
  store: Store,
  search: MessageSearch,
  signal: AbortSignal,
): Promise<Found> {
  const words = wordsOf(search.query);
  const ids: string[] = [];
  let before = search.before;
  for (let looked = 0; looked < LOOKED_THROUGH; looked += AT_ONCE) {
    signal.throwIfAborted();
    const rows = await chunkOf(store, { ...search, before });
    for (const row of rows) {
      before = row.id;
      if (!holds(row, words)) continue;
      ids.push(row.id);
      if (ids.length === search.limit) return { ids, next: row.id };
    }
    if (rows.length < AT_ONCE) return { ids, next: null };
    await setImmediate(); // others have their turn
  }
  return { ids, next: before ?? null };
}

const wordsOf = (query: string): string[] =>
  query
    .normalize('NFC')
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
    .slice(0, MOST_WORDS);

interface Row {
  id: string;
  subject: string;
  metadata: string;
  text: string | null;
}

function chunkOf({ db }: Store, { account, thread, before }: MessageSearch): Promise<Row[]> {
  let query = db
    .selectFrom('messages')
    .leftJoin('contents', 'contents.message_id', 'messages.id')
    .select(['messages.id', 'messages.subject', 'messages.metadata', 'contents.text'])
    .orderBy('messages.id', 'desc')
    .limit(AT_ONCE);
  if (account !== undefined) query = query.where('messages.account_id', '=', account);
  if (thread !== undefined) query = query.where('messages.thread_id', '=', thread);
  if (before !== undefined) query = query.where('messages.id', '<', before);
  return query.execute();
}

function holds({ subject, metadata, text }: Row, words: readonly string[]): boolean {
  const { from, to, cc } = JSON.parse(metadata) as MailMetadata;
  const people = [...(from ? [from] : []), ...to, ...cc].map(({ name, address }) => `${name} ${address}`);
  const all = [subject, ...people, text ?? ''].join('\n').normalize('NFC').toLowerCase();
  return words.every((word) => all.includes(word));
}
