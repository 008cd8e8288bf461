// Uploads that come in parts, in any order and over as many connections and starts of the gateway as they need. Each part is
// an object until the whole is put together from them, piece by piece; what nobody completes is removed after a day.
import type { ObjectView, PartUploadView } from '../contracts/object.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Clock } from '../kernel/clock.ts';
import { notFound, PosternError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { Reader, Store, Tx } from '../store/store.ts';
import type { Blobs } from './blobs.ts';
import { bounded, type NewUpload, type Uploads } from './uploads.ts';

/** Of a part: what a slow line brings before a request has to be at its end. */
export const LARGEST_PART_BYTES = 64 * 1024 * 1024;
export const MOST_PARTS = 1000;
/** Of the whole: what goes behind a link and is fetched in an evening. */
export const LARGEST_UPLOAD_BYTES = 4 * 1024 * 1024 * 1024;
const MOST_OPEN = 20; // of one who uploads: each may hold its bytes for a day
const KEPT_OPEN_MS = 24 * 3_600_000;
const EXPIRE_ATTEMPTS = 1000; // a week: an object store that is away for a time keeps nothing for ever

export interface NewPart {
  uploadId: string;
  /** From 1 on. */
  number: number;
  /** In hexadecimal digits: bytes that were changed on their way are not taken. */
  sha256: string;
}

interface Parts {
  store: Store;
  blobs: Blobs;
  uploads: Pick<Uploads, 'record' | 'get'>;
  jobs: JobQueue;
  clock: Clock;
}

export class PartUploads {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** @param size of the whole in octets, where it is known @throws PosternError `too_many_uploads`, `object_too_large` */
  async begin({ filename, contentType, by }: NewUpload, size: number | null): Promise<PartUploadView> {
    const { store, jobs, clock } = this.#parts;
    if (size !== null && size > LARGEST_UPLOAD_BYTES) throw uploadTooLarge();
    const now = clock.now();
    const id = newId('upl', now);
    await store.write(async (tx) => {
      const open = await tx
        .selectFrom('part_uploads')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .where('uploaded_by', '=', by)
        .executeTakeFirst();
      if (Number(open?.count ?? 0) >= MOST_OPEN)
        throw new PosternError(
          'too_many_uploads',
          `There are ${MOST_OPEN} uploads that are not whole already.`,
          {
            hint: 'Complete or cancel one; each ends by itself after a day.',
          },
        );
      const expires_at = now + KEPT_OPEN_MS;
      await tx
        .insertInto('part_uploads')
        .values({
          id,
          filename,
          content_type: contentType,
          uploaded_by: by,
          size,
          created_at: now,
          expires_at,
        })
        .execute();
      const options = { runAt: expires_at, maxAttempts: EXPIRE_ATTEMPTS };
      await jobs.enqueue(tx, 'upload.expire', { upload_id: id }, options);
    });
    return this.get(id);
  }

  /** @throws PosternError `not_found` */
  async get(id: string, reader: Reader = this.#parts.store.db): Promise<PartUploadView> {
    const row = await reader.selectFrom('part_uploads').selectAll().where('id', '=', id).executeTakeFirst();
    if (!row || row.expires_at <= this.#parts.clock.now()) throw notFound('upload', id);
    const parts = await partsOf(reader, id);
    const { filename, content_type, size, created_at, expires_at } = row;
    return {
      ...{ id, filename, content_type, size, created_at, expires_at },
      received: parts.reduce((sum, part) => sum + part.size, 0),
      parts: parts.map((part) => ({ number: part.number, size: part.size, sha256: part.sha256 })),
    };
  }

  /**
   * Takes a part as it comes; in place of one that was there with its number.
   * @throws PosternError `not_found`, `object_too_large`, `upload_differs`, `body_invalid`
   */
  async add(
    bytes: AsyncIterable<Uint8Array>,
    { uploadId, number, sha256 }: NewPart,
  ): Promise<PartUploadView> {
    const { store, blobs } = this.#parts;
    await this.get(uploadId); // before a byte is taken
    const blob = await blobs.stage(bounded(bytes, LARGEST_PART_BYTES));
    let removeOld: (() => Promise<void>) | undefined;
    try {
      if (blob.sha256 !== sha256) throw differs(`The part ${number}`, sha256, blob.sha256);
      await store.write(async (tx) => {
        const { parts, size } = await this.get(uploadId, tx);
        const others = parts.reduce((sum, part) => sum + (part.number === number ? 0 : part.size), 0);
        if (others + blob.size > Math.min(size ?? LARGEST_UPLOAD_BYTES, LARGEST_UPLOAD_BYTES))
          throw uploadTooLarge(size);
        const old = await tx
          .deleteFrom('upload_parts')
          .where('upload_id', '=', uploadId)
          .where('number', '=', number)
          .returning('object_id')
          .executeTakeFirst();
        if (old) removeOld = await blobs.remove(tx, old.object_id);
        await blob.record(tx);
        const row = { upload_id: uploadId, number, object_id: blob.id, size: blob.size, sha256 };
        await tx.insertInto('upload_parts').values(row).execute();
      });
    } catch (error) {
      await blob.discard();
      throw error;
    }
    await removeOld?.();
    return this.get(uploadId);
  }

  /**
   * Puts the whole together. What fails leaves the parts as they are.
   * @throws PosternError `not_found`, `upload_incomplete`, `upload_differs`
   */
  async complete(id: string, sha256: string): Promise<ObjectView> {
    const { store, blobs, uploads } = this.#parts;
    const { received, size, parts } = await this.get(id);
    const last = parts.at(-1)?.number ?? 0;
    if (last !== parts.length || (size !== null && received !== size))
      throw new PosternError(
        'upload_incomplete',
        `The upload has ${received} of ${size ?? 'its'} bytes so far.`,
        {
          hint: 'GET shows which parts came; they count from 1, without a gap.',
        },
      );
    const sources = await partsOf(store.db, id);
    const blob = await blobs.stage(joined(blobs, sources));
    let removals: (() => Promise<void>)[] = [];
    try {
      if (blob.sha256 !== sha256) throw differs('The whole', sha256, blob.sha256);
      await store.write(async (tx) => {
        const row = await tx
          .deleteFrom('part_uploads')
          .where('id', '=', id)
          .returningAll()
          .executeTakeFirst();
        if (!row) throw notFound('upload', id); // completed or cancelled meanwhile
        await blob.record(tx);
        const { filename, content_type: contentType, uploaded_by: by } = row;
        await uploads.record(tx, blob.id, { filename, contentType, by });
        removals = await this.#removeParts(tx, id);
      });
    } catch (error) {
      await blob.discard();
      throw error;
    }
    for (const remove of removals) await remove();
    return uploads.get(blob.id);
  }

  /** @throws PosternError `not_found` */
  async cancel(id: string): Promise<void> {
    await this.get(id);
    await this.expire(id);
  }

  /** The job `upload.expire`. */
  async expire(id: string): Promise<void> {
    const removals = await this.#parts.store.write(async (tx) => {
      await tx.deleteFrom('part_uploads').where('id', '=', id).execute();
      return this.#removeParts(tx, id);
    });
    for (const remove of removals) await remove();
  }

  async #removeParts(tx: Tx, id: string): Promise<(() => Promise<void>)[]> {
    const removals: (() => Promise<void>)[] = [];
    for (const { object_id } of await partsOf(tx, id))
      removals.push(await this.#parts.blobs.remove(tx, object_id));
    await tx.deleteFrom('upload_parts').where('upload_id', '=', id).execute();
    return removals;
  }
}

const partsOf = (reader: Reader, id: string) =>
  reader.selectFrom('upload_parts').selectAll().where('upload_id', '=', id).orderBy('number').execute();

async function* joined(blobs: Blobs, parts: readonly { object_id: string }[]): AsyncGenerator<Buffer> {
  for (const { object_id } of parts)
    yield* (await (await blobs.find(object_id)).open()) as AsyncIterable<Buffer>;
}

const uploadTooLarge = (size: number | null = null): PosternError =>
  new PosternError('object_too_large', `The upload is larger than ${size ?? LARGEST_UPLOAD_BYTES} bytes.`);

const differs = (what: string, told: string, found: string): PosternError =>
  new PosternError('upload_differs', `${what} is not what its sender has: its SHA-256 is another one.`, {
    hint: 'Send it again.',
    details: { sha256: found, told },
  });
