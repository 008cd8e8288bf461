// The first step: which documents a rule takes from a message. Each becomes a row, and a job that fetches it.
import type { MailMetadata, MailPart } from '../contracts/mail.ts';
import type { JobPayload } from '../jobs/kinds.ts';
import type { JobContext } from '../jobs/worker.ts';
import { newId } from '../kernel/ids.ts';
import { attachmentName, attachmentsOf, isInline } from '../mail/structure.ts';
import { octetsOf } from '../rules/quantity.ts';
import type { MessagesTable } from '../store/schema.ts';
import { afterCommit, type Tx } from '../store/store.ts';
import { addPlacements, enqueueFetch, fetchAgain, type KnowledgeParts, TOO_LARGE } from './parts.ts';

const MAX_DOCUMENTS = 100; // of one mail; more is no correspondence
const SUBJECT_CHARS = 150; // of a file's name

interface Found {
  part: string;
  filename: string;
  declaredType: string | null;
}

/** The job `knowledge.take`. */
export async function takeDocuments(
  parts: KnowledgeParts,
  { message_id: messageId, rule, options }: JobPayload<'knowledge.take'>,
  context: JobContext,
): Promise<void> {
  const message = await parts.store.db
    .selectFrom('messages')
    .selectAll()
    .where('id', '=', messageId)
    .executeTakeFirst();
  if (!message) return; // removed from the ledger meanwhile
  const { parts: leaves, subject } = JSON.parse(message.metadata) as MailMetadata;
  const found: Found[] = options.message
    ? [{ part: '', filename: mailName(subject), declaredType: 'message/rfc822' }]
    : [];
  if (options.attachments) found.push(...filesOf(leaves));
  if (found.length > MAX_DOCUMENTS)
    parts.log.warn(
      { message: messageId, rule, documents: found.length },
      `a mail has more than ${MAX_DOCUMENTS} documents: only the first are taken`,
    );
  await parts.store.write(async (tx) => {
    await context.finish(tx);
    for (const document of found.slice(0, MAX_DOCUMENTS))
      await addDocument(tx, parts, message, rule, document, {
        sinks: [...new Set(options.to)],
        maxBytes: octetsOf(options.max_size),
      });
  });
}

/** Pictures inside the text are its decoration: logos and signatures. */
function filesOf(leaves: readonly MailPart[]): Found[] {
  return attachmentsOf(leaves)
    .filter((part) => !(part.type.startsWith('image/') && isInline(part)))
    .map((part) => ({ part: part.path, filename: attachmentName(part), declaredType: part.type }));
}

const mailName = (subject: string): string =>
  `${
    subject
      .replace(/[^\p{L}\p{M}\p{N} .,;()_-]+/gu, ' ')
      .trim()
      .slice(0, SUBJECT_CHARS)
      .trim() || 'mail'
  }.eml`;

async function addDocument(
  tx: Tx,
  parts: KnowledgeParts,
  message: Pick<MessagesTable, 'id' | 'account_id'>,
  rule: string,
  { part, filename, declaredType }: Found,
  { sinks, maxBytes }: { sinks: string[]; maxBytes: number },
): Promise<void> {
  const now = parts.clock.now();
  const id = newId('doc', now);
  const added = await tx
    .insertInto('knowledge_documents')
    .values({
      id,
      account_id: message.account_id,
      message_id: message.id,
      part,
      rule,
      filename,
      declared_type: declaredType,
      max_bytes: maxBytes,
      sinks: JSON.stringify(sinks),
      content_id: null,
      state: 'queued',
      code: null,
      error: null,
      job_id: null,
      created_at: now,
      updated_at: now,
    })
    .onConflict((conflict) => conflict.columns(['message_id', 'part']).doNothing())
    .returning('id')
    .executeTakeFirst();
  if (!added) return addSinks(tx, parts, { messageId: message.id, part }, { sinks, maxBytes });
  await enqueueFetch(tx, parts, { id, account_id: message.account_id });
  afterCommit(tx, () =>
    parts.bus.publish('knowledge.changed', {
      document_id: id,
      state: 'queued',
      account_id: message.account_id,
    }),
  );
}

/** Another rule wants the same document: it is one, goes to the sinks of both, and may be as large as either says. */
async function addSinks(
  tx: Tx,
  parts: KnowledgeParts,
  { messageId, part }: { messageId: string; part: string },
  { sinks, maxBytes }: { sinks: readonly string[]; maxBytes: number },
): Promise<void> {
  const row = await tx
    .selectFrom('knowledge_documents')
    .select(['id', 'account_id', 'sinks', 'content_id', 'max_bytes', 'code'])
    .where('message_id', '=', messageId)
    .where('part', '=', part)
    .executeTakeFirstOrThrow();
  const all = [...new Set([...(JSON.parse(row.sinks) as string[]), ...sinks])];
  await tx
    .updateTable('knowledge_documents')
    .set({ sinks: JSON.stringify(all), max_bytes: Math.max(row.max_bytes, maxBytes) })
    .where('id', '=', row.id)
    .execute();
  if (row.code === TOO_LARGE && maxBytes > row.max_bytes) await fetchAgain(tx, parts, row);
  if (row.content_id === null) return;
  const content = await tx
    .selectFrom('knowledge_contents')
    .select(['id', 'state'])
    .where('id', '=', row.content_id)
    .executeTakeFirst();
  if (content) await addPlacements(tx, parts, content, sinks);
}
