// Puts the mails of a broadcast into the outbox, so many at a time, each made from what was approved when its turn comes. The
// list is worked off in its order; how far it is stands in the ledger with the mails themselves, so that a kill between two
// of them leaves nobody out and nobody twice.
import type { Account, Accounts } from '../accounts/accounts.ts';
import type { Bus } from '../cluster/bus.ts';
import type { DraftAttachment } from '../contracts/draft.ts';
import type { Composer } from '../drafts/composer.ts';
import type { Drafts } from '../drafts/drafts.ts';
import { fromOf } from '../drafts/prepare.ts';
import type { InlineImage, Template } from '../drafts/template.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { JobContext, JobWorker } from '../jobs/worker.ts';
import { type Clock, pause } from '../kernel/clock.ts';
import { codeOf, explain, PosternError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Blobs } from '../objects/blobs.ts';
import { thawTemplate } from '../outbound/frozen-template.ts';
import { Outbox } from '../outbound/outbox.ts';
import { afterCommit, type Store, type Tx } from '../store/store.ts';
import { type BatchParts, putBatch } from './batch.ts';
import {
  type BroadcastRow,
  broadcastRow,
  countQueued,
  moveBroadcast,
  nextPosition,
  takeOutcomes,
} from './broadcast-rows.ts';
import { type BroadcastContent, readContent } from './content.ts';
import type { FindWayOut } from './mail.ts';
import { prepareReport } from './report.ts';
import { takeBack } from './take-back.ts';

const BATCH = 50; // mails in one transaction: other writes wait for its end
const MOST_QUEUED = 400; // of one broadcast in the outbox: what is paused or unsubscribed has no more than that before it
const LOOK_AGAIN_MS = 100;
const PATIENCE_MS = 5_000; // without a mail that left: the job gives its place to others
const PUT_OFF_MS = 2_000;
const AT_ONCE = 4; // broadcasts

export interface RunParts {
  store: Store;
  jobs: JobQueue;
  worker: JobWorker;
  clock: Clock;
  bus: Bus;
  log: Logger;
  accounts: Pick<Accounts, 'get'>;
  blobs: Blobs;
  compose: Composer;
  drafts: Pick<Drafts, 'prepare' | 'insert'>;
  wayOut: FindWayOut;
  suppressed: BatchParts['suppressed'];
  returnPath?: BatchParts['returnPath'];
}

/** Registers the handler of `broadcast.run`. */
export function registerRun(parts: RunParts): void {
  parts.worker.handle('broadcast.run', ({ broadcast_id: id }, context) => run(parts, id, context), {
    concurrency: AT_ONCE,
    onDead: ({ broadcast_id: id }: { broadcast_id: string }, error) => fail(parts, id, error),
  });
}

interface Opened {
  content: BroadcastContent;
  account: Account;
  template: Template;
}

async function run(parts: RunParts, id: string, context: JobContext): Promise<void> {
  const row = await broadcastRow(parts.store.db, id);
  if (row.state !== 'running') return settle(parts, id, context);
  const images = new Images(parts);
  const attachmentOf = (image: InlineImage) => images.attachmentOf(image);
  let opened: Opened | null = null;
  let idleSince = parts.clock.now() - PATIENCE_MS; // where nothing has changed since the last look, one look is enough
  while (!context.signal.aborted) {
    const first = await nextPosition(parts.store.db, id);
    const room = MOST_QUEUED - (await countQueued(parts.store.db, id));
    const rest = row.total - first;
    if (rest > 0 && room >= Math.min(BATCH, rest)) {
      // Some megabytes, perhaps: not read while all that it does is to wait for a limit.
      opened ??= await openOrFail(parts, row);
      if (opened === null) return;
      const { content, account, template } = opened;
      const { recipients, head } = content;
      const batch = {
        id,
        first,
        recipients: recipients.slice(first, first + BATCH),
        by: row.decided_by ?? '',
      };
      if (!(await putBatch({ ...parts, attachmentOf }, { ...batch, head, account, template })))
        return settle(parts, id, context);
      idleSince = parts.clock.now();
      continue;
    }
    const changed = await parts.store.write((tx) => takeOutcomes(tx, id, parts.clock.now()));
    if (changed > 0) {
      idleSince = parts.clock.now();
      tellProgress(parts, row);
    } else if (rest <= 0 && room === MOST_QUEUED) return end(parts, id, context);
    else if (parts.clock.now() - idleSince < PATIENCE_MS) await pause(LOOK_AGAIN_MS, context.signal);
    else return parts.store.write((tx) => context.putOff(tx, parts.clock.now() + PUT_OFF_MS));
    if ((await broadcastRow(parts.store.db, id)).state !== 'running') return settle(parts, id, context);
  }
  throw interrupted();
}

