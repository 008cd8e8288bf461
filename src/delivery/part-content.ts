// The octets of an attachment into a body as base64, hashed on the way, and taken back where they are too many.
import { createHash } from 'node:crypto';
import type { PostedPart } from '../contracts/delivery.ts';
import type { Spool } from './spool.ts';

export type Hashes = NonNullable<PostedPart['hashes']>;

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

export interface WrittenContent {
  /** Decoded octets. */
  size: number;
  hashes: Hashes;
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
  let rest: Buffer = Buffer.alloc(0); // base64 takes three octets at a time
  for await (const piece of pieces) {
    size += piece.length;
    hashes.update(piece);
    if (size > limit) continue;
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.length);
    const first = rest.length === 0 ? 0 : Math.min(3 - rest.length, bytes.length);
    if (first > 0) rest = Buffer.concat([rest, bytes.subarray(0, first)]);
    if (rest.length === 1 || rest.length === 2) continue;
    const whole = bytes.length - ((bytes.length - first) % 3);
    await spool.write(rest.toString('base64') + bytes.toString('base64', first, whole));
    rest = Buffer.from(bytes.subarray(whole));
  }
  const fits = size <= limit;
  if (fits) await spool.write(rest.toString('base64'));
  else await spool.truncate(start);
  return { size, hashes: hashes.digest(), fits };
}
