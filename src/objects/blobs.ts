// Blobs: small ones lie in the ledger, in the transaction of whatever names them; large ones in the object store.
import { createHash } from 'node:crypto';
import type { Clock } from '../kernel/clock.ts';
import { notFound } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { Store, Tx } from '../store/store.ts';
import type { ObjectStore } from './object-store.ts';

const LARGEST_IN_LEDGER_BYTES = 256 * 1024; // above this a file is cheaper than a row, and backups stay small

export interface SavedBlob {
  id: string;
  sha256: string;
  size: number;
}

/** A blob whose bytes are safe, and which becomes findable with the transaction that records it. */
export interface StagedBlob extends SavedBlob {
  record(tx: Tx): Promise<void>;
}

export class Blobs {
  readonly #store: Store;
  readonly #objects: ObjectStore;
  readonly #clock: Clock;

  constructor(store: Store, objects: ObjectStore, clock: Clock) {
    this.#store = store;
    this.#objects = objects;
    this.#clock = clock;
  }

  /** Puts large bytes into the object store; the ledger's row waits for `record`. Call it outside of transactions. */
  async stage(bytes: Buffer): Promise<StagedBlob> {
    const now = this.#clock.now();
    const id = newId('obj', now);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const inLedger = bytes.length <= LARGEST_IN_LEDGER_BYTES;
    if (!inLedger) await this.#objects.put(id, bytes);
    return {
      id,
      sha256,
      size: bytes.length,
      record: async (tx) => {
        await tx
          .insertInto('objects')
          .values({
            id,
            sha256,
            size: bytes.length,
            bytes: inLedger ? bytes : null,
            store_key: inLedger ? null : id,
            created_at: now,
          })
          .execute();
      },
    };
  }

  /** @throws PosternError `not_found` */
  async load(id: string): Promise<Buffer> {
    const row = await this.#store.db
      .selectFrom('objects')
      .select(['bytes', 'store_key'])
      .where('id', '=', id)
      .executeTakeFirst();
    if (!row) throw notFound('object', id);
    if (row.bytes !== null) return Buffer.from(row.bytes);
    return this.#objects.get(row.store_key as string);
  }
}
