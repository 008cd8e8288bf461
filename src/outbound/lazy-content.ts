// A mail as a stream that does nothing until it is first read.
import { Readable } from 'node:stream';

const CHUNK_BYTES = 64 * 1024; // nodemailer walks each chunk byte by byte: small ones let others run

/**
 * @param begin awaited before the first byte; when it throws, none comes
 * @param end called when the last byte was read
 */
export function lazyContent(
  content: readonly Buffer[],
  begin: () => Promise<void>,
  end: () => void,
): Readable {
  async function* pieces() {
    await begin();
    for (const piece of content)
      for (let at = 0; at < piece.length; at += CHUNK_BYTES) yield piece.subarray(at, at + CHUNK_BYTES);
    end();
  }
  return Readable.from(pieces(), { objectMode: false });
}
