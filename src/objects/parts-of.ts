// A stream cut into parts of one size, through one buffer: however large the whole is, one part is in memory.

export interface StreamPart {
  /** Overwritten by the next part: to be done with before that is asked for. */
  bytes: Buffer;
  isLast: boolean;
}

/** At least one part, which is empty where there is nothing; only the last is smaller than `size` bytes. */
export async function* inParts(content: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<StreamPart> {
  let buffer: Buffer = Buffer.alloc(0);
  let filled = 0;
  for await (const piece of content) {
    for (let at = 0; at < piece.length; ) {
      // Only now is it known that the full one is not the last.
      if (filled === size) {
        yield { bytes: buffer, isLast: false };
        filled = 0;
      }
      const taken = Math.min(size - filled, piece.length - at);
      if (filled + taken > buffer.length)
        buffer = grown(buffer, filled, Math.max(filled + taken, buffer.length * 2), size);
      buffer.set(piece.subarray(at, at + taken), filled);
      filled += taken;
      at += taken;
    }
  }
  yield { bytes: buffer.subarray(0, filled), isLast: true };
}

/** Memory is taken as the bytes come: most objects are smaller than a part. */
function grown(buffer: Buffer, filled: number, wanted: number, most: number): Buffer {
  const larger = Buffer.allocUnsafe(Math.min(wanted, most));
  buffer.copy(larger, 0, 0, filled);
  return larger;
}
