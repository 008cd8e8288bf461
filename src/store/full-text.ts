// The full-text index of the ledger, by SQLite's FTS5: takes words that are ready (knowledge/words.ts), and gives numbers of
// chunks by their rank. What is asked for is an expression of FTS5, which only words.ts writes.
import { sql } from 'kysely';
import type { Reader, Tx } from './store.ts';

const TITLE_WEIGHT = 4; // a word in the name of a document says more than one in its text
const TEXT_WEIGHT = 1;
const IDS_AT_ONCE = 500; // engines bound the variables of a statement

export interface IndexRow {
  /** knowledge_chunks.id */
  id: number;
  /** Words between spaces. */
  title: string;
  text: string;
}

/** Takes chunks in that are not in it. */
export async function addToIndex(tx: Tx, rows: readonly IndexRow[]): Promise<void> {
  for (const { id, title, text } of rows)
    await sql`insert into knowledge_index (rowid, title, text) values (${id}, ${title}, ${text})`.execute(tx);
}

/** Takes the chunks of a content out again, whether they are in it or not. */
export async function removeFromIndex(tx: Tx, contentId: string): Promise<void> {
  await sql`delete from knowledge_index where rowid in (
    select id from knowledge_chunks where content_id = ${contentId})`.execute(tx);
}

export interface IndexHit {
  id: number;
  content_id: string;
  number: number;
  text: string;
  source: string;
  /** Higher fits better; comparable within one answer. */
  score: number;
}

export interface IndexSearch {
  /** An expression of FTS5. */
  expression: string;
  /** Only documents of this account. */
  account?: string | undefined;
  limit: number;
}

const FIRST_LOOK = 1_000;
const MOST_LOOKED_AT = 5_000; // of a common word there are more than anybody reads, and others wait for the answer

type Ranked = Pick<IndexHit, 'id' | 'content_id' | 'score'>;

/**
 * The best first. With an account, of the best thousands those that came with its mail. What came with mail of other accounts
 * too counts by its text alone: its title has the subjects of all, and words of theirs are not to be guessed at.
 */
export async function searchIndex(
  db: Reader,
  { expression, account, limit }: IndexSearch,
): Promise<IndexHit[]> {
  if (account === undefined) return withTexts(db, await bestOf(db, expression, limit));
  for (let looked = Math.max(FIRST_LOOK, limit); ; looked = Math.min(looked * 5, MOST_LOOKED_AT)) {
    const best = await bestOf(db, expression, looked);
    const { own, shared } = await contentsOf(db, account, best);
    const texts = shared.size === 0 ? [] : await bestOf(db, `text : (${expression})`, looked);
    const hits = [
      ...best.filter(({ content_id: id }) => own.has(id) && !shared.has(id)),
      ...texts.filter(({ content_id: id }) => shared.has(id)),
    ].sort((a, b) => b.score - a.score);
    if (hits.length >= limit || best.length < looked || looked >= MOST_LOOKED_AT)
      return withTexts(db, hits.slice(0, limit));
  }
}

/** The limit comes before the join: of the others not even the row is read. */
async function bestOf(db: Reader, expression: string, limit: number): Promise<Ranked[]> {
  const { rows } = await sql<Ranked>`
    select c.id, c.content_id, -found.rank as score
    from (
      select rowid as id, bm25(knowledge_index, ${sql.lit(TITLE_WEIGHT)}, ${sql.lit(TEXT_WEIGHT)}) as rank
      from knowledge_index where knowledge_index match ${expression}
      order by rank, rowid limit ${limit}
    ) found
    join knowledge_chunks c on c.id = found.id
    order by found.rank, c.id`.execute(db);
  return rows;
}

async function withTexts(db: Reader, ranked: readonly Ranked[]): Promise<IndexHit[]> {
  if (ranked.length === 0) return [];
  const rows = await db
    .selectFrom('knowledge_chunks')
    .select(['id', 'number', 'text', 'source'])
    .where(
      'id',
      'in',
      ranked.map(({ id }) => id),
    )
    .execute();
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ranked.flatMap((hit) => {
    const row = byId.get(hit.id);
    return row ? [{ ...hit, ...row }] : []; // removed between the two looks
  });
}

/** Of the contents found, those of the account's mail, and those of them that came with other mail too. */
async function contentsOf(
  db: Reader,
  account: string,
  hits: readonly Ranked[],
): Promise<{ own: Set<string>; shared: Set<string> }> {
  const asked = [...new Set(hits.map(({ content_id: id }) => id))];
  const own = new Set<string>();
  const others = new Set<string>();
  for (let at = 0; at < asked.length; at += IDS_AT_ONCE) {
    const rows = await db
      .selectFrom('knowledge_documents')
      .select(['content_id', 'account_id'])
      .distinct()
      .where('content_id', 'in', asked.slice(at, at + IDS_AT_ONCE))
      .execute();
    for (const { content_id: id, account_id: of } of rows)
      if (id !== null) (of === account ? own : others).add(id);
  }
  return { own, shared: new Set([...own].filter((id) => others.has(id))) };
}
