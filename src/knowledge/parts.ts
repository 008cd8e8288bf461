// What the knowledge room is built from, and the few things that each of its steps does: states that are told of, and
// placements that are put in.
import type { Bus } from '../cluster/bus.ts';
import { type KnowledgeSink, LOCAL_SINK } from '../contracts/knowledge-sink.ts';
import { documentPool, sinkPool } from '../jobs/kinds.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { JobWorker } from '../jobs/worker.ts';
import type { Clock } from '../kernel/clock.ts';
import { explain, PosternError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Lookup } from '../network/public-address.ts';
import type { Blobs } from '../objects/blobs.ts';
import type { IndexHit, IndexSearch } from '../store/full-text.ts';
import type {
  KnowledgeContentsTable,
  KnowledgeDocumentsTable,
  KnowledgePlacementsTable,
} from '../store/schema.ts';
import { afterCommit, type Tx } from '../store/store.ts';
import type { TextParts } from '../watch/text.ts';
import type { Extract } from './extract/contract.ts';

export interface KnowledgeParts extends TextParts {
  jobs: JobQueue;
  worker: JobWorker;
  clock: Clock;
  bus: Bus;
  log: Logger;
  blobs: Blobs;
  extract: Extract;
  /** Finds chunks in the full-text index, without keeping the event loop. */
  searchIndex: (search: IndexSearch) => Promise<IndexHit[]>;
  /** The sinks of the rules in force, by name. */
  sinks: () => ReadonlyMap<string, KnowledgeSink>;
  resolveSecret: (reference: string) => string;
  /** Where documents lie while they are read, and requests while they are put together. */
  folder: string;
  /** Resolves names; the system's resolver where absent. */
  lookup?: Lookup | undefined;
}

/** In the words of people; what nobody foresaw is in the log. */
export const reasonOf = (error: unknown): string =>
  error instanceof PosternError ? explain(error) : 'an internal error';

/** False where it was removed meanwhile. @param from only where its state is one of these */
export async function setDocument(
  tx: Tx,
  { bus, clock }: Pick<KnowledgeParts, 'bus' | 'clock'>,
  id: string,
  change: Partial<KnowledgeDocumentsTable> & { state: string },
  from?: readonly string[],
): Promise<boolean> {
  const row = await tx
    .updateTable('knowledge_documents')
    .set({ ...change, updated_at: clock.now() })
    .where('id', '=', id)
    .$if(from !== undefined, (query) => query.where('state', 'in', from ?? []))
    .returning('account_id')
    .executeTakeFirst();
  if (row) {
    const { state } = change;
    afterCommit(tx, () => bus.publish('knowledge.changed', { document_id: id, state, ...row }));
  }
  return row !== undefined;
}

/** As `setDocument`. */
export async function setContent(
  tx: Tx,
  { bus, clock }: Pick<KnowledgeParts, 'bus' | 'clock'>,
  id: string,
  change: Partial<KnowledgeContentsTable> & { state: string },
  from?: readonly string[],
): Promise<boolean> {
  const row = await tx
    .updateTable('knowledge_contents')
    .set({ ...change, updated_at: clock.now() })
    .where('id', '=', id)
    .$if(from !== undefined, (query) => query.where('state', 'in', from ?? []))
    .returning('id')
    .executeTakeFirst();
  if (row) afterCommit(tx, () => bus.publish('knowledge.changed', { content_id: id, state: change.state }));
  return row !== undefined;
}

/** As `setDocument`. */
export async function setPlacement(
  tx: Tx,
  { bus, clock }: Pick<KnowledgeParts, 'bus' | 'clock'>,
  id: string,
  change: Partial<KnowledgePlacementsTable> & { state: string },
  from?: readonly string[],
): Promise<boolean> {
  const row = await tx
    .updateTable('knowledge_placements')
    .set({ ...change, updated_at: clock.now() })
    .where('id', '=', id)
    .$if(from !== undefined, (query) => query.where('state', 'in', from ?? []))
    .returning(['content_id', 'sink'])
    .executeTakeFirst();
  if (row) afterCommit(tx, () => bus.publish('knowledge.changed', { ...row, state: change.state }));
  return row !== undefined;
}

/** Puts a content on its way to sinks where it is not yet; those that need its text wait for it. */
export async function addPlacements(
  tx: Tx,
  parts: Pick<KnowledgeParts, 'jobs' | 'clock' | 'sinks'>,
  content: { id: string; state: string },
  sinks: readonly string[],
): Promise<void> {
  const now = parts.clock.now();
  for (const sink of sinks) {
    const isDue = content.state === 'ready' || !needsText(sink, parts.sinks());
    const row = await tx
      .insertInto('knowledge_placements')
      .values({
        id: newId('plc', now),
        content_id: content.id,
        sink,
        state: isDue ? 'queued' : 'waiting',
        done: 0,
        attempts: 0,
        status: null,
        error: null,
        job_id: null,
        next_attempt_at: isDue ? now : null,
        created_at: now,
        updated_at: now,
        placed_at: null,
      })
      .onConflict((conflict) => conflict.columns(['content_id', 'sink']).doNothing())
      .returning(['id', 'sink'])
      .executeTakeFirst();
    if (row && isDue) await enqueuePlacement(tx, parts, row);
  }
}

/** A document that is larger than its rules take. */
export const TOO_LARGE = 'document_too_large';

export async function enqueueFetch(
  tx: Tx,
  { jobs }: Pick<KnowledgeParts, 'jobs'>,
  { id, account_id: account }: { id: string; account_id: string },
): Promise<void> {
  await jobs.enqueue(tx, 'knowledge.fetch', { document_id: id }, { pool: documentPool(account) });
}

/** Of a document that failed for good under what was known then. */
export async function fetchAgain(
  tx: Tx,
  parts: Pick<KnowledgeParts, 'jobs' | 'bus' | 'clock'>,
  document: { id: string; account_id: string },
): Promise<void> {
  const again = { state: 'queued', code: null, error: null };
  if (await setDocument(tx, parts, document.id, again, ['failed'])) await enqueueFetch(tx, parts, document);
}

export async function enqueuePlacement(
  tx: Tx,
  { jobs, sinks }: Pick<KnowledgeParts, 'jobs' | 'sinks'>,
  { id, sink }: { id: string; sink: string },
): Promise<void> {
  const found = sinks().get(sink);
  const maxAttempts = found && 'http' in found ? found.http.attempts : 10;
  await jobs.enqueue(tx, 'knowledge.place', { placement_id: id }, { pool: sinkPool(sink), maxAttempts });
}

/** A folder takes the bytes as they are. A sink that nobody knows waits too, and fails then. */
function needsText(sink: string, sinks: ReadonlyMap<string, KnowledgeSink>): boolean {
  const found = sinks.get(sink);
  return sink === LOCAL_SINK || !found || !('folder' in found);
}
