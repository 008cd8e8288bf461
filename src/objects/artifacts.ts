// Attachments that events refer to: kept for as many days as their destination says, and then removed, which the audit
// tells. An event that is sent again refers to the same ones.
import type { ArtifactView } from '../contracts/artifact.ts';
import type { PartHashes } from '../contracts/mail-event.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Clock } from '../kernel/clock.ts';
import { notFound, PosternError } from '../kernel/errors.ts';
import type { Reader, Store, Tx } from '../store/store.ts';
import type { Blobs, OpenBlob, StagedBlob } from './blobs.ts';

const DAY_MS = 24 * 3_600_000;
const EXPIRE_ATTEMPTS = 1000; // a week, in the end every ten minutes: an object store that is away keeps nothing for ever

/** A part of the mail of an event. */
export interface ArtifactOf {
  eventId: string;
  accountId: string;
  part: string;
}

export interface NewArtifact extends ArtifactOf {
  filename: string | null;
  contentType: string;
  hashes: PartHashes;
}

export interface StagedArtifact {
  blob: StagedBlob;
  /** Epoch milliseconds. */
  expiresAt: number;
  /** True where the job that removes it is in the queue already. */
  expires: boolean;
}

export interface ArtifactQuery {
  /** An account's id. */
  account?: string | undefined;
  event?: string | undefined;
  limit: number;
  /** Only those older than the artifact with this id. */
  before?: string | undefined;
}

/** What the audit is told of a removal. */
export interface Removal {
  operation: 'artifact.expire' | 'link.expire';
  target: string;
  /** The job that did it. */
  requestId: string;
}

export interface ArtifactsParts {
  store: Store;
  blobs: Blobs;
  jobs: JobQueue;
  clock: Clock;
  /** Writes into the audit, in the transaction. */
  audit: (tx: Tx, removal: Removal) => Promise<void>;
}

export class Artifacts {
  readonly #parts: ArtifactsParts;

  constructor(parts: ArtifactsParts) {
    this.#parts = parts;
  }

  /**
   * Takes bytes as they come, outside of transactions; they are kept with `keep`, or discarded. Those that a kill could
   * leave behind are removed after their days as well.
   */
  async stage(bytes: AsyncIterable<Uint8Array>, days: number): Promise<StagedArtifact> {
    const { store, blobs, clock } = this.#parts;
    const expiresAt = clock.now() + days * DAY_MS;
    let expires = false;
    const blob = await blobs.stage(bytes, async (id) => {
      await store.write((tx) => this.#expireAt(tx, id, expiresAt));
      expires = true;
    });
    return { blob, expiresAt, expires };
  }

  #expireAt(tx: Tx, id: string, runAt: number): Promise<unknown> {
    const options = { runAt, maxAttempts: EXPIRE_ATTEMPTS };
    return this.#parts.jobs.enqueue(tx, 'artifact.expire', { object_id: id }, options);
  }

  /** Keeps what was staged. Where the event has an artifact of this part already, that one stays, and is returned. */
  async keep(artifact: NewArtifact, { blob, expiresAt, expires }: StagedArtifact): Promise<ArtifactView> {
    const { store } = this.#parts;
    const { eventId, accountId, part, filename, contentType, hashes } = artifact;
    let isNew = false;
    try {
      isNew = await store.write(async (tx) => {
        const row = await tx
          .insertInto('artifacts')
          .values({
            object_id: blob.id,
            event_id: eventId,
            account_id: accountId,
            part,
            filename,
            content_type: contentType,
            md5: hashes.md5,
            sha1: hashes.sha1,
            expires_at: expiresAt,
          })
          .onConflict((conflict) => conflict.columns(['event_id', 'part']).doNothing())
          .returning('object_id')
          .executeTakeFirst();
        if (!row) return false;
        await blob.record(tx);
        if (!expires) await this.#expireAt(tx, blob.id, expiresAt);
        return true;
      });
    } finally {
      if (!isNew) await blob.discard();
    }
    const kept = await this.find(artifact);
    if (!kept)
      throw new PosternError('artifact_expiring', 'The artifact that the event had is just being removed.', {
        retry: 'later',
      });
    return kept;
  }

  /** The artifact of a part, where the event has one. */
  async find({ eventId, part }: Pick<ArtifactOf, 'eventId' | 'part'>): Promise<ArtifactView | undefined> {
    const row = await this.#rows()
      .where('artifacts.event_id', '=', eventId)
      .where('artifacts.part', '=', part)
      .executeTakeFirst();
    return row && viewOf(row);
  }

  /** Newest first. */
  async list({ account, event, limit, before }: ArtifactQuery): Promise<ArtifactView[]> {
    let query = this.#rows().orderBy('artifacts.object_id', 'desc').limit(limit);
    if (account !== undefined) query = query.where('artifacts.account_id', '=', account);
    if (event !== undefined) query = query.where('artifacts.event_id', '=', event);
    if (before !== undefined) query = query.where('artifacts.object_id', '<', before);
    return (await query.execute()).map(viewOf);
  }

  /** @throws PosternError `not_found`, also for an object that is no artifact, and for one whose days are over */
  async get(id: string): Promise<ArtifactView> {
    const row = await this.#rows().where('artifacts.object_id', '=', id).executeTakeFirst();
    if (!row) throw notFound('artifact', id);
    return viewOf(row);
  }

  /** @throws PosternError `not_found` */
  async open(id: string): Promise<OpenBlob> {
    await this.get(id);
    return this.#parts.blobs.find(id);
  }

  /** The job `artifact.expire`. The bytes go first: what the audit says is removed is removed, also after a kill. */
  async expire(id: string, job: { id: string; finish(tx: Tx): Promise<void> }): Promise<void> {
    const { store, blobs, audit } = this.#parts;
    const found = await this.#rows(store.db, 0).where('artifacts.object_id', '=', id).executeTakeFirst();
    await blobs.erase(id);
    if (!found) return;
    await store.write(async (tx) => {
      await tx.deleteFrom('artifacts').where('object_id', '=', id).execute();
      await blobs.remove(tx, id);
      const target = `${found.account_id};artifact=${id};event=${found.event_id};part=${found.part};sha256=${found.sha256}`;
      await audit(tx, { operation: 'artifact.expire', target, requestId: job.id });
      await job.finish(tx);
    });
  }

  /** @param now those whose days are over then are not there any more, though the job has not come to them yet */
  #rows(reader: Reader = this.#parts.store.db, now = this.#parts.clock.now()) {
    return reader
      .selectFrom('artifacts')
      .innerJoin('objects', 'objects.id', 'artifacts.object_id')
      .selectAll('artifacts')
      .select(['objects.size', 'objects.sha256', 'objects.created_at'])
      .where('artifacts.expires_at', '>', now);
  }
}

interface Row {
  object_id: string;
  event_id: string;
  account_id: string;
  part: string;
  filename: string | null;
  content_type: string;
  md5: string;
  sha1: string;
  expires_at: number;
  size: number;
  sha256: string;
  created_at: number;
}

const viewOf = ({ object_id: id, md5, sha1, sha256, ...row }: Row): ArtifactView => ({
  id,
  event_id: row.event_id,
  account_id: row.account_id,
  part: row.part,
  filename: row.filename,
  content_type: row.content_type,
  size: row.size,
  hashes: { md5, sha1, sha256 },
  created_at: row.created_at,
  expires_at: row.expires_at,
});
