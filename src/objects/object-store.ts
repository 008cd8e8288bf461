// The port for blobs that are too large for the ledger.
import type { Readable } from 'node:stream';

export interface ObjectStore {
  /**
   * Durable when it resolves; when the content fails half way, nothing is there. Putting the same key again replaces
   * the object.
   */
  put(key: string, content: Buffer | AsyncIterable<Uint8Array>): Promise<void>;
  /** @throws PosternError `not_found` */
  get(key: string): Promise<Buffer>;
  /** The object piece by piece; to be read to its end or destroyed. @throws PosternError `not_found` */
  open(key: string): Promise<Readable>;
  remove(key: string): Promise<void>;
  /** The keys of what was stored before that time (epoch milliseconds); what a broken-off write left is removed by it. */
  storedBefore(time: number): AsyncIterable<string>;
}
