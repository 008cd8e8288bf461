// The octets of an attachment on their one way through: hashed, and written into an event as base64 or kept as an artifact.
// What turns out to be too large is taken back, and hashed to its end all the same.
import { createHash } from 'node:crypto';
import type { PartHashes as Hashes } from '../contracts/mail-event.ts';
import { codeOf, PosternError } from '../kernel/errors.ts';
import type { Spool } from './spool.ts';

/** MD5, SHA-1 and SHA-256: what lists of known files go by. */
export class PartHashes {
  readonly #hashes = (['md5', 'sha1', 'sha256'] as const).map((name) => [name, createHash(name)] as const);

  update(bytes: Uint8Array): this {
    for (const [, hash] of this.#hashes) hash.update(bytes);
    return this;
  }

  digest(): Hashes {
    return Object.fromEntries(this.#hashes.map(([name, hash]) => [name, hash.digest('hex')])) as Hashes;
  }
}

export interface ReadContent {
  /** Decoded octets. */
  size: number;
  hashes: Hashes;
}

/** Reads it to its end and keeps nothing. */
export async function hashContent(pieces: AsyncIterable<Uint8Array>): Promise<ReadContent> {
  const hashes = new PartHashes();
  let size = 0;
  for await (const piece of pieces) {
    size += piece.length;
    hashes.update(piece);
  }
  return { size, hashes: hashes.digest() };
}

/**
 * Keeps what a part decodes to, unless it is more than `limit` octets.
 * @param stage takes the octets; where it is thrown at, it keeps nothing
 */
export async function stageContent<T>(
  stage: (bytes: AsyncIterable<Uint8Array>) => Promise<T>,
  pieces: AsyncIterable<Uint8Array>,
  limit: number,
): Promise<ReadContent & { staged: T | null }> {
  const hashes = new PartHashes();
  let size = 0;
  // Not a loop over the pieces: ending that would end the pieces too, and what does not fit is still hashed.
  const reading = pieces[Symbol.asyncIterator]();
  const next = async (): Promise<Uint8Array | undefined> => {
    const { value, done } = await reading.next();
    if (done) return undefined;
    size += value.length;
    hashes.update(value);
    return value;
  };
  async function* fitting(): AsyncGenerator<Uint8Array> {
    for (let piece = await next(); piece; piece = await next()) {
      if (size > limit) throw new PosternError(DOES_NOT_FIT, 'The part is larger than what is kept.');
      yield Buffer.from(piece); // a copy: whoever takes it may hold it, and whose it was may write over it
    }
  }
  try {
    const staged = await stage(fitting()).catch((error: unknown) => {
      if (codeOf(error) === DOES_NOT_FIT) return null;
      throw error;
    });
    if (!staged) while (await next());
    return { size, hashes: hashes.digest(), staged };
  } finally {
    await reading.return?.();
  }
}

const DOES_NOT_FIT = 'part_too_large';

export interface WrittenContent extends ReadContent {
  /** False where there were more than the limit: then nothing was written. */
  fits: boolean;
}

/**
 * Writes what a part decodes to as the text of a JSON string in base64. All of it is read and hashed, also what does not fit.
 * @param limit octets, and at most this many are written
 */
export async function writeContent(
  spool: Spool,
  pieces: AsyncIterable<Uint8Array>,
  limit: number,
): Promise<WrittenContent> {
  const start = spool.bytes;
  const hashes = new PartHashes();
  let size = 0;
  const encoder = new Base64Encoder();
  for await (const piece of pieces) {
    size += piece.length;
    hashes.update(piece);
    if (size > limit) continue;
    for (const text of encoder.encode(piece)) await spool.write(text);
  }
  const fits = size <= limit;
  if (fits) await spool.write(encoder.end());
  else await spool.truncate(start);
  return { size, hashes: hashes.digest(), fits };
}

const LETTERS = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/');
const GROUPS = 16 * 1024; // of three octets, at once

/** Base64 into one buffer that is used again and again: strings would be as much garbage as the whole attachment. */
class Base64Encoder {
  readonly #text = Buffer.allocUnsafeSlow(GROUPS * 4);
  #rest: Buffer = Buffer.alloc(0); // base64 takes three octets at a time

  /** Each text is there only until the next is asked for. */
  *encode(piece: Uint8Array): Generator<Buffer> {
    let from = 0;
    if (this.#rest.length > 0) {
      from = Math.min(3 - this.#rest.length, piece.length);
      this.#rest = Buffer.concat([this.#rest, piece.subarray(0, from)]);
      if (this.#rest.length < 3) return;
      yield this.#encoded(this.#rest, 0, 1);
    }
    const groups = Math.floor((piece.length - from) / 3);
    for (let done = 0; done < groups; done += GROUPS)
      yield this.#encoded(piece, from + done * 3, Math.min(GROUPS, groups - done));
    this.#rest = Buffer.from(piece.subarray(from + groups * 3));
  }

  /** What is left, padded. */
  end(): string {
    return this.#rest.toString('base64');
  }

  #encoded(octets: Uint8Array, from: number, groups: number): Buffer {
    const text = this.#text;
    for (let group = 0, at = from, to = 0; group < groups; group++) {
      const bits =
        ((octets[at++] as number) << 16) | ((octets[at++] as number) << 8) | (octets[at++] as number);
      text[to++] = LETTERS[bits >> 18] as number;
      text[to++] = LETTERS[(bits >> 12) & 63] as number;
      text[to++] = LETTERS[(bits >> 6) & 63] as number;
      text[to++] = LETTERS[bits & 63] as number;
    }
    return text.subarray(0, groups * 4);
  }
}
