// The one file of a multipart/form-data body (RFC 7578), as browsers and curl send it: the one door of busboy. The file
// passes through piece by piece; what else a form holds is not looked at.
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { BusboyHeaders } from '@fastify/busboy';
import { PosternError } from '../../kernel/errors.ts';
import type { Upload } from '../registry.ts';

const LIMITS = {
  files: 1,
  fields: 20, // tokens and names that frameworks add
  fieldSize: 4096,
  headerPairs: 20,
  headerSize: 8192,
};

/**
 * Resolves when the file begins; its bytes end with an error where the form does not end as it should.
 * @throws PosternError `body_invalid`
 */
export async function formFile(req: IncomingMessage): Promise<Upload> {
  const { Busboy } = await import('@fastify/busboy');
  const found = Promise.withResolvers<Upload>();
  const ended = Promise.withResolvers<void>();
  ended.promise.catch(() => undefined); // whoever reads the file hears of it
  let file: Readable | undefined;
  let form: InstanceType<typeof Busboy>;
  try {
    form = new Busboy({ headers: req.headers as BusboyHeaders, limits: LIMITS });
  } catch (error) {
    throw invalid('The form cannot be read: its Content-Type has no boundary.', error);
  }
  const fail = (error: PosternError): void => {
    found.reject(error);
    ended.reject(error);
    file?.destroy(error);
    letGo();
  };
  const letGo = (): void => {
    req.unpipe(form);
    req.resume(); // what still comes goes nowhere, so that the answer is read
  };
  form.on('file', (_field, stream, filename, _encoding, contentType) => {
    file = stream;
    stream.on('error', () => undefined);
    found.resolve({ bytes: whole(stream, ended.promise, letGo), filename, contentType });
  });
  form.on('filesLimit', () => fail(invalid('A form may hold one file only.')));
  form.on('finish', () => {
    found.reject(invalid('The form holds no file.'));
    ended.resolve();
  });
  form.on('error', (error: unknown) => fail(invalid('The body is no form, or not a whole one.', error)));
  req.on('close', () => {
    if (!req.complete) fail(invalid('The body ended before it was whole.'));
  });
  req.pipe(form);
  return found.promise;
}

async function* whole(file: Readable, ended: Promise<void>, letGo: () => void): AsyncGenerator<Uint8Array> {
  try {
    yield* file as AsyncIterable<Uint8Array>;
    await ended;
  } finally {
    letGo();
  }
}

const invalid = (message: string, cause?: unknown): PosternError =>
  new PosternError('body_invalid', message, {
    hint: 'Send one part with a filename, as `curl -F file=@report.pdf` does.',
    ...(cause === undefined ? {} : { cause }),
  });
