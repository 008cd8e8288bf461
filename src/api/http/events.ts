// Server-sent events: what changed, for clients that want to read it again at once. A client that reads too slowly is
// dropped; it comes back with Last-Event-ID and hears what it missed, as far as that is still known.
import type { RequestHandler, Response } from 'express';
import type { Bus } from '../../cluster/bus.ts';
import type { LiveEvent } from '../../contracts/live-event.ts';
import { PosternError } from '../../kernel/errors.ts';

export const KEEP_ALIVE_MS = 15_000; // proxies cut what is silent for 30 to 60 s
const MAX_STREAMS = 100; // each holds a socket and a listener
const MAX_WAITING_BYTES = 1024 * 1024; // some 4,000 events; a client that far behind reads its lists again
const RECONNECT_MS = 2_000;
const EVENT_ID = /^evt_[0-9a-z]{1,64}$/;

export interface StreamLimits {
  keepAliveMs?: number;
  maxStreams?: number;
  maxWaitingBytes?: number;
}

export class EventStreams {
  readonly #bus: Bus;
  readonly #limits: Required<StreamLimits>;
  readonly #open = new Map<Response, () => void>();
  #stopped = false;

  constructor(bus: Bus, limits: StreamLimits = {}) {
    this.#bus = bus;
    this.#limits = {
      keepAliveMs: KEEP_ALIVE_MS,
      maxStreams: MAX_STREAMS,
      maxWaitingBytes: MAX_WAITING_BYTES,
      ...limits,
    };
  }

  get count(): number {
    return this.#open.size;
  }

  readonly handle: RequestHandler = (req, res) => {
    if (this.#stopped) throw new PosternError('stopping', 'Postern is stopping.', { retry: 'later' });
    if (this.#open.size >= this.#limits.maxStreams) {
      throw new PosternError('too_many_streams', 'Too many clients listen to events already.', {
        retry: 'later',
      });
    }
    const last = req.get('Last-Event-ID') ?? '';
    res.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8', 'X-Accel-Buffering': 'no' });
    res.write(`retry: ${RECONNECT_MS}\n: connected\n\n`);
    const send = (text: string): void => {
      if (res.destroyed || res.writableEnded) return;
      res.write(text);
      if (res.writableLength > this.#limits.maxWaitingBytes) res.destroy();
    };
    const keepAlive = setInterval(() => send(': keep-alive\n\n'), this.#limits.keepAliveMs);
    const leave = this.#bus.subscribe(
      (event) => send(frameOf(event)),
      EVENT_ID.test(last) ? last : undefined,
    );
    this.#open.set(res, () => {
      clearInterval(keepAlive);
      leave();
      this.#open.delete(res);
    });
    res.on('close', () => this.#open.get(res)?.());
    if (res.destroyed) this.#open.get(res)?.(); // dropped while the past was being told
  };

  stop(): void {
    this.#stopped = true;
    for (const [res, close] of [...this.#open]) {
      close();
      res.end();
    }
  }
}

function frameOf(event: LiveEvent): string {
  return `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
