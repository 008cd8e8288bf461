// A digest that is due: its sources are asked, its list is read, and a broadcast comes of them, once for each firing.
import { type DigestDefinition, type DigestRecipients, digestDefinition } from '../contracts/digest.ts';
import type { JobContext, JobWorker } from '../jobs/worker.ts';
import { codeOf, explain, PosternError, retryOf } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { afterCommit, type Reader, type Tx } from '../store/store.ts';
import type { Firing } from './firings.ts';
import { listIn } from './list-files.ts';
import { type MakeParts, makeBroadcast, type Wanted } from './make.ts';
import { MOST_RECIPIENTS, type Recipient, recipientsOf } from './recipients.ts';
import { lastBefore } from './schedule.ts';
import { collect, rowsOf, type SourceParts } from './sources.ts';
import type { Span } from './span.ts';

const FIRST_SPAN_MS = 24 * 3_600_000; // of a digest that was never made and has no time before
const AT_ONCE = 4;

export interface FireParts extends MakeParts, SourceParts {
  worker: JobWorker;
  log: Logger;
  /** Where lists of recipients lie. */
  rulesDir: string;
}

/** Registers the handler of `digest.fire`. */
export function registerFire(parts: FireParts): void {
  parts.worker.handle('digest.fire', ({ firing_id: id }, context) => runFiring(parts, id, context), {
    concurrency: AT_ONCE,
    onDead: ({ firing_id: id }: { firing_id: string }, error) => failed(parts, id, error),
  });
}

async function runFiring(parts: FireParts, id: string, context: JobContext): Promise<void> {
  const firing = await firingOf(parts.store.db, id);
  if (firing?.state !== 'queued') return;
  try {
    const wanted = await wantedOf(parts, firing, context.signal);
    if (wanted.recipients.length === 0) {
      parts.log.warn({ digest: firing.digest }, 'a digest goes to nobody: its list is empty');
      return await parts.store.write(async (tx) => {
        await endFiring(parts, tx, firing, { state: 'empty' });
        await context.finish(tx);
      });
    }
    const made = await makeBroadcast(parts, wanted);
    await parts.store
      .write(async (tx) => {
        if (!(await made.record(tx)))
          throw new PosternError('lease_lost', `The firing ${id} has its broadcast.`);
        await endFiring(parts, tx, firing, { state: 'made', broadcast_id: made.id });
        await context.finish(tx);
      })
      .catch(async (error: unknown) => {
        await made.discard();
        throw error;
      });
  } catch (error) {
    if (!(error instanceof PosternError) || retryOf(error) !== 'never' || codeOf(error) === 'lease_lost')
      throw error;
    parts.log.warn({ digest: firing.digest, code: error.code }, `a digest was not made: ${error.message}`);
    await failed(parts, id, explain(error));
  }
}

async function firingOf(db: Reader, id: string): Promise<Firing | null> {
  const row = await db.selectFrom('digest_firings').selectAll().where('id', '=', id).executeTakeFirst();
  return row ?? null;
}

async function failed(parts: FireParts, id: string, error: string): Promise<void> {
  await parts.store.write(async (tx) => {
    const firing = await firingOf(tx, id);
    if (firing?.state === 'queued') await endFiring(parts, tx, firing, { state: 'failed', error });
  });
}

async function endFiring(
  { clock, bus }: FireParts,
  tx: Tx,
  { id, digest }: Firing,
  change: { state: 'made' | 'empty' | 'failed'; broadcast_id?: string; error?: string },
): Promise<void> {
  await tx
    .updateTable('digest_firings')
    .set({ ...change, ended_at: clock.now() })
    .where('id', '=', id)
    .execute();
  const told = { digest, firing_id: id, state: change.state };
  afterCommit(tx, () => bus.publish('digest.changed', told));
}

/** What the firing is to become. @throws PosternError of a source, of the list, or of the definition */
async function wantedOf(parts: FireParts, firing: Firing, signal: AbortSignal): Promise<Wanted> {
  const digest = digestDefinition.parse(JSON.parse(firing.definition));
  const span = await spanOf(parts.store.db, digest, firing.scheduled_for, firing.cause);
  return { ...(await gather(parts, digest, span, signal)), firingId: firing.id };
}

/** The same without a firing, for a look at what would come. */
export async function gather(
  parts: FireParts,
  digest: DigestDefinition,
  span: Span,
  signal: AbortSignal,
): Promise<Wanted> {
  const { name, timezone, to, report } = digest;
  const iso = (at: number): string => new Date(at).toISOString();
  const about = { name, timezone, since: iso(span.since), until: iso(span.until) };
  return {
    ...{ name, list: name, digestName: name, timezone, template: digest.template, firingId: null },
    ...{
      account: digest.account ?? null,
      subject: digest.subject ?? null,
      language: digest.language ?? null,
    },
    data: { digest: about, ...(await collect(parts, digest.data, span, signal)) },
    recipients: await recipientsFor(parts, to, signal),
    unsubscribe: digest.unsubscribe,
    madeBy: `digest ${name}`,
    approve: digest.approve,
    reportTo: report === undefined ? [] : [report].flat(),
  };
}

/** From the time before, of those that were made by the schedule, to this one. */
export async function spanOf(
  db: Reader,
  digest: DigestDefinition,
  until: number,
  cause: 'schedule' | 'run',
): Promise<Span> {
  const before = await db
    .selectFrom('digest_firings')
    .select('scheduled_for')
    .where('digest', '=', digest.name)
    .where('scheduled_for', '<', until)
    .where('cause', '=', 'schedule')
    .where('state', 'in', ['made', 'empty'])
    .orderBy('scheduled_for', 'desc')
    .limit(1)
    .executeTakeFirst();
  const first = cause === 'schedule' ? lastBefore(digest, until) : null;
  return { since: before?.scheduled_for ?? first ?? until - FIRST_SPAN_MS, until };
}

async function recipientsFor(
  parts: FireParts,
  to: DigestRecipients,
  signal: AbortSignal,
): Promise<Recipient[]> {
  if (Array.isArray(to)) return recipientsOf(to);
  if ('query' in to) return recipientsOf(await rowsOf(parts, to.query, null, signal, MOST_RECIPIENTS));
  return recipientsOf(await listIn(parts.rulesDir, to.file));
}
