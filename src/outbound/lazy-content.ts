// A mail as a stream that does nothing until it is first read.
import { Readable } from 'node:stream';
import type { Piece } from './mail-content.ts';

const CHUNK_BYTES = 64 * 1024; // nodemailer walks each chunk byte by byte: small ones let others run

/** What the stream tells of itself. */
export interface Progress {
  /** Awaited before the first byte; when it throws, none comes. */
  begin(): Promise<void>;
  /** The last byte was read. */
  end(): void;
  /** The content could not be read to its end, which never comes. */
  broken(error: unknown): void;
}

export function lazyContent(content: readonly Piece[], { begin, end, broken }: Progress): Readable {
  async function* pieces(): AsyncGenerator<Buffer> {
    await begin();
    for (const piece of content)
      for await (const bytes of Buffer.isBuffer(piece) ? [piece] : told(piece.read(), broken))
        for (let at = 0; at < bytes.length; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES);
    end();
  }
  return Readable.from(pieces(), { objectMode: false });
}

async function* told(
  pieces: AsyncIterable<Buffer>,
  broken: (error: unknown) => void,
): AsyncGenerator<Buffer> {
  try {
    yield* pieces;
  } catch (error) {
    broken(error);
    throw new Error('the content was withheld'); // nodemailer writes its own code on what it is thrown
  }
}
