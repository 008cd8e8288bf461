// A stream held whole before it is read, in a file without a name: whoever reads it slowly holds a file of ours, and not
// the one connection that an account has for its work.
import { Readable } from 'node:stream';
import { Spool } from './spool.ts';

export type HoldStream = (stream: AsyncIterable<Uint8Array>) => Promise<Readable>;

export const streamHolder =
  (folder: string): HoldStream =>
  async (stream) => {
    const spool = new Spool(folder);
    try {
      for await (const piece of stream) await spool.write(piece);
    } catch (error) {
      await spool.close();
      throw error;
    }
    return Readable.from(piecesOf(spool), { objectMode: false });
  };

async function* piecesOf(spool: Spool): AsyncGenerator<Buffer> {
  try {
    for await (const piece of spool.open()) yield Buffer.from(piece); // a copy: the next piece has the same memory
  } finally {
    await spool.close();
  }
}
