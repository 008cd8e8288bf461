// The third step: the text of a content in chunks. A file is read by the worker of extract/; of a mail that was taken as a
// whole it is the head and the text, since what is attached to it is a document of its own.
import type { Address, MailMetadata } from '../contracts/mail.ts';
import type { JobContext } from '../jobs/worker.ts';
import { codeOf, PosternError } from '../kernel/errors.ts';
import type { KnowledgeContentsTable } from '../store/schema.ts';
import type { Tx } from '../store/store.ts';
import { textOf } from '../watch/text.ts';
import { DOCUMENT_FAILURES, type Extracted, type ExtractedChunk } from './extract/contract.ts';
import { defaultExtractLimits } from './extract/extract.ts';
import { enqueuePlacement, type KnowledgeParts, reasonOf, setContent } from './parts.ts';
import { withWorkingCopy } from './working-copy.ts';

const CHUNKS_AT_ONCE = 200; // in one transaction: some 400 kB, a few milliseconds
const FAILURES: ReadonlySet<string> = new Set(DOCUMENT_FAILURES);

/** The job `knowledge.read`. */
export async function readContent(parts: KnowledgeParts, id: string, context: JobContext): Promise<void> {
  const content = await parts.store.db
    .selectFrom('knowledge_contents')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirst();
  if (!content || content.state === 'ready') return; // removed, or done before a crash
  await parts.store.write((tx) => setContent(tx, parts, id, { state: 'reading', job_id: context.id }));
  try {
    const extracted =
      content.kind === 'mail'
        ? await mailText(parts, content)
        : await fileText(parts, content, context.signal);
    await keepChunks(parts, id, extracted.chunks, context.signal);
    await parts.store.write(async (tx) => {
      await context.finish(tx);
      await ready(tx, parts, id, extracted);
    });
  } catch (error) {
    const failed = { state: 'failed', code: codeOf(error), error: reasonOf(error) };
    if (FAILURES.has(failed.code))
      return parts.store.write(async (tx) => {
        await context.finish(tx);
        await setContent(tx, parts, id, failed);
      });
    if (!context.signal.aborted)
      await parts.store.write((tx) => setContent(tx, parts, id, { ...failed, state: 'queued' }));
    throw error;
  }
}

async function ready(tx: Tx, parts: KnowledgeParts, id: string, extracted: Extracted): Promise<void> {
  const { type, notes, chunks } = extracted;
  const change = { state: 'ready', type, notes: JSON.stringify(notes), chunks: chunks.length };
  if (!(await setContent(tx, parts, id, { ...change, code: null, error: null }))) return;
  const waiting = await tx
    .updateTable('knowledge_placements')
    .set({ state: 'queued', next_attempt_at: parts.clock.now() })
    .where('content_id', '=', id)
    .where('state', '=', 'waiting')
    .returning(['id', 'sink'])
    .execute();
  for (const placement of waiting) await enqueuePlacement(tx, parts, placement);
}

/** From the beginning: what an attempt before has left is written over. */
async function keepChunks(
  { store }: KnowledgeParts,
  contentId: string,
  chunks: readonly ExtractedChunk[],
  signal: AbortSignal,
): Promise<void> {
  await store.write((tx) => tx.deleteFrom('knowledge_chunks').where('content_id', '=', contentId).execute());
  for (let from = 0; from < chunks.length; from += CHUNKS_AT_ONCE) {
    signal.throwIfAborted();
    const rows = chunks.slice(from, from + CHUNKS_AT_ONCE).map(({ text, source }, i) => ({
      content_id: contentId,
      number: from + i,
      text,
      source: JSON.stringify(source),
    }));
    await store.write(async (tx) => {
      const still = await tx
        .selectFrom('knowledge_contents')
        .select('id')
        .where('id', '=', contentId)
        .executeTakeFirst();
      if (still) await tx.insertInto('knowledge_chunks').values(rows).execute();
    });
  }
}

async function fileText(
  parts: KnowledgeParts,
  content: KnowledgeContentsTable,
  signal: AbortSignal,
): Promise<Extracted> {
  const document = await firstDocument(parts, content.id);
  const input = { filename: document?.filename ?? null, declaredType: document?.declared_type ?? null };
  const blob = await parts.blobs.find(content.object_id);
  return withWorkingCopy(parts.folder, blob, signal, (path) =>
    parts.extract({ path, ...input }, defaultExtractLimits, signal),
  );
}

/** The mail that a content came with first. */
const firstDocument = ({ store }: Pick<KnowledgeParts, 'store'>, contentId: string) =>
  store.db
    .selectFrom('knowledge_documents')
    .innerJoin('messages', 'messages.id', 'knowledge_documents.message_id')
    .select(['filename', 'declared_type', 'messages.id as message_id', 'messages.account_id', 'metadata'])
    .where('content_id', '=', contentId)
    .orderBy('knowledge_documents.id')
    .executeTakeFirst();

async function mailText(parts: KnowledgeParts, content: KnowledgeContentsTable): Promise<Extracted> {
  const document = await firstDocument(parts, content.id);
  if (!document) throw new PosternError('document_broken', 'The mail is not in the ledger any more.');
  const metadata = JSON.parse(document.metadata) as MailMetadata;
  const message = { id: document.message_id, accountId: document.account_id, metadata };
  const { text, truncated } = await textOf(parts, message);
  const { chunkChars, textChars } = defaultExtractLimits;
  const whole = `${headOf(metadata)}\n\n${text}`.toWellFormed().replaceAll('\0', '');
  return {
    type: 'message/rfc822',
    chunks: piecesOf(whole.slice(0, textChars), chunkChars).map((piece) => ({ text: piece, source: {} })),
    notes: truncated || whole.length > textChars ? ['The text was cut: the mail has more of it.'] : [],
  };
}

const named = ({ name, address }: Address): string => (name === '' ? address : `${name} <${address}>`);

function headOf({ subject, from, to, cc, date }: MailMetadata): string {
  const lines = [
    ['Subject', subject],
    ['From', from ? named(from) : ''],
    ['To', to.map(named).join(', ')],
    ['Cc', cc.map(named).join(', ')],
    ['Date', date === null ? '' : new Date(date).toISOString()],
  ];
  return lines.flatMap(([word, value]) => (value ? [`${word}: ${value}`] : [])).join('\n');
}

/** Cuts a text at paragraphs, else at lines, else at spaces, else anywhere but within a character. */
export function piecesOf(text: string, chars: number): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length; ) {
    if (/\s/.test(text[at] ?? '')) {
      at++;
      continue;
    }
    let end = Math.min(at + chars, text.length);
    if (end < text.length) {
      const cut = ['\n\n', '\n', ' ']
        .map((mark) => text.lastIndexOf(mark, end))
        .find((found) => found > at + chars / 2);
      if (cut !== undefined) end = cut;
      else if (/[\uD800-\uDBFF]/.test(text[end - 1] ?? '')) end--;
    }
    const piece = text.slice(at, end).trim();
    if (piece !== '') pieces.push(piece);
    at = end;
  }
  return pieces;
}
