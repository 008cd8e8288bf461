// Blobs: small ones lie in the ledger, in the transaction of whatever names them; large ones in the object store, and
// pass through the memory piece by piece.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Clock } from '../kernel/clock.ts';
import { notFound } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { keptQuery } from '../store/kept-query.ts';
import type { Store, Tx } from '../store/store.ts';
import { eachPiece } from './each-piece.ts';
import type { ByteRange, ObjectStore, Presented } from './object-store.ts';

const LARGEST_IN_LEDGER_BYTES = 256 * 1024; // above this a file is cheaper than a row, and backups stay small

export interface SavedBlob {
  id: string;
  sha256: string;
  size: number;
}

/** A blob whose bytes are safe, and which becomes findable with the transaction that records it. */
export interface StagedBlob extends SavedBlob {
  record(tx: Tx): Promise<void>;
  /** Removes the bytes of a blob that nobody recorded. */
  discard(): Promise<void>;
}

/** A blob that is there; its bytes are fetched when they are asked for, as often as one likes. */
export interface OpenBlob extends SavedBlob {
  /** All of it, where it is small and lies in the ledger. */
  bytes: Buffer | null;
  /** To be read to its end or destroyed. @param range within it @throws PosternError `not_found` */
  open(range?: ByteRange): Promise<Readable>;
  /** Hands out a part of it; a piece is overwritten once `take` is done with it. @throws PosternError `not_found` */
  copy(range: ByteRange, take: (piece: Buffer) => Promise<void>): Promise<void>;
  /** A URL of the object store itself, for so many seconds; null where it gives none. */
  presign: ((seconds: number, as: Presented) => Promise<string>) | null;
}

const rowOf = keptQuery((db, id: string) =>
  db.selectFrom('objects').select(['sha256', 'size', 'bytes', 'store_key']).where('id', '=', id),
);

const insertObject = keptQuery(
  (
    db,
    id: string,
    sha256: string,
    size: number,
    bytes: Buffer | null,
    store_key: string | null,
    created_at: number,
  ) => db.insertInto('objects').values({ id, sha256, size, bytes, store_key, created_at }),
);

export class Blobs {
  readonly #store: Store;
  readonly #objects: ObjectStore;
  readonly #clock: Clock;

  constructor(store: Store, objects: ObjectStore, clock: Clock) {
    this.#store = store;
    this.#objects = objects;
    this.#clock = clock;
  }

  /**
   * Puts large bytes into the object store; the ledger's row waits for `record`. Call it outside of transactions. Where
   * the content fails half way, nothing is kept and its error is thrown.
   * @param content each piece is done with when the next is asked for
   * @param beforePut is told the id before bytes go where a kill could leave them: that they are removed one day
   */
  async stage(
    content: Buffer | AsyncIterable<Uint8Array>,
    beforePut?: (id: string) => Promise<void>,
  ): Promise<StagedBlob> {
    const now = this.#clock.now();
    const id = newId('obj', now);
    const hash = createHash('sha256');
    let size = 0;
    const pieces = (Buffer.isBuffer(content) ? [content] : content) as AsyncIterable<Uint8Array>;
    async function* counted(): AsyncGenerator<Uint8Array> {
      for await (const piece of pieces) {
        hash.update(piece);
        size += piece.length;
        yield piece;
      }
    }
    const rest = counted();
    const bytes = await this.#keep(id, rest, beforePut);
    const sha256 = hash.digest('hex');
    const store_key = bytes === null ? id : null;
    return {
      id,
      sha256,
      size,
      record: async (tx) => {
        await insertObject(tx, id, sha256, size, bytes, store_key, now);
      },
      discard: async () => {
        if (store_key !== null) await this.#objects.remove(store_key);
      },
    };
  }

  /** What belongs into the ledger; null where it went into the object store. */
  async #keep(
    id: string,
    pieces: AsyncGenerator<Uint8Array>,
    beforePut: ((id: string) => Promise<void>) | undefined,
  ): Promise<Buffer | null> {
    const first: Uint8Array[] = [];
    let size = 0;
    try {
      while (size <= LARGEST_IN_LEDGER_BYTES) {
        const next = await pieces.next();
        if (next.done) return Buffer.concat(first);
        first.push(Buffer.from(next.value)); // the piece itself is its sender's again when the next is asked for
        size += next.value.length;
      }
      await beforePut?.(id);
      await this.#objects.put(id, joined(first, pieces));
      return null;
    } finally {
      await pieces.return(undefined); // where the store failed, what the pieces come from is let go
    }
  }

  /** @throws PosternError `not_found` */
  async load(id: string): Promise<Buffer> {
    const row = await this.#row(id);
    if (row.bytes !== null) return Buffer.from(row.bytes);
    return this.#objects.get(row.store_key as string);
  }

  /** @throws PosternError `not_found` */
  async find(id: string): Promise<OpenBlob> {
    const row = await this.#row(id);
    const { sha256, size, store_key } = row;
    const bytes = row.bytes && Buffer.from(row.bytes.buffer, row.bytes.byteOffset, row.bytes.length);
    const { presign, copy } = this.#objects;
    const open = async (range?: ByteRange): Promise<Readable> => {
      if (bytes === null) return this.#objects.open(store_key as string, range);
      const part = range ? bytes.subarray(range.start, range.end + 1) : bytes;
      return Readable.from([part], { objectMode: false });
    };
    return {
      ...{ id, sha256, size, bytes, open },
      copy: async (range, take) => {
        if (copy && store_key !== null) return copy.call(this.#objects, store_key, range, take);
        if (bytes !== null) return take(bytes.subarray(range.start, range.end + 1));
        await eachPiece(await open(range), take);
      },
      presign:
        presign && store_key !== null
          ? (seconds, as) => presign.call(this.#objects, store_key, seconds, as)
          : null,
    };
  }

  /**
   * Removes the bytes alone, before the ledger forgets the blob: whoever is killed in between removes it again. Also those
   * of a blob that nobody came to record.
   */
  async erase(id: string): Promise<void> {
    const row = await this.#store.db
      .selectFrom('objects')
      .select('store_key')
      .where('id', '=', id)
      .executeTakeFirst();
    const key = row ? row.store_key : id;
    if (key !== null) await this.#objects.remove(key);
  }

  /** Forgets a blob, in the transaction; its bytes go with what this returns, once that is committed. */
  async remove(tx: Tx, id: string): Promise<() => Promise<void>> {
    const row = await tx.deleteFrom('objects').where('id', '=', id).returning('store_key').executeTakeFirst();
    return async () => {
      if (row && row.store_key !== null) await this.#objects.remove(row.store_key);
    };
  }

  async #row(id: string) {
    const [row] = await rowOf(this.#store.db, id);
    if (!row) throw notFound('object', id);
    return row;
  }
}

/** What was read already, and then the rest. */
async function* joined(first: Uint8Array[], rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (let piece = first.shift(); piece; piece = first.shift()) yield piece;
  yield* rest;
}
