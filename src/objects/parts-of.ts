// A stream cut into parts of one size, through one buffer: however large the whole is, one part is in memory.

import { free } from '../kernel/free.ts';

export interface StreamPart {
  /** Overwritten by the next part: to be done with before that is asked for. */
  bytes: Buffer;
  isLast: boolean;
}

const FIRST_BYTES = 1024 * 1024; // most objects are smaller than a part

/** At least one part, which is empty where there is nothing; only the last is smaller than `size` bytes. */
export async function* inParts(content: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<StreamPart> {
  let buffer = Buffer.allocUnsafe(Math.min(FIRST_BYTES, size));
  let filled = 0;
  for await (const piece of content) {
    for (let at = 0; at < piece.length; ) {
      // Only now is it known that the full one is not the last.
      if (filled === size) {
        yield { bytes: buffer, isLast: false };
        filled = 0;
      }
      if (filled === buffer.length) {
        const whole = Buffer.allocUnsafe(size); // at once, and then no more: steps in between would only be garbage
        buffer.copy(whole, 0, 0, filled);
        free(buffer);
        buffer = whole;
      }
      const taken = Math.min(buffer.length - filled, piece.length - at);
      buffer.set(piece.subarray(at, at + taken), filled);
      filled += taken;
      at += taken;
    }
  }
  yield { bytes: buffer.subarray(0, filled), isLast: true };
  free(buffer);
}
