// The content of a mail on its way out: bytes at hand, or in the store, from where they come piece by piece. What is
// stored is held against its digest once more while it leaves: the last line goes only if it is what was approved.
import type { Readable } from 'node:stream';
import { type Envelope, MailDigest } from '../drafts/composer.ts';
import { codeOf, PosternError } from '../kernel/errors.ts';
import type { OpenBlob } from '../objects/blobs.ts';

/** A part of a mail's content, in octets. */
export type Piece = Buffer | StoredPiece;

export interface StoredPiece {
  length: number;
  /** @throws PosternError `digest_mismatch` at the end, `content_unreadable` */
  read(): AsyncIterable<Buffer>;
}

type Stored = Pick<OpenBlob, 'size' | 'open'>;

/** The mail in the store, as long as it has the digest that was approved together with this envelope. */
export function storedMail(blob: Stored, envelope: Envelope, digest: string): StoredPiece {
  return {
    length: blob.size,
    async *read() {
      const taken = new MailDigest(envelope);
      yield* allButLast(taken.over(readable(blob)), () => {
        if (taken.end() !== digest)
          throw new PosternError('digest_mismatch', 'This is not the mail that was approved.');
      });
    },
  };
}

/**
 * The mail below its Date line, whole: the IMAP library takes nothing else. In one buffer, so that it is held once here.
 * @throws PosternError `content_unreadable`
 */
export async function wholeMail(date: Buffer, blob: Stored): Promise<Buffer> {
  const whole = Buffer.alloc(date.length + blob.size, date);
  let at = date.length;
  for await (const piece of readable(blob)) at += piece.copy(whole, at);
  return whole.subarray(0, at);
}

/** The last piece is held back until `check` has let it go. */
async function* allButLast(pieces: AsyncIterable<Buffer>, check: () => void): AsyncGenerator<Buffer> {
  let held: Buffer | undefined;
  for await (const piece of pieces) {
    if (held) yield held;
    held = piece;
  }
  check();
  if (held) yield held;
}

async function* readable(blob: Pick<OpenBlob, 'open'>): AsyncGenerator<Buffer> {
  let stream: Readable | undefined;
  try {
    stream = await blob.open();
    yield* stream as AsyncIterable<Buffer>;
  } catch (error) {
    throw new PosternError(
      'content_unreadable',
      `The content of the mail cannot be read: ${codeOf(error)}.`,
      {
        retry: 'later',
        cause: error,
      },
    );
  } finally {
    stream?.destroy();
  }
}
