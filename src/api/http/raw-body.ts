// A mail as the body of a request, read into shared memory piece by piece: the parse worker sees the same bytes, so that
// 50 MB are never joined or copied while nobody else is served.
import type { RequestHandler } from 'express';
import { PosternError } from '../../kernel/errors.ts';

const GROWS_BY_BYTES = 1024 * 1024; // memory is taken as the bytes come, not as a header promises them

/** Sets `req.body` to a Buffer over shared memory. @throws PosternError `body_too_large`, `body_invalid` */
export function rawBody(type: string, limitBytes: number): RequestHandler {
  return async (req, _res, next) => {
    if (!req.is(type)) return next();
    if ((req.headers['content-encoding'] ?? 'identity') !== 'identity') {
      throw new PosternError('media_type_unsupported', 'A compressed body is not taken here.');
    }
    if (Number(req.headers['content-length'] ?? 0) > limitBytes) throw tooLarge(limitBytes);
    req.body = await shared(req as AsyncIterable<Buffer>, limitBytes);
    next();
  };
}

async function shared(chunks: AsyncIterable<Buffer>, limitBytes: number): Promise<Buffer> {
  const memory = new SharedArrayBuffer(0, { maxByteLength: limitBytes });
  let length = 0;
  try {
    for await (const chunk of chunks) {
      const end = length + chunk.length;
      if (end > limitBytes) throw tooLarge(limitBytes);
      if (end > memory.byteLength)
        memory.grow(Math.min(limitBytes, Math.max(end, memory.byteLength + GROWS_BY_BYTES)));
      new Uint8Array(memory, length, chunk.length).set(chunk);
      length = end;
    }
  } catch (error) {
    if (error instanceof PosternError) throw error;
    throw new PosternError('body_invalid', 'The body ended before it was whole.', { cause: error });
  }
  return Buffer.from(memory, 0, length);
}

const tooLarge = (limitBytes: number): PosternError =>
  new PosternError('body_too_large', `The body is larger than ${limitBytes} bytes.`);
