// Finding passages in what was taken in: by all words of the query, or where no passage has all of them, by some.
import type { Passage, SearchAnswer } from '../contracts/knowledge.ts';
import type { IndexHit, IndexSearch } from '../store/full-text.ts';
import type { Reader } from '../store/store.ts';
import { documentsOf } from './subject.ts';
import { type Lookup, readQuery, snippetOf } from './words.ts';

const PASSAGES_PER_DOCUMENT = 3; // else one long document is all that is found
const HITS_READ = 5; // times what is asked for, to have enough documents
const MOST_HITS = 500;
const MAILS_NAMED = 5;

export interface KnowledgeQuery {
  query: string;
  /** An account's id: only what came with its mail. */
  account?: string | undefined;
  limit: number;
}

/**
 * @param searchIndex as in store/full-text.ts
 * @throws PosternError `query_empty`, `query_too_long`, `search_too_broad`, `search_busy`
 */
export async function searchKnowledge(
  db: Reader,
  searchIndex: (search: IndexSearch) => Promise<IndexHit[]>,
  { query, account, limit }: KnowledgeQuery,
): Promise<SearchAnswer> {
  const { all, any } = readQuery(query);
  const search = ({ expression }: Lookup): Promise<IndexHit[]> =>
    searchIndex({ expression, account, limit: Math.min(limit * HITS_READ, MOST_HITS) });
  let hits = await search(all);
  const isSome = hits.length === 0 && any !== null;
  if (isSome) hits = await search(any);
  if (hits.length === 0) return { matched: 'none', data: [] };
  const chosen = spread(hits).slice(0, limit);
  const { marks } = isSome ? any : all;
  const data: Passage[] = [];
  for (const hit of chosen) {
    const found = await passageOf(db, hit, account, marks);
    if (found) data.push(found);
  }
  return { matched: isSome ? 'some' : 'all', data };
}

/** At most a few passages of each document, in the order of their rank. */
function spread(hits: readonly IndexHit[]): IndexHit[] {
  const counts = new Map<string, number>();
  return hits.filter(({ content_id: id }) => {
    const count = (counts.get(id) ?? 0) + 1;
    counts.set(id, count);
    return count <= PASSAGES_PER_DOCUMENT;
  });
}

async function passageOf(
  db: Reader,
  hit: IndexHit,
  account: string | undefined,
  marks: readonly string[],
): Promise<Passage | null> {
  const content = await db
    .selectFrom('knowledge_contents')
    .select(['sha256', 'type'])
    .where('id', '=', hit.content_id)
    .executeTakeFirst();
  const mails = await documentsOf(db, hit.content_id, { account, limit: MAILS_NAMED, newest: true });
  const [mail] = mails;
  if (!content || !mail) return null; // removed meanwhile
  return {
    content_id: hit.content_id,
    filename: mail.filename,
    type: content.type,
    sha256: content.sha256,
    number: hit.number,
    source: JSON.parse(hit.source) as Passage['source'],
    snippet: snippetOf(hit.text, marks),
    text: hit.text,
    score: hit.score,
    documents: mails.map(({ id, account_id, message_id, part, filename, message }) => ({
      ...{ id, account_id, message_id, part, filename },
      thread_id: message.thread_id,
      from: message.from,
      trust: message.trust,
      subject: message.subject,
      date: message.date,
    })),
  };
}
