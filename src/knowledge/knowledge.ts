// Documents from mail to where people and agents find them: the jobs of each step, and what operators see and do.
import type { DocumentView, Passage, SearchAnswer } from '../contracts/knowledge.ts';
import { LOCAL_SINK } from '../contracts/knowledge-sink.ts';
import { sinkOfPool } from '../jobs/kinds.ts';
import { codeOf, notFound, PosternError } from '../kernel/errors.ts';
import type { Part } from '../kernel/lifecycle.ts';
import { removeFromIndex } from '../store/full-text.ts';
import type { KnowledgeDocumentsTable, KnowledgePlacementsTable } from '../store/schema.ts';
import { afterCommit, type Tx } from '../store/store.ts';
import { type DocumentQuery, documentViews } from './document-views.ts';
import { fetchDocument } from './fetch.ts';
import {
  enqueueFetch,
  enqueuePlacement,
  type KnowledgeParts,
  setContent,
  setDocument,
  setPlacement,
} from './parts.ts';
import { placeContent } from './place.ts';
import { readContent } from './read.ts';
import { type KnowledgeQuery, searchKnowledge } from './search.ts';
import { takeDocuments } from './take.ts';
import { removeLeftCopies } from './working-copy.ts';

const FETCHES_AT_ONCE = 16;
const FETCHES_PER_ACCOUNT = 1; // its operations take turns on one connection: nothing waits for more than one document
const READS_AT_ONCE = 2; // each is a processor's work; a document that takes its whole time leaves room for another
const PLACEMENTS_AT_ONCE = 64; // against exhaustion only: each sink has a limit of its own
const PLACEMENTS_PER_SINK = 2; // of the local index and of a folder, so that a long document holds up no short one

type DocumentText = Pick<Passage, 'number' | 'source' | 'text'>;

export class Knowledge implements Part {
  readonly name = 'knowledge';
  readonly #parts: KnowledgeParts;

  /** Registers the jobs. */
  constructor(parts: KnowledgeParts) {
    this.#parts = parts;
    const { worker, store } = parts;
    worker.handle('knowledge.take', (payload, context) => takeDocuments(parts, payload, context));
    worker.handle('knowledge.fetch', ({ document_id: id }, context) => fetchDocument(parts, id, context), {
      concurrency: FETCHES_AT_ONCE,
      poolLimit: () => FETCHES_PER_ACCOUNT,
      onDead: ({ document_id: id }: { document_id: string }, error) =>
        store.write(async (tx) => void (await setDocument(tx, parts, id, { state: 'failed', error }))),
    });
    worker.handle('knowledge.read', ({ content_id: id }, context) => readContent(parts, id, context), {
      concurrency: READS_AT_ONCE,
      onDead: ({ content_id: id }: { content_id: string }, error) =>
        store.write(async (tx) => void (await setContent(tx, parts, id, { state: 'failed', error }))),
    });
    worker.handle('knowledge.place', ({ placement_id: id }, context) => placeContent(parts, id, context), {
      concurrency: PLACEMENTS_AT_ONCE,
      poolLimit: (pool) => this.#limitOf(sinkOfPool(pool)),
      onDead: ({ placement_id: id }: { placement_id: string }, error) =>
        store.write(
          async (tx) =>
            void (await setPlacement(tx, parts, id, { state: 'dead', error, next_attempt_at: null })),
        ),
    });
  }

  /** Jobs may run before: this only clears up after processes that were killed. */
  start(): Promise<void> {
    return removeLeftCopies(this.#parts.folder);
  }

  #limitOf(name: string): number {
    const sink = this.#parts.sinks().get(name);
    return name !== LOCAL_SINK && sink && 'http' in sink ? sink.http.concurrency : PLACEMENTS_PER_SINK;
  }

  /** The best passages first. @throws PosternError `query_empty`, `query_too_long`, `search_too_broad`, `search_busy` */
  search(query: KnowledgeQuery): Promise<SearchAnswer> {
    return searchKnowledge(this.#parts.store.db, this.#parts.searchIndex, query);
  }

  /** Newest first. */
  list(query: DocumentQuery): Promise<DocumentView[]> {
    return documentViews(this.#parts.store.db, query);
  }

  /** @throws PosternError `not_found` */
  async get(id: string): Promise<DocumentView> {
    const [view] = await this.list({ id, limit: 1 });
    if (!view) throw notFound('document', id);
    return view;
  }

  /**
   * The text of a document in pieces.
   * @param account only where it came with mail of this account
   * @throws PosternError `not_found`
   */
  async text(
    id: string,
    { account, from, limit }: { account?: string | undefined; from: number; limit: number },
  ): Promise<{ data: DocumentText[]; chunks: number }> {
    const [view] = await this.list({ id, account, limit: 1 });
    if (!view) throw notFound('document', id);
    if (!view.content) return { data: [], chunks: 0 };
    const rows = await this.#parts.store.db
      .selectFrom('knowledge_chunks')
      .select(['number', 'source', 'text'])
      .where('content_id', '=', view.content.id)
      .where('number', '>=', from)
      .orderBy('number')
      .limit(limit)
      .execute();
    const data = rows.map((row) => ({ ...row, source: JSON.parse(row.source) as Passage['source'] }));
    return { data, chunks: view.content.chunks };
  }

  /**
   * Runs again what failed of a document: its fetching, its reading, or its way to sinks that refused it or had all their
   * attempts.
   * @throws PosternError `not_found`, `document_not_failed`
   */
  async retry(id: string): Promise<DocumentView> {
    const { store } = this.#parts;
    const document = await store.db
      .selectFrom('knowledge_documents')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst();
    if (!document) throw notFound('document', id);
    const isRun =
      document.content_id === null
        ? await this.#retryFetch(document)
        : (await this.#retryRead(document.content_id)) || (await this.#retryPlacements(document.content_id));
    if (isRun) return this.get(id);
    throw new PosternError('document_not_failed', `Nothing of the document ${id} has failed.`, {
      hint: 'What is queued is tried again by itself.',
    });
  }

  async #retryFetch(document: KnowledgeDocumentsTable): Promise<boolean> {
    if (document.state !== 'failed') return false;
    await this.#again(document.job_id, async (tx, isRevived) => {
      const isSet = await setDocument(tx, this.#parts, document.id, { state: 'queued' }, ['failed']);
      if (isSet && !isRevived) await enqueueFetch(tx, this.#parts, document);
    });
    return true;
  }

  async #retryRead(contentId: string): Promise<boolean> {
    const content = await this.#parts.store.db
      .selectFrom('knowledge_contents')
      .select(['state', 'job_id'])
      .where('id', '=', contentId)
      .executeTakeFirst();
    if (content?.state !== 'failed') return false;
    await this.#again(content.job_id, async (tx, isRevived) => {
      const isSet = await setContent(tx, this.#parts, contentId, { state: 'queued' }, ['failed']);
      if (isSet && !isRevived)
        await this.#parts.jobs.enqueue(tx, 'knowledge.read', { content_id: contentId });
    });
    return true;
  }

