// The stream of a source: a JSON event in each line, for as long as the consumer listens. It writes only as fast as the
// consumer reads, and nothing is read from the mail server before that.
import { once } from 'node:events';
import type { RequestHandler, Response } from 'express';
import { type SourceEvent, streamRequest } from '../../contracts/source.ts';
import { codeOf, PosternError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { WrittenEvent } from '../../watch/source-content.ts';
import { identityOf, type Principal } from '../access.ts';
import { invalidInput } from '../invalid-input.ts';
import type { Rooms } from '../rooms.ts';
import { endEvent, sourceEventOf } from '../source-events.ts';
import { KEEP_ALIVE_MS } from './events.ts';

const MAX_STREAMS = 100; // each holds a socket and a piece of mail

export class SourceStreams {
  readonly #rooms: Rooms;
  readonly #log: Logger;
  readonly #keepAliveMs: number;
  readonly #open = new Set<AbortController>();
  #stopped = false;

  constructor(rooms: Rooms, log: Logger, keepAliveMs = KEEP_ALIVE_MS) {
    this.#rooms = rooms;
    this.#log = log;
    this.#keepAliveMs = keepAliveMs;
  }

  /** For the principal in `res.locals`, which may consume sources. */
  readonly handle: RequestHandler = async (req, res) => {
    if (this.#stopped) throw new PosternError('stopping', 'Postern is stopping.', { retry: 'later' });
    if (this.#open.size >= MAX_STREAMS)
      throw new PosternError('too_many_streams', 'Too many streams are open already.', { retry: 'later' });
    const parsed = streamRequest.safeParse(req.query);
    if (!parsed.success) throw invalidInput(parsed.error);
    const { content, max_body_bytes, max_in_flight: maxInFlight, follow } = parsed.data;
    const { sources, accounts, mailEvents } = this.#rooms;
    const consumer = await sources.get(String(req.params.consumer));
    const { id, account_id: accountId } = consumer;
    const account = await accounts.get(accountId);
    const maxBodyBytes = Math.min(max_body_bytes, account.settings.max_message_bytes);
    const writeEvent = mailEvents.writer(account, consumer, parsed.data);

    await this.#rooms.audit.record({
      principal: identityOf(res.locals.principal as Principal),
      operation: 'source.stream',
      target: `${accountId};source=${id}`,
      outcome: 'ok',
      code: null,
      request_id: String(res.locals.requestId),
    });

    const gone = new AbortController();
    this.#open.add(gone);
    res.on('close', () => gone.abort());
    res.writeHead(200, { 'Content-Type': 'application/x-ndjson; charset=utf-8', 'X-Accel-Buffering': 'no' });
    res.flushHeaders();
    // A line only where nothing waits: to a consumer that does not read, silence is what it asked for.
    let isInLine = false;
    const keepAlive = setInterval(() => {
      if (res.writableLength === 0 && !res.writableEnded && !isInLine)
        res.write(`${JSON.stringify({ type: 'keep_alive' })}\n`);
    }, this.#keepAliveMs);
    try {
      const options = { content, maxBodyBytes, maxInFlight, follow, writeEvent };
      for await (const item of sources.stream(id, options, gone.signal)) {
        if (item.type === 'message' && item.found.event) {
          isInLine = true;
          await writeEventLine(res, item.position, item.found.event, gone.signal);
          isInLine = false;
        } else await write(res, await sourceEventOf(this.#rooms, accountId, item), gone.signal);
        if (gone.signal.aborted) break;
      }
      const reason = this.#stopped
        ? new PosternError('stopping', 'Postern is stopping.')
        : new PosternError('caught_up', 'Everything that is there was handed out.');
      if (!res.destroyed) res.end(`${JSON.stringify(endEvent(reason))}\n`);
    } catch (error) {
      // A stop and a client that went away end commands half way; neither is news.
      if (!gone.signal.aborted && codeOf(error) === 'internal')
        this.#log.error({ source: id, error: String(error) }, 'a source stream failed');
      const reason = this.#stopped ? new PosternError('stopping', 'Postern is stopping.') : error;
      if (!res.destroyed) res.end(`${JSON.stringify(endEvent(reason))}\n`);
    } finally {
      clearInterval(keepAlive);
      this.#open.delete(gone);
    }
  };

  stop(): void {
    this.#stopped = true;
    for (const stream of this.#open) stream.abort();
  }
}

const write = (res: Response, event: SourceEvent, signal: AbortSignal): Promise<void> =>
  writePiece(res, `${JSON.stringify(event)}\n`, signal);

/** The line of an `event`, piece by piece: it may be as large as its attachments. */
async function writeEventLine(
  res: Response,
  position: string,
  event: WrittenEvent,
  signal: AbortSignal,
): Promise<void> {
  await writePiece(res, `{"type":"event","position":${JSON.stringify(position)},"event":`, signal);
  for await (const piece of event.open()) {
    if (signal.aborted) return;
    await writePiece(res, Buffer.from(piece), signal); // a copy: the socket may still hold it when the next is read
  }
  await writePiece(res, '}\n', signal);
}

/** Returns when there is room for more, or when nobody reads any more. */
async function writePiece(res: Response, piece: string | Buffer, signal: AbortSignal): Promise<void> {
  if (res.destroyed || res.write(piece)) return;
  await once(res, 'drain', { signal }).catch(() => undefined);
}
