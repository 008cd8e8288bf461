// The gateway's own full-text index. A few chunks at a time: taking words in keeps the event loop, and all other writers
// wait.
import { addToIndex } from '../../store/full-text.ts';
import type { KnowledgeParts } from '../parts.ts';
import { setPlacement } from '../parts.ts';
import type { Placed, Placing } from '../placing.ts';
import { indexText } from '../words.ts';

const CHARS_AT_ONCE = 8_000; // some milliseconds; a text in Chinese has a word for nearly every character
const WORDS_CHARS_AT_ONCE = 24_000; // there are letters (U+FDFA) that are eighteen where they are written out
const CHUNKS_AT_ONCE = 50;

export async function placeInIndex(
  parts: KnowledgeParts,
  { placement, content, signal }: Placing,
): Promise<Placed> {
  const title = indexText(await titleOf(parts, content.id));
  for (let done = placement.done; ; ) {
    signal.throwIfAborted();
    const next = await nextChunks(parts, content.id, done);
    if (next.length === 0) return { outcome: 'placed', status: null };
    const rows = wordsOf(next).map((row) => ({ ...row, title }));
    done += rows.length;
    const isThere = await parts.store.write(async (tx) => {
      // What is noted and what is in the index are one commit: no chunk is in it twice.
      const change = { state: 'placing', done };
      if (!(await setPlacement(tx, parts, placement.id, change))) return false;
      await addToIndex(tx, rows);
      return true;
    });
    if (!isThere) return { outcome: 'placed', status: null }; // removed meanwhile, with its chunks
  }
}

/** Of the first chunks, and of one at the least. */
function wordsOf(chunks: readonly { id: number; text: string }[]): { id: number; text: string }[] {
  const rows: { id: number; text: string }[] = [];
  let chars = 0;
  for (const { id, text } of chunks) {
    if (chars > WORDS_CHARS_AT_ONCE) break;
    rows.push({ id, text: indexText(text) });
    chars += rows.at(-1)?.text.length ?? 0;
  }
  return rows;
}

async function nextChunks({ store }: KnowledgeParts, contentId: string, from: number) {
  const rows = await store.db
    .selectFrom('knowledge_chunks')
    .select(['id', 'text'])
    .where('content_id', '=', contentId)
    .where('number', '>=', from)
    .orderBy('number')
    .limit(CHUNKS_AT_ONCE)
    .execute();
  let chars = 0;
  return rows.filter(({ text }, i) => {
    chars += text.length;
    return i === 0 || chars <= CHARS_AT_ONCE;
  });
}

/** The names of the document, and what the mails were about that it came with first. */
async function titleOf({ store }: KnowledgeParts, contentId: string): Promise<string> {
  const rows = await store.db
    .selectFrom('knowledge_documents')
    .innerJoin('messages', 'messages.id', 'knowledge_documents.message_id')
    .select(['filename', 'subject'])
    .where('content_id', '=', contentId)
    .orderBy('knowledge_documents.id')
    .limit(3)
    .execute();
  return [...new Set(rows.flatMap(({ filename, subject }) => [filename, subject]))].join(' ');
}
