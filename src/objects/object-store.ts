// The port for blobs that are too large for the ledger.

export interface ObjectStore {
  /** Durable when it resolves. Putting the same key again replaces the object. */
  put(key: string, bytes: Buffer): Promise<void>;
  /** @throws PosternError `not_found` */
  get(key: string): Promise<Buffer>;
  remove(key: string): Promise<void>;
}
