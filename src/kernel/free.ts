// Memory given back at once. A stream's pieces are freed when the collector comes, and it lets some 60 MB of them gather:
// whoever is done with a piece of its own can say so.

/**
 * Frees the bytes of a piece that nobody reads any more; it is empty afterwards. Leaves alone what is a part of something
 * larger, which others may still read.
 */
export function free(piece: Uint8Array): void {
  const { buffer } = piece;
  if (!(buffer instanceof ArrayBuffer) || buffer.byteLength !== piece.byteLength || buffer.detached) return;
  buffer.transfer(0);
}