/** One that was paused or cancelled: what has left by then is still written down. */
async function settle(parts: RunParts, id: string, context: JobContext): Promise<void> {
  const { store, clock } = parts;
  const outbox = new Outbox(store, parts.jobs, clock, parts.bus);
  let idleSince = clock.now() - PATIENCE_MS;
  while (!context.signal.aborted) {
    const row = await broadcastRow(store.db, id);
    if (row.state !== 'paused' && row.state !== 'cancelled') {
      // Resumed meanwhile: that put in a job of its own, behind this one.
      return;
    }
    if (row.state === 'cancelled') await takeBack({ store, outbox }, row); // whoever began it may have been killed
    if ((await store.write((tx) => takeOutcomes(tx, id, clock.now()))) > 0) {
      idleSince = clock.now();
      tellProgress(parts, row);
    } else if ((await countQueued(store.db, id)) === 0) return;
    else if (clock.now() - idleSince < PATIENCE_MS) await pause(LOOK_AGAIN_MS, context.signal);
    else return store.write((tx) => context.putOff(tx, clock.now() + PUT_OFF_MS));
  }
  throw interrupted();
}

const interrupted = (): PosternError =>
  new PosternError('stopping', 'The broadcast was interrupted, and goes on where it is.', { retry: 'later' });

/** Null where what was approved cannot be had any more: no further try mends that. */
async function openOrFail(parts: RunParts, row: BroadcastRow): Promise<Opened | null> {
  try {
    return await open(parts, row);
  } catch (error) {
    if (!(error instanceof PosternError) || error.retry !== 'never') throw error;
    parts.log.error({ broadcast: row.id, code: error.code }, `a broadcast has stopped: ${error.message}`);
    await fail(parts, row.id, explain(error));
    return null;
  }
}

/** @throws PosternError `broadcast_damaged`, `account_changed`, `template_invalid`, `not_found` */
async function open({ blobs, accounts }: RunParts, row: BroadcastRow): Promise<Opened> {
  const content = readContent(await blobs.load(row.content_object_id), row.digest);
  if (content.recipients.length !== row.total)
    throw new PosternError(
      'broadcast_damaged',
      'The broadcast has another number of recipients than was approved.',
    );
  const { from, accountId, template } = content.head;
  const account = await accounts.get(accountId);
  if (accountId !== row.account_id || fromOf(account).address !== from.address)
    throw new PosternError(
      'account_changed',
      'The account has another address than the one that was approved.',
    );
  return { content, account, template: await thawTemplate(template) };
}

/** All have had their turn, and of each it is known what became of it. */
async function end(parts: RunParts, id: string, context: JobContext): Promise<void> {
  const report = await prepareReport(parts, id);
  const now = parts.clock.now();
  await parts.store
    .write(async (tx) => {
      const row = await moveBroadcast(tx, id, ['running'], { state: 'done', ended_at: now, updated_at: now });
      await report?.record(tx);
      await context.finish(tx);
      tell(parts, tx, row);
    })
    .catch(async (error: unknown) => {
      await report?.discard();
      if (codeOf(error) !== 'broadcast_state') throw error; // paused or cancelled at this very moment
    });
}

async function fail(parts: RunParts, id: string, error: string): Promise<void> {
  const now = parts.clock.now();
  await parts.store
    .write(async (tx) => {
      const change = { state: 'failed', error, ended_at: now, updated_at: now } as const;
      tell(parts, tx, await moveBroadcast(tx, id, ['running', 'paused'], change));
    })
    .catch((failure: unknown) => {
      if (!['broadcast_state', 'not_found'].includes(codeOf(failure))) throw failure;
    });
}

function tell({ bus }: Pick<RunParts, 'bus'>, tx: Tx, { id, account_id, state }: BroadcastRow): void {
  afterCommit(tx, () => bus.publish('broadcast.changed', { broadcast_id: id, account_id, state }));
}

const tellProgress = ({ bus }: Pick<RunParts, 'bus'>, { id, account_id, state }: BroadcastRow): void =>
  bus.publish('broadcast.changed', { broadcast_id: id, account_id, state });

/** Pictures of the template, stored when the first mail shows them. */
export class Images {
  readonly #parts: Pick<RunParts, 'blobs' | 'store'>;
  readonly #known = new Map<string, Promise<DraftAttachment>>();

  constructor(parts: Pick<RunParts, 'blobs' | 'store'>) {
    this.#parts = parts;
  }

  attachmentOf(image: InlineImage): Promise<DraftAttachment> {
    let known = this.#known.get(image.cid);
    if (!known) {
      known = this.#keep(image);
      this.#known.set(image.cid, known);
    }
    return known;
  }

  async #keep({ cid, filename, contentType, content }: InlineImage): Promise<DraftAttachment> {
    const blob = await this.#parts.blobs.stage(Buffer.from(content));
    await this.#parts.store.write((tx) => blob.record(tx));
    const { id, size, sha256 } = blob;
    return {
      ...{ object_id: id, filename, content_type: contentType, size, sha256 },
      ...{ content_id: cid, disposition: 'inline' as const },
    };
  }
}
