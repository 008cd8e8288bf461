// The bytes of a document, wherever they lie: in a file, or in memory where they were taken out of an archive. They are
// read where they are wanted, so that a large file is never held whole unless its format asks for it.
import { readSync } from 'node:fs';

const PIECE_BYTES = 64 * 1024;

export interface Bytes {
  readonly size: number;
  /** The open file, where the bytes lie in one. */
  readonly descriptor: number | null;
  /** What lies from `at` on, at most `length` bytes; shorter at the end, empty behind it. */
  read(at: number, length: number): Buffer;
}

/** `descriptor` stays open as long as the bytes are read, and nobody changes the file meanwhile. */
export function fileBytes(descriptor: number, size: number): Bytes {
  return {
    size,
    descriptor,
    read(at, length) {
      const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(length, size - at)));
      let filled = 0;
      while (filled < buffer.length) {
        const read = readSync(descriptor, buffer, filled, buffer.length - filled, at + filled);
        if (read === 0) break; // shorter than it was
        filled += read;
      }
      return buffer.subarray(0, filled);
    },
  };
}

export const memoryBytes = (buffer: Buffer): Bytes => ({
  size: buffer.length,
  descriptor: null,
  read: (at, length) => buffer.subarray(at, at + length),
});

/** All of it, piece by piece. */
export function* pieces(bytes: Bytes): Generator<Buffer> {
  for (let at = 0; at < bytes.size; at += PIECE_BYTES) {
    const piece = bytes.read(at, PIECE_BYTES);
    if (piece.length === 0) return;
    yield piece;
  }
}
