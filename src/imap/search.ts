// Searching a mailbox: which UIDs match, and the rows of a page of them. An answer that is not whole is an error, never
// a shorter list.
import type { SearchCriteria } from '../contracts/connector.ts';
import { PosternError } from '../kernel/errors.ts';
import { ask, type Selected, withSelected } from './ask.ts';
import type { ImapConnection } from './connection.ts';
import { type FetchedMessage, fetchedMessage } from './fetch.ts';
import { type AnswerToken, atom, rawCommand, type Token } from './raw-command.ts';
import { searchKeys } from './search-keys.ts';

/** What a row of a list shows; the whole header block of 1,000 messages would be too much. */
const ROW_HEADERS = [
  'from',
  'sender',
  'reply-to',
  'to',
  'cc',
  'subject',
  'date',
  'message-id',
  'in-reply-to',
  'references',
  'content-type',
];

const MAX_FOUND = 5_000_000; // 40 MB of UIDs; no mailbox that is searched as a whole comes near

export interface SearchRequest {
  mailbox: string;
  criteria: SearchCriteria;
  order: 'newest' | 'oldest';
  limit: number;
  /** Where the page before ended: only what comes after it is looked for. */
  after?: { uidValidity: string; uid: number } | undefined;
  signal?: AbortSignal | undefined;
}

export interface SearchPage {
  mailbox: string;
  uidValidity: string;
  /** How many match, from this page on. */
  matched: number;
  messages: FetchedMessage[];
  /** The UID after which the next page begins; null on the last. */
  next: number | null;
}

/** @throws PosternError `search_unsupported`, `search_refused`, `search_incomplete`, and those of selecting */
export async function searchMailbox(connection: ImapConnection, request: SearchRequest): Promise<SearchPage> {
  const { mailbox, criteria, order, limit, after, signal } = request;
  const options = { write: false, uidValidity: after?.uidValidity, signal };
  return withSelected(connection, mailbox, options, async (selected) => {
    const rest = after ? remaining(order, after.uid) : null;
    if (rest === '') return { ...placeOf(selected), matched: 0, messages: [], next: null };
    const wanted: SearchCriteria = rest === null ? criteria : { uid: rest, and: [criteria] };
    const found = await searchUids(connection, wanted, selected, signal);
    // `n:*` always holds the last message, also below n.
    const uids = after && order === 'oldest' ? found.filter((uid) => uid > after.uid) : found;
    if (order === 'newest') uids.reverse();
    const page = uids.slice(0, limit);
    const messages = await fetchRows(connection, page, signal);
    return {
      ...placeOf(selected),
      matched: uids.length,
      messages,
      next: uids.length > page.length ? (page.at(-1) ?? null) : null,
    };
  });
}

const placeOf = ({ path, uidValidity }: Selected) => ({ mailbox: path, uidValidity });

/** The UIDs of the pages to come; empty when there can be none. */
function remaining(order: 'newest' | 'oldest', uid: number): string {
  if (order === 'oldest') return `${uid + 1}:*`;
  return uid > 1 ? `1:${uid - 1}` : '';
}

/**
 * The UIDs of the selected mailbox that match, ascending: all of them, or an error.
 * @throws PosternError `search_unsupported`, `search_refused`, `search_incomplete`
 */
export async function searchUids(
  connection: ImapConnection,
  criteria: SearchCriteria,
  selected: Selected,
  signal?: AbortSignal,
): Promise<number[]> {
  const offers = (capability: string): boolean => connection.client.capabilities.has(capability);
  const keys = searchKeys(criteria, offers);
  // The server counts for itself (RFC 4731), so that a set that was cut off is noticed.
  const extended: Token[] = offers('ESEARCH') ? [atom('RETURN'), [atom('COUNT'), atom('ALL')]] : [];
  const found = new Set<number>();
  let count: number | null = null;
  let isWhole = true;
  const add = (uid: number): void => {
    if (Number.isInteger(uid) && uid > 0) found.add(uid);
    else isWhole = false;
  };
  try {
    await ask(
      connection,
      'search',
      () =>
        rawCommand(connection, 'UID SEARCH', [...extended, ...keys], {
          SEARCH: (tokens) => {
            // A group at the end is the MODSEQ of RFC 7162.
            for (const token of tokens) if (!Array.isArray(token)) add(Number(token?.value));
          },
          ESEARCH: (tokens) => {
            const answer = extendedAnswer(tokens);
            count = answer.count ?? count;
            if (answer.all !== undefined && !addSet(answer.all, count ?? selected.exists, add))
              isWhole = false;
          },
        }),
      signal,
    );
  } catch (error) {
    throw refused(error);
  }
  if (!connection.usable) throw connection.failure;
  if (!isWhole || (count !== null && count !== found.size)) {
    throw new PosternError('search_incomplete', 'The server gave only a part of what it found.', {
      retry: 'later',
    });
  }
  return [...found].sort((a, b) => a - b);
}

function refused(error: unknown): unknown {
  if (!(error instanceof PosternError) || error.code !== 'imap_refused') return error;
  return new PosternError('search_refused', error.message, {
    hint: 'A criterion may be one that this server does not know; leave out one after the other.',
    cause: error,
  });
}

/** COUNT and ALL of an ESEARCH answer (RFC 4731 §3.1), which begins with the tag and the word UID. */
function extendedAnswer(tokens: readonly AnswerToken[]): { count?: number; all?: string } {
  const answer: { count?: number; all?: string } = {};
  const words = tokens.map((token) => (Array.isArray(token) ? '' : String(token?.value ?? '')));
  for (const [i, word] of words.entries()) {
    const value = words[i + 1] ?? '';
    if (word.toUpperCase() === 'COUNT' && /^\d{1,10}$/.test(value)) answer.count = Number(value);
    if (word.toUpperCase() === 'ALL' && value !== '') answer.all = value;
  }
  return answer;
}

/** Walks `1:3,7`. False where it is not a set, or names more than `most`: a hostile range must not fill the memory. */
function addSet(set: string, most: number, add: (uid: number) => void): boolean {
  let left = Math.min(most, MAX_FOUND);
  for (const range of set.split(',')) {
    const [first = Number.NaN, last = first] = range.split(':').map(Number);
    if (!(first > 0 && last > 0)) return false;
    for (let uid = Math.min(first, last); uid <= Math.max(first, last); uid++) {
      if (left-- <= 0) return false;
      add(uid);
    }
  }
  return true;
}

/** The messages with these UIDs, in their order; what was expunged meanwhile is left out. */
async function fetchRows(
  connection: ImapConnection,
  uids: readonly number[],
  signal?: AbortSignal,
): Promise<FetchedMessage[]> {
  if (uids.length === 0) return [];
  const query = {
    uid: true,
    flags: true,
    internalDate: true,
    size: true,
    bodyStructure: true,
    headers: ROW_HEADERS,
  };
  const found = new Map<number, FetchedMessage>();
  await ask(
    connection,
    'fetch what was found',
    async () => {
      for await (const message of connection.client.fetch(uids.join(','), query, { uid: true }))
        found.set(message.uid, fetchedMessage(message));
    },
    signal,
  );
  return uids.flatMap((uid) => found.get(uid) ?? []);
}
