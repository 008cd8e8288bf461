// What the ledger already knows of a batch of messages, in one query a question.
import type { MailMetadata } from '../contracts/mail.ts';
import { wayOf } from '../mail/fingerprint.ts';
import { keptQuery } from '../store/kept-query.ts';
import type { Reader } from '../store/store.ts';

const LIST_SIZES = [1, 8, 64, 256, 512]; // lists are padded to these, so that few statements have to be prepared
const LARGEST_LIST = 512;

/** A query for each length of list. */
function bySize<Q>(queryOf: () => Q): (size: number) => Q {
  const known = new Map<number, Q>();
  return (size) => {
    const query = known.get(size) ?? queryOf();
    known.set(size, query);
    return query;
  };
}

const messagesWith = (db: Reader, accountId: string, fingerprints: readonly string[]) =>
  db
    .selectFrom('messages')
    .select('fingerprint')
    .where('account_id', '=', accountId)
    .where('fingerprint', 'in', fingerprints);
const messagesBy = bySize(() =>
  keptQuery((db, accountId: string, ...list: string[]) => messagesWith(db, accountId, list).select('id')),
);
const metadataBy = bySize(() =>
  keptQuery((db, accountId: string, ...list: string[]) =>
    messagesWith(db, accountId, list).select('metadata'),
  ),
);
const threadsBy = bySize(() =>
  keptQuery((db, accountId: string, ...list: string[]) =>
    db
      .selectFrom('thread_references')
      .select(['message_id', 'thread_id'])
      .where('account_id', '=', accountId)
      .where('message_id', 'in', list),
  ),
);
const submissionsBy = bySize(() =>
  keptQuery((db, ...list: string[]) =>
    db.selectFrom('submissions').select('message_id').where('message_id', 'in', list),
  ),
);

/** Ids of the messages that are known, by fingerprint. */
export async function knownMessages(
  db: Reader,
  accountId: string,
  fingerprints: readonly string[],
): Promise<Map<string, string>> {
  const known = new Map<string, string>();
  for (const list of padded(fingerprints)) {
    const rows = await messagesBy(list.length)(db, accountId, ...list);
    for (const row of rows) known.set(row.fingerprint, row.id);
  }
  return known;
}

/** The ways that the messages came which are known by these fingerprints. */
export async function knownWays(
  db: Reader,
  accountId: string,
  fingerprints: readonly string[],
): Promise<Map<string, string>> {
  const known = new Map<string, string>();
  for (const list of padded(fingerprints)) {
    const rows = await metadataBy(list.length)(db, accountId, ...list);
    for (const row of rows) known.set(row.fingerprint, wayOf(JSON.parse(row.metadata) as MailMetadata));
  }
  return known;
}

/** Thread ids by Message-ID, of mail that was seen, referred to or sent in the account. */
export async function knownThreads(
  db: Reader,
  accountId: string,
  messageIds: readonly string[],
): Promise<Map<string, string>> {
  const known = new Map<string, string>();
  for (const list of padded(messageIds)) {
    const rows = await threadsBy(list.length)(db, accountId, ...list);
    for (const row of rows) known.set(row.message_id, row.thread_id);
  }
  return known;
}

/** Those of the Message-IDs that this gateway gave to mail of its own, from whichever account. */
export async function ownMessageIds(db: Reader, messageIds: readonly string[]): Promise<Set<string>> {
  const own = new Set<string>();
  for (const list of padded(messageIds)) {
    const rows = await submissionsBy(list.length)(db, ...list);
    for (const row of rows) own.add(row.message_id);
  }
  return own;
}

function* padded(values: readonly string[]): Generator<string[]> {
  const distinct = [...new Set(values)];
  for (let at = 0; at < distinct.length; at += LARGEST_LIST) {
    const list = distinct.slice(at, at + LARGEST_LIST);
    const size = LIST_SIZES.find((candidate) => candidate >= list.length) ?? LARGEST_LIST;
    const filler = list[0] as string;
    while (list.length < size) list.push(filler);
    yield list;
  }
}
