// An attachment as a stream, from the IMAP server to whoever asked: however large, never held whole.
import { PassThrough, type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { AttachmentView } from '../contracts/mail.ts';
import { PosternError } from '../kernel/errors.ts';
import type { Messages } from './messages.ts';

const STALL_MS = 30_000; // the account's connection is in use until the last byte is taken

/** @throws PosternError `not_found`, `message_gone`; what breaks later ends the stream with an error */
export async function openAttachment(
  messages: Pick<Messages, 'attachment'>,
  messageId: string,
  attachmentId: string,
  signal: AbortSignal,
): Promise<{ file: AttachmentView; stream: Readable }> {
  const out = new PassThrough();
  // Whoever reads listens only while it reads; an error that comes after must find somebody, or it ends the process.
  out.on('error', () => undefined);
  const opened = Promise.withResolvers<AttachmentView>();
  messages
    .attachment(messageId, attachmentId, (file, stream) => {
      opened.resolve(file);
      return pipeline(stream, keptMoving(STALL_MS), out, { signal });
    })
    .catch((error: unknown) => {
      opened.reject(error);
      out.destroy(error as Error);
    });
  return { file: await opened.promise, stream: out };
}

/**
 * Ends a stream in which nothing moves, on either side: a reader that stopped must not keep the account's connection.
 * Not a race of each piece against one long-lived promise: that would remember every piece until the end.
 */
export function keptMoving(stallMs: number): Transform {
  const moving = new Transform({
    transform(piece, _encoding, done) {
      timer.refresh();
      done(null, piece);
    },
  });
  const timer = setTimeout(
    () =>
      moving.destroy(
        new PosternError('timeout', `The message stood still for ${stallMs} ms.`, { retry: 'later' }),
      ),
    stallMs,
  );
  moving.once('close', () => clearTimeout(timer));
  return moving;
}
