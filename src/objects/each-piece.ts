// Reads a stream piece by piece as it comes. Reading it by `for await` would join what has gathered, and every piece would
// be there twice until the collector comes.
import type { Readable } from 'node:stream';
import { free } from '../kernel/free.ts';

/** @param take is done with a piece when it resolves; what it throws ends the reading */
export function eachPiece(stream: Readable, take: (piece: Buffer) => Promise<void>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  stream.on('data', (piece: Buffer) => {
    stream.pause();
    take(piece).then(
      () => {
        free(piece);
        stream.resume();
      },
      (error: unknown) => {
        reject(error);
        stream.destroy();
      },
    );
  });
  stream.on('end', resolve);
  stream.on('error', reject);
  stream.on('close', () => reject(new Error('the stream ended before its end')));
  return promise;
}