  async #retryPlacements(contentId: string): Promise<boolean> {
    const failed = await this.#parts.store.db
      .selectFrom('knowledge_placements')
      .selectAll()
      .where('content_id', '=', contentId)
      .where('state', 'in', ['dead', 'refused'])
      .execute();
    for (const placement of failed) await this.#retryPlacement(placement);
    return failed.length > 0;
  }

  async #retryPlacement(placement: KnowledgePlacementsTable): Promise<void> {
    const change = { state: 'queued', next_attempt_at: this.#parts.clock.now() };
    await this.#again(placement.job_id, async (tx, isRevived) => {
      const isSet = await setPlacement(tx, this.#parts, placement.id, change, ['dead', 'refused']);
      if (isSet && !isRevived) await enqueuePlacement(tx, this.#parts, placement);
    });
  }

  /** Gives the dead letter its attempts again, where there is one: that may begin at once. Else `act` puts in a new job. */
  async #again(job: string | null, act: (tx: Tx, isRevived: boolean) => Promise<void>): Promise<void> {
    const { jobs, store } = this.#parts;
    const isRevived =
      job !== null &&
      (await jobs.revive(job).then(
        () => true,
        (error: unknown) => {
          if (codeOf(error) === 'not_found') return false;
          throw error;
        },
      ));
    await store.write((tx) => act(tx, isRevived));
  }

  /**
   * Forgets a document; with the last one of its content, the bytes, the text and the words of the index as well. What a
   * sink outside has, it keeps.
   * @throws PosternError `not_found`
   */
  async remove(id: string): Promise<void> {
    const { store, blobs, bus } = this.#parts;
    const removeBytes = await store.write(async (tx) => {
      const row = await tx
        .deleteFrom('knowledge_documents')
        .where('id', '=', id)
        .returning(['content_id', 'account_id'])
        .executeTakeFirst();
      if (!row) throw notFound('document', id);
      afterCommit(tx, () =>
        bus.publish('knowledge.changed', { document_id: id, state: 'removed', account_id: row.account_id }),
      );
      return row.content_id === null
        ? undefined
        : this.#removeContent(tx, row.content_id, row.account_id, blobs);
    });
    await removeBytes?.();
  }

  async #removeContent(
    tx: Tx,
    id: string,
    account: string,
    blobs: KnowledgeParts['blobs'],
  ): Promise<(() => Promise<void>) | undefined> {
    const others = await tx
      .selectFrom('knowledge_documents')
      .select('account_id')
      .distinct()
      .where('content_id', '=', id)
      .execute();
    if (others.some((other) => other.account_id === account)) return undefined;
    if (others.length > 0) return this.#indexAgain(tx, id);
    await removeFromIndex(tx, id);
    await tx.deleteFrom('knowledge_chunks').where('content_id', '=', id).execute();
    await tx.deleteFrom('knowledge_placements').where('content_id', '=', id).execute();
    const content = await tx
      .deleteFrom('knowledge_contents')
      .where('id', '=', id)
      .returning('object_id')
      .executeTakeFirst();
    return content && blobs.remove(tx, content.object_id);
  }

  /** What stays is found by the names and subjects of the accounts that are left. */
  async #indexAgain(tx: Tx, contentId: string): Promise<undefined> {
    const placement = await tx
      .selectFrom('knowledge_placements')
      .select(['id', 'sink'])
      .where('content_id', '=', contentId)
      .where('sink', '=', LOCAL_SINK)
      .executeTakeFirst();
    if (!placement) return;
    const again = { state: 'queued', done: 0, next_attempt_at: this.#parts.clock.now() };
    if (!(await setPlacement(tx, this.#parts, placement.id, again, ['placed']))) return;
    await removeFromIndex(tx, contentId);
    await enqueuePlacement(tx, this.#parts, placement);
  }
}
