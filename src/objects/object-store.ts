// The port for blobs that are too large for the ledger.
import type { Readable } from 'node:stream';

/** The octets from `start` to `end`, both counted from 0 and both included, as HTTP counts them. */
export interface ByteRange {
  start: number;
  end: number;
}

/** What a browser is told of an object that it fetches from the store itself. */
export interface Presented {
  /** A Content-Disposition header. */
  disposition: string;
  contentType: string;
}

export interface ObjectStore {
  /**
   * Durable when it resolves; when the content fails half way, nothing is there. Putting the same key again replaces
   * the object. Each piece is done with when the next is asked for.
   */
  put(key: string, content: Buffer | AsyncIterable<Uint8Array>): Promise<void>;
  /** @throws PosternError `not_found` */
  get(key: string): Promise<Buffer>;
  /**
   * The object piece by piece; to be read to its end or destroyed.
   * @param range must lie within the object
   * @throws PosternError `not_found`
   */
  open(key: string, range?: ByteRange): Promise<Readable>;
  /**
   * Hands the object out through one buffer, which each piece overwrites once `take` is done with the one before: what is
   * copied leaves no garbage. Absent: read what `open` gives.
   * @throws PosternError `not_found`, and what `take` throws
   */
  copy?(key: string, range: ByteRange, take: (piece: Buffer) => Promise<void>): Promise<void>;
  remove(key: string): Promise<void>;
  /** The keys of what was stored before that time (epoch milliseconds); what a broken-off write left is removed by it. */
  storedBefore(time: number): AsyncIterable<string>;
  /** A URL by which anybody fetches the object from the store itself, for so many seconds. Absent: the store has none. */
  presign?(key: string, seconds: number, as: Presented): Promise<string>;
  /** Looks whether the store can be used, once at the start. @throws PosternError that says what is wrong and where */
  check?(): Promise<void>;
}

/** Our own ids: nothing that could leave a folder or stand for another object. */
export const OBJECT_KEY = /^[a-z]+_[0-9a-z]{26}$/;
