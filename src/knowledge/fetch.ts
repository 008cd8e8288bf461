// The second step: a document's bytes from the IMAP server into an object, hashed on the way and never held whole. Bytes
// that are there already are kept once, and gain a mail that they came with.
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { MailMetadata, MailPart } from '../contracts/mail.ts';
import type { ImapConnection } from '../imap/connection.ts';
import { type Place, streamPart } from '../imap/operations.ts';
import { streamMessage } from '../imap/read-message.ts';
import type { JobContext } from '../jobs/worker.ts';
import { codeOf, PosternError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { decodedSizeOf } from '../mail/structure.ts';
import { decodeTransferStream } from '../mail/transfer-stream.ts';
import type { StagedBlob } from '../objects/blobs.ts';
import type { KnowledgeDocumentsTable } from '../store/schema.ts';
import type { Tx } from '../store/store.ts';
import { atAnyPlace, textOf } from '../watch/text.ts';
import { addPlacements, fetchAgain, type KnowledgeParts, reasonOf, setDocument, TOO_LARGE } from './parts.ts';

/** Of any document, whatever a rule allows: what an object takes. */
const LARGEST_BYTES = 256 * 1024 * 1024;
/** Failures that no further attempt mends; the document says so, and it is no dead letter. */
const FINAL = new Set([TOO_LARGE, 'document_missing']);

interface Fetched {
  blob: StagedBlob;
  md5: string;
  sha1: string;
}

/** The job `knowledge.fetch`. */
export async function fetchDocument(parts: KnowledgeParts, id: string, context: JobContext): Promise<void> {
  const document = await parts.store.db
    .selectFrom('knowledge_documents')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirst();
  if (!document || document.content_id !== null) return; // removed, or done before a crash
  try {
    const fetched = await readBytes(parts, document, context.signal);
    await keep(parts, document, fetched, context);
  } catch (error) {
    const failed = { state: 'failed', code: codeOf(error), error: reasonOf(error), job_id: context.id };
    if (FINAL.has(failed.code))
      return parts.store.write(async (tx) => {
        await context.finish(tx);
        await setDocument(tx, parts, id, failed);
        // Another rule may have come meanwhile that takes larger ones.
        const now = await tx
          .selectFrom('knowledge_documents')
          .select('max_bytes')
          .where('id', '=', id)
          .executeTakeFirst();
        if (failed.code === TOO_LARGE && now && now.max_bytes > document.max_bytes)
          await fetchAgain(tx, parts, document);
      });
    if (!context.signal.aborted)
      await parts.store.write((tx) => setDocument(tx, parts, id, { ...failed, state: 'queued' }));
    throw sought(error);
  }
}

/** Mail that is nowhere may be on its way to another mailbox: it is sought by the schedule of jobs, some half an hour. */
function sought(error: unknown): unknown {
  if (!(error instanceof PosternError) || error.code !== 'message_gone') return error;
  return new PosternError(error.code, error.message, { retry: 'later', cause: error });
}

async function readBytes(
  parts: KnowledgeParts,
  document: KnowledgeDocumentsTable,
  signal: AbortSignal,
): Promise<Fetched> {
  const message = await parts.store.db
    .selectFrom('messages')
    .select(['id', 'account_id', 'metadata', 'size'])
    .where('id', '=', document.message_id)
    .executeTakeFirst();
  if (!message) throw missing(`The message ${document.message_id} is not in the ledger.`);
  const metadata = JSON.parse(message.metadata) as MailMetadata;
  const limit = Math.min(document.max_bytes, LARGEST_BYTES);
  const place = { id: message.id, accountId: message.account_id };
  if (document.part === '') {
    if (message.size > limit) throw tooLarge(message.size, limit);
    await textOf(parts, { ...place, metadata }); // its text is what is read of it, and is in the ledger then
    return atAnyPlace(parts, place, (connection, at) => readMail(parts, connection, at, limit, signal));
  }
  const part = metadata.parts.find(({ path }) => path === document.part);
  if (!part) throw missing(`The message has no part ${document.part}.`);
  if (decodedSizeOf(part) > limit) throw tooLarge(decodedSizeOf(part), limit);
  return atAnyPlace(parts, place, (connection, at) => readPart(parts, connection, at, part, limit, signal));
}

const readPart = (
  { blobs }: KnowledgeParts,
  connection: ImapConnection,
  place: Place,
  part: MailPart,
  limit: number,
  signal: AbortSignal,
): Promise<Fetched> =>
  streamPart(connection, place, part, decodeTransferStream, (stream) =>
    keepStream(blobs, stream, limit, signal),
  );

async function readMail(
  { blobs }: KnowledgeParts,
  connection: ImapConnection,
  place: Place,
  limit: number,
  signal: AbortSignal,
): Promise<Fetched> {
  try {
    return await streamMessage(connection, place, limit, signal, (stream) =>
      keepStream(blobs, stream, limit, signal),
    );
  } catch (error) {
    // Elsewhere the message may still be: the next of its places is looked at.
    if (['uid_validity_changed', 'mailbox_missing'].includes(codeOf(error)))
      throw new PosternError('message_gone', `The message is no longer in ${place.mailbox}.`, {
        cause: error,
      });
    if (codeOf(error) === 'mail_too_large') throw tooLarge(null, limit);
    throw error;
  }
}

async function keepStream(
  blobs: KnowledgeParts['blobs'],
  stream: Readable,
  limit: number,
  signal: AbortSignal,
): Promise<Fetched> {
  const md5 = createHash('md5');
  const sha1 = createHash('sha1');
  let size = 0;
  async function* hashed(): AsyncGenerator<Uint8Array> {
    for await (const piece of stream as AsyncIterable<Buffer>) {
      signal.throwIfAborted();
      size += piece.length;
      if (size > limit) throw tooLarge(null, limit);
      md5.update(piece);
      sha1.update(piece);
      yield piece;
    }
  }
  const blob = await blobs.stage(hashed());
  return { blob, md5: md5.digest('hex'), sha1: sha1.digest('hex') };
}

/** One content for the same bytes, in the transaction that ends the job. */
async function keep(
  parts: KnowledgeParts,
  document: KnowledgeDocumentsTable,
  fetched: Fetched,
  context: JobContext,
): Promise<void> {
  const { blob } = fetched;
  let isKept = false;
  try {
    isKept = await parts.store.write(async (tx) => {
      await context.finish(tx);
      // Read again: another rule may have added sinks, or somebody may have removed it.
      const now = await tx
        .selectFrom('knowledge_documents')
        .select('sinks')
        .where('id', '=', document.id)
        .executeTakeFirst();
      if (!now) return false;
      const content = await contentOf(tx, parts, document, fetched);
      const done = { state: 'fetched', content_id: content.id, code: null, error: null };
      await setDocument(tx, parts, document.id, done);
      await addPlacements(tx, parts, content, JSON.parse(now.sinks) as string[]);
      return content.isNew;
    });
  } finally {
    if (!isKept) await blob.discard();
  }
}

async function contentOf(
  tx: Tx,
  { clock, jobs }: KnowledgeParts,
  document: KnowledgeDocumentsTable,
  { blob, md5, sha1 }: Fetched,
): Promise<{ id: string; state: string; isNew: boolean }> {
  const kind = document.part === '' ? 'mail' : 'file';
  const known = await tx
    .selectFrom('knowledge_contents')
    .select(['id', 'state'])
    .where('sha256', '=', blob.sha256)
    .where('kind', '=', kind)
    .executeTakeFirst();
  if (known) return { ...known, isNew: false };
  const now = clock.now();
  const content = { id: newId('cnt', now), state: 'queued' };
  await blob.record(tx);
  await tx
    .insertInto('knowledge_contents')
    .values({
      ...content,
      sha256: blob.sha256,
      sha1,
      md5,
      size: blob.size,
      kind,
      object_id: blob.id,
      type: null,
      notes: '[]',
      chunks: 0,
      code: null,
      error: null,
      job_id: null,
      created_at: now,
      updated_at: now,
    })
    .execute();
  await jobs.enqueue(tx, 'knowledge.read', { content_id: content.id });
  return { ...content, isNew: true };
}

const missing = (message: string): PosternError => new PosternError('document_missing', message);

const tooLarge = (size: number | null, limit: number): PosternError =>
  new PosternError(
    TOO_LARGE,
    size === null
      ? `The document has more than ${limit} octets.`
      : `The document has ${size} octets; ${limit} are taken.`,
    { hint: 'max_size of the rule says how much is taken, at most 256MB.' },
  );
