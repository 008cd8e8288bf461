// Files that are uploaded to be attached later: each stays for a day, and for good once a mail has taken it.
import type { DraftAttachment } from '../contracts/draft.ts';
import type { ObjectView } from '../contracts/object.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Clock } from '../kernel/clock.ts';
import { notFound, PosternError } from '../kernel/errors.ts';
import { free } from '../kernel/free.ts';
import type { Reader, Store, Tx } from '../store/store.ts';
import type { Blobs } from './blobs.ts';

/** Above what any mail server takes, so that it bounds the disk and not the mail: that is max_message_bytes. */
export const LARGEST_OBJECT_BYTES = 256 * 1024 * 1024;
const EXPIRE_ATTEMPTS = 1000; // a week: an object store that is away for a time keeps nothing for ever
const KEPT_UNUSED_MS = 24 * 3_600_000; // as long as the answer to a request is kept for its Idempotency-Key

export interface NewUpload {
  filename: string;
  contentType: string;
  by: string;
}

export interface UploadLimits {
  /** Bytes of this one. */
  largest?: number;
  /** Bytes of all that the same one has uploaded, as long as no mail has taken them. */
  together?: number;
}

export class Uploads {
  readonly #store: Store;
  readonly #blobs: Blobs;
  readonly #jobs: JobQueue;
  readonly #clock: Clock;

  constructor(store: Store, blobs: Blobs, jobs: JobQueue, clock: Clock) {
    this.#store = store;
    this.#blobs = blobs;
    this.#jobs = jobs;
    this.#clock = clock;
  }

  /**
   * Takes the bytes as they come. Where they break off or are too many, nothing is kept.
   * @throws PosternError `object_too_large`, `body_invalid`
   */
  async add(
    bytes: AsyncIterable<Uint8Array>,
    { filename, contentType, by }: NewUpload,
    { largest = LARGEST_OBJECT_BYTES, together }: UploadLimits = {},
  ): Promise<ObjectView> {
    const blob = await this.#blobs.stage(bounded(bytes, largest));
    try {
      await this.#store.write(async (tx) => {
        await blob.record(tx);
        await this.record(tx, blob.id, { filename, contentType, by });
        // Once more: others of the same one's may have come at the same time.
        if (together !== undefined && (await this.#waitingOf(by, tx)) > together)
          throw objectTooLarge(largest);
      });
    } catch (error) {
      await blob.discard();
      throw error;
    }
    return this.get(blob.id);
  }

  /** In the transaction that records the object: it is removed after a day unless a mail takes it. */
  async record(tx: Tx, objectId: string, { filename, contentType, by }: NewUpload): Promise<void> {
    const expiresAt = this.#clock.now() + KEPT_UNUSED_MS;
    await tx
      .insertInto('uploads')
      .values({
        object_id: objectId,
        filename,
        content_type: contentType,
        uploaded_by: by,
        expires_at: expiresAt,
      })
      .execute();
    const options = { runAt: expiresAt, maxAttempts: EXPIRE_ATTEMPTS };
    await this.#jobs.enqueue(tx, 'object.expire', { object_id: objectId }, options);
  }

  /** @throws PosternError `not_found`, also for an object that was not uploaded: those belong to their mails */
  async get(id: string, reader: Reader = this.#store.db): Promise<ObjectView> {
    const row = await reader
      .selectFrom('uploads')
      .innerJoin('objects', 'objects.id', 'uploads.object_id')
      .select(['objects.id', 'filename', 'content_type', 'size', 'sha256', 'created_at', 'expires_at'])
      .where('uploads.object_id', '=', id)
      .executeTakeFirst();
    if (!row) throw notFound('object', id);
    return row;
  }

  /** How many of the bytes are left that this one's uploads may have together while they wait for a mail. */
  async roomOf(uploader: string, bytes: number): Promise<number> {
    return Math.max(0, bytes - (await this.#waitingOf(uploader)));
  }

  async #waitingOf(uploader: string, reader: Reader = this.#store.db): Promise<number> {
    const row = await reader
      .selectFrom('uploads')
      .innerJoin('objects', 'objects.id', 'uploads.object_id')
      .select((eb) => eb.fn.sum<number | null>('size').as('bytes'))
      .where('uploaded_by', '=', uploader)
      .where('expires_at', 'is not', null)
      .executeTakeFirst();
    return Number(row?.bytes ?? 0);
  }

  /** Whether it is an upload of this one's. */
  async isOf(id: string, uploader: string): Promise<boolean> {
    const row = await this.#store.db
      .selectFrom('uploads')
      .select('object_id')
      .where('object_id', '=', id)
      .where('uploaded_by', '=', uploader)
      .executeTakeFirst();
    return row !== undefined;
  }

  /** In the transaction that names them in a mail: from now on they stay. @throws PosternError `not_found` */
  async keep(tx: Tx, attachments: readonly DraftAttachment[]): Promise<void> {
    for (const { object_id: id } of attachments) {
      const kept = await tx
        .updateTable('uploads')
        .set({ expires_at: null })
        .where('object_id', '=', id)
        .returning('object_id')
        .executeTakeFirst();
      if (!kept) throw notFound('object', id);
    }
  }

  /** The job `object.expire`. */
  async expire(id: string): Promise<void> {
    const removeBytes = await this.#store.write(async (tx) => {
      const gone = await tx
        .deleteFrom('uploads')
        .where('object_id', '=', id)
        .where('expires_at', 'is not', null)
        .returning('object_id')
        .executeTakeFirst();
      return gone ? this.#blobs.remove(tx, id) : undefined;
    });
    await removeBytes?.();
  }
}

export const objectTooLarge = (largest = LARGEST_OBJECT_BYTES): PosternError =>
  new PosternError('object_too_large', `The file is larger than ${largest} bytes.`);

/** Pieces that are freed when the next is asked for. @throws PosternError `object_too_large`, `body_invalid` as they are read */
export async function* bounded(
  bytes: AsyncIterable<Uint8Array>,
  largest: number,
): AsyncGenerator<Uint8Array> {
  let room = largest;
  try {
    for await (const piece of bytes) {
      room -= piece.length;
      if (room < 0) throw objectTooLarge(largest);
      yield piece;
      free(piece);
    }
  } catch (error) {
    if (error instanceof PosternError) throw error;
    throw new PosternError('body_invalid', 'The body ended before it was whole.', { cause: error });
  }
}
