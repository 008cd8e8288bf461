// The last step: a content to one sink, once. Each attempt is a job; what a sink has is noted in the ledger as it goes, so
// that the next attempt goes on where the one before ended.
import { LOCAL_SINK } from '../contracts/knowledge-sink.ts';
import type { JobContext } from '../jobs/worker.ts';
import { codeOf, PosternError, retryOf } from '../kernel/errors.ts';
import type { KnowledgePlacementsTable } from '../store/schema.ts';
import { type KnowledgeParts, reasonOf, setPlacement } from './parts.ts';
import type { Placed, Placing } from './placing.ts';
import { placeInFolder } from './sinks/folder.ts';
import { placeByHttp } from './sinks/http.ts';
import { placeInIndex } from './sinks/local.ts';

/** The job `knowledge.place`. */
export async function placeContent(parts: KnowledgeParts, id: string, context: JobContext): Promise<void> {
  const { store } = parts;
  const placement = await store.db
    .selectFrom('knowledge_placements')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirst();
  if (!placement || placement.state === 'placed' || placement.state === 'refused') return;
  const content = await store.db
    .selectFrom('knowledge_contents')
    .selectAll()
    .where('id', '=', placement.content_id)
    .executeTakeFirst();
  if (!content) return; // removed meanwhile
  const begun = {
    state: 'placing',
    attempts: placement.attempts + 1,
    job_id: context.id,
    next_attempt_at: null,
  };
  await store.write((tx) => setPlacement(tx, parts, id, begun));
  try {
    const placed = await place(parts, {
      placement,
      content,
      attempt: context.attempt,
      signal: context.signal,
      progress: (done) =>
        store.write(async (tx) => void (await setPlacement(tx, parts, id, { state: 'placing', done }))),
    });
    await store.write(async (tx) => {
      await context.finish(tx);
      await setPlacement(tx, parts, id, {
        state: placed.outcome,
        status: placed.status,
        error: placed.outcome === 'refused' ? `The sink refused it with status ${placed.status}.` : null,
        placed_at: parts.clock.now(),
      });
    });
  } catch (error) {
    const isTakenOver = [error, context.signal.reason].some((cause) => codeOf(cause) === 'lease_lost');
    if (!isTakenOver) await note(parts, placement, error, context);
    throw error;
  }
}

/** @throws PosternError `sink_missing` */
function place(parts: KnowledgeParts, placing: Placing): Promise<Placed> {
  const name = placing.placement.sink;
  if (name === LOCAL_SINK) return placeInIndex(parts, placing);
  const sink = parts.sinks().get(name);
  if (!sink)
    throw new PosternError('sink_missing', `The sink ${name} is not in the rules any more.`, {
      hint: 'Put it back, and run the document again.',
    });
  return 'http' in sink ? placeByHttp(parts, sink.http, placing) : placeInFolder(parts, sink.folder, placing);
}

/** An attempt that failed; one that Postern's own stop interrupted does not count. */
async function note(
  parts: KnowledgeParts,
  { id, attempts }: KnowledgePlacementsTable,
  error: unknown,
  context: JobContext,
): Promise<void> {
  const retry = retryOf(error);
  const afterMs = typeof retry === 'object' ? retry.afterMs : 0;
  const again = { state: 'queued', next_attempt_at: parts.clock.now() + afterMs };
  const status =
    error instanceof PosternError && typeof error.details.status === 'number' ? error.details.status : null;
  const isLast = retry === 'never' || context.lastAttempt; // then the job is dead, and says so itself
  await parts.store.write((tx) =>
    context.signal.aborted
      ? setPlacement(tx, parts, id, { ...again, attempts })
      : setPlacement(tx, parts, id, {
          ...(isLast ? { state: 'placing' } : again),
          error: reasonOf(error),
          status,
        }),
  );
}
