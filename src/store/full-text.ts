// The full-text index of the ledger, by SQLite's FTS5: takes words that are ready (knowledge/words.ts), and gives numbers of
// chunks by their rank. What is asked for is an expression of FTS5, which only words.ts writes.
import { sql } from 'kysely';
import type { Reader, Tx } from './store.ts';

const TITLE_WEIGHT = 4; // a word in the name of a document says more than one in its text
const TEXT_WEIGHT = 1;

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

/** The best first. Only what some mail's document still points to. */
export async function searchIndex(
  db: Reader,
  { expression, account, limit }: IndexSearch,
): Promise<IndexHit[]> {
  const own = account === undefined ? sql`` : sql`and d.account_id = ${account}`;
  const { rows } = await sql<IndexHit>`
    select c.id, c.content_id, c.number, c.text, c.source, -found.rank as score
    from (
      select rowid as id, bm25(knowledge_index, ${sql.lit(TITLE_WEIGHT)}, ${sql.lit(TEXT_WEIGHT)}) as rank
      from knowledge_index where knowledge_index match ${expression}
    ) found
    join knowledge_chunks c on c.id = found.id
    where exists (select 1 from knowledge_documents d where d.content_id = c.content_id ${own})
    order by found.rank, c.id
    limit ${limit}`.execute(db);
  return rows;
}
