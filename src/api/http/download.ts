// What stands behind a link in a mail: the file, to whoever has the link and for as long as that lasts. Nobody signs in
// here, and nothing but this file can be had by the link.
import type { Request, RequestHandler, Response } from 'express';
import type { Clock } from '../../kernel/clock.ts';
import { codeOf, PosternError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { LinkedFile, Links } from '../../objects/links.ts';
import { rangeOf } from './byte-range.ts';
import { attachmentDisposition, downloadType } from './content-disposition.ts';
import { noFilePage } from './download-page.ts';
import { MissCounter } from './miss-counter.ts';
import { PAGE_POLICY } from './stranger-page.ts';

const MAX_STREAMS = 100; // each holds a socket and a piece of a file
const STREAMS_OF_LINK = 20; // a download manager has sixteen; whoever reads slowly on purpose leaves the others room
const IDLE_MS = 60_000; // a client that takes nothing for so long has gone
const PRESIGNED_SECONDS = 60; // for the browser to begin; what has begun goes on

export interface DownloadParts {
  links: Pick<Links, 'follow' | 'take' | 'giveBack'>;
  clock: Clock;
  log: Logger;
  /** Whether files that lie in an S3 server are fetched from there. */
  redirects: boolean;
}

export class Downloads {
  readonly #parts: DownloadParts;
  readonly #misses: MissCounter;
  readonly #ofLink = new Map<string, number>();
  #streams = 0;

  constructor(parts: DownloadParts) {
    this.#parts = parts;
    this.#misses = new MissCounter(parts.clock);
  }

  readonly handle: RequestHandler = async (req, res) => {
    res.set({
      'Content-Security-Policy': "sandbox; default-src 'none'; frame-ancestors 'none'",
      'X-Robots-Tag': 'noindex, nofollow, noarchive',
    });
    const file = await this.#parts.links.follow(String(req.params.token));
    if (!file) return this.#noFile(req, res);
    const { size, sha256 } = file.blob;
    const etag = `"${sha256}"`;
    res.set({
      ETag: etag,
      'Accept-Ranges': 'bytes',
      'Content-Type': downloadType(file.contentType),
      'Content-Disposition': attachmentDisposition(file.filename),
    });
    if (req.method === 'HEAD') {
      res.set('Content-Length', String(size)).end(); // programs that look at links are no downloads
      return;
    }
    const range = rangeOf(req.get('Range'), req.get('If-Range'), size, etag);
    if (range === 'unsatisfiable') {
      res.status(416).set('Content-Range', `bytes */${size}`).removeHeader('Content-Disposition');
      res.end();
      return;
    }
    if (await this.#redirect(file, res)) return;
    const { start, end } = range ?? { start: 0, end: size - 1 };
    const length = end - start + 1;
    if (this.#streams >= MAX_STREAMS || (this.#ofLink.get(file.linkId) ?? 0) >= STREAMS_OF_LINK)
      throw new PosternError('too_many_streams', 'Too many files are fetched at the moment.', {
        retry: 'later',
      });
    // Before anything is waited for: many may come at once.
    this.#count(file.linkId, 1);
    try {
      if (!(await this.#parts.links.take(file.linkId, unitsOf(length)))) return this.#noFile(req, res);
      if (range) res.status(206).set('Content-Range', `bytes ${start}-${end}/${size}`);
      res.set('Content-Length', String(length));
      await this.#stream(file, res, size === 0 ? undefined : { start, end }, length);
    } finally {
      this.#count(file.linkId, -1);
    }
  };

  /** To the store itself, where it gives a URL; not for a link that may be followed so often only: nobody counts there. */
  async #redirect(
    { linkId, filename, contentType, maxDownloads, blob }: LinkedFile,
    res: Response,
  ): Promise<boolean> {
    if (!this.#parts.redirects || blob.presign === null || maxDownloads !== null) return false;
    const as = { disposition: attachmentDisposition(filename), contentType: downloadType(contentType) };
    const url = await blob.presign(PRESIGNED_SECONDS, as);
    await this.#parts.links.take(linkId, unitsOf(blob.size));
    for (const name of ['ETag', 'Accept-Ranges', 'Content-Type', 'Content-Disposition'])
      res.removeHeader(name);
    res.status(302).set('Location', url).end();
    return true;
  }

  async #stream(
    { linkId, blob }: LinkedFile,
    res: Response,
    range: { start: number; end: number } | undefined,
    length: number,
  ): Promise<void> {
    let sent = 0;
    try {
      res.setTimeout(IDLE_MS, () => res.destroy());
      if (range)
        await blob.copy(range, async (piece) => {
          await written(res, piece);
          sent += piece.length;
        });
      res.end();
    } catch (error) {
      if (!res.headersSent) throw error;
      // What breaks now can only be told by an end before the promised length; a client that went away is no news.
      if (!res.destroyed) this.#parts.log.warn({ link: linkId, code: codeOf(error) }, 'a download broke off');
      res.destroy();
    } finally {
      if (sent < length) await this.#parts.links.giveBack(linkId, length - sent);
    }
  }

  #count(linkId: string, by: 1 | -1): void {
    this.#streams += by;
    const now = (this.#ofLink.get(linkId) ?? 0) + by;
    if (now === 0) this.#ofLink.delete(linkId);
    else this.#ofLink.set(linkId, now);
  }

  #noFile(req: Request, res: Response): void {
    const from = req.socket.remoteAddress ?? '';
    const { isOver, isFirstOver } = this.#misses.count(from);
    if (isFirstOver)
      this.#parts.log.warn({ from }, 'somebody asks for one link after the other that is not there');
    if (isOver) res.set('Retry-After', '60');
    res
      .status(isOver ? 429 : 404)
      .set('Content-Security-Policy', `sandbox; ${PAGE_POLICY}`)
      .type('html')
      .send(noFilePage(req.get('Accept-Language')));
  }
}

/** An empty file counts as one octet: it can be fetched so often only as well. */
const unitsOf = (length: number): number => Math.max(length, 1);

/** Resolves once the piece has left, so that its buffer may be used again. @throws Error where nobody takes it any more */
async function written(res: Response, piece: Buffer): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const gone = (): void => reject(new Error('the client went away'));
  if (res.destroyed) gone();
  res.once('close', gone);
  res.write(piece, (error) => (error ? reject(error) : resolve()));
  try {
    await promise;
  } finally {
    res.off('close', gone);
  }
}
