// `postern mcp`: for clients that start a program and speak to it over its standard streams. Each line that comes in is a
// message for the gateway, each message that it answers is a line that goes out; nothing is understood on the way but what
// the HTTP side needs. It follows both protocols: with sessions up to 2025-11-25, without from 2026-07-28.
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { HttpExchange, type Message } from './http-exchange.ts';
import { linesOf } from './lines.ts';

const MOST_AT_ONCE = 32; // calls under way, as the gateway takes from one
const LONGEST_LINE_CHARS = 8 * 1024 * 1024; // a little more than the gateway takes
const LAST_ANSWERS_MS = 3_000; // for what is under way when the client closes its end
const LISTEN_AGAIN_MS = [1_000, 2_000, 5_000, 10_000, 30_000];

export interface BridgeOptions {
  url: string;
  token: string;
  stdin: Readable;
  stdout: Writable;
  /** A line for people, on stderr: the client keeps it with its logs. */
  log(line: string): void;
}

export class StdioBridge {
  readonly #options: BridgeOptions;
  readonly #http: HttpExchange;
  readonly #running = new Map<string, { done: Promise<void>; abort: AbortController }>();
  readonly #ended = new AbortController();
  #listening: Promise<void> | undefined;
  #written: Promise<unknown> = Promise.resolve();
  /** What opened the session, to open another when the gateway has forgotten it. */
  #opening: Message | undefined;
  #reopening: Promise<void> | undefined;

  constructor(options: BridgeOptions) {
    this.#options = options;
    this.#http = new HttpExchange(options.url, options.token);
  }

  /** Runs until the client closes its end. */
  async run(): Promise<void> {
    try {
      for await (const line of linesOf(this.#options.stdin, LONGEST_LINE_CHARS)) {
        if (line === null) this.#say(failure(null, -32700, 'Parse error: the line is too long'));
        else if (line.trim() !== '') await this.#take(line);
      }
    } catch (error) {
      this.#options.log(`the input broke: ${(error as Error).message}`);
    }
    const calls = [...this.#running.values()].map(({ done }) => done);
    await Promise.race([Promise.allSettled(calls), delay(LAST_ANSWERS_MS, undefined, { ref: false })]);
    this.#ended.abort();
    for (const { abort } of this.#running.values()) abort.abort();
    await this.#http.end();
    await this.#listening;
    await this.#written;
  }

  async #take(line: string): Promise<void> {
    let message: Message;
    try {
      message = JSON.parse(line) as Message;
    } catch {
      this.#say(failure(null, -32700, 'Parse error'));
      return;
    }
    if (typeof message !== 'object' || message === null || Array.isArray(message)) {
      this.#say(failure(null, -32600, 'Invalid Request'));
      return;
    }
    if (this.#cancels(message)) return;
    while (this.#running.size >= MOST_AT_ONCE)
      await Promise.race([...this.#running.values()].map(({ done }) => done));
    const done = this.#start(message);
    // What opens a session comes before what is said in it, and notifications keep their order.
    if (message.id === undefined || message.method === 'initialize') await done;
    if (message.method === 'notifications/initialized') this.#listening ??= this.#listen();
  }

  /** Without sessions a call is cancelled by ending its request, and the gateway is told nothing else. */
  #cancels({ method, params }: Message): boolean {
    if (method !== 'notifications/cancelled') return false;
    const running = this.#running.get(JSON.stringify(params?.requestId));
    if (this.#http.hasSession) return false;
    running?.abort.abort();
    return true;
  }

  #start(message: Message): Promise<void> {
    const abort = new AbortController();
    const key = JSON.stringify(message.id);
    const done = this.#exchange(message, abort.signal).finally(() => {
      if (this.#running.get(key)?.abort === abort) this.#running.delete(key);
    });
    if (asks(message)) this.#running.set(key, { done, abort });
    return done;
  }

  async #exchange(message: Message, signal: AbortSignal): Promise<void> {
    let answered = false;
    const hear = (heard: Message): void => {
      if (heard.id === message.id && heard.method === undefined) answered = true;
      this.#say(heard);
    };
    try {
      if (message.method === 'initialize') this.#opening = message;
      let outcome = await this.#http.post(message, signal, hear);
      if (outcome === 'session_gone' && message.method !== 'initialize') {
        await this.#reopen();
        outcome = await this.#http.post(message, signal, hear);
      }
      if (!answered && asks(message) && !signal.aborted)
        this.#say(failure(message.id, -32603, 'The gateway ended before it answered.'));
    } catch (error) {
      const { message: what } = error as Error;
      if (signal.aborted) return;
      this.#options.log(what);
      if (!answered && asks(message)) this.#say(failure(message.id, -32603, what));
    }
  }

  /** The gateway was started again, or the session was too long unused: another one, of which the client need not know. */
  #reopen(): Promise<void> {
    this.#reopening ??= (async () => {
      if (!this.#opening) return;
      this.#options.log('the gateway has forgotten the session; opening another');
      const quiet = (): void => undefined;
      await this.#http.post(this.#opening, this.#ended.signal, quiet);
      await this.#http.post(
        { jsonrpc: '2.0', method: 'notifications/initialized' },
        this.#ended.signal,
        quiet,
      );
    })().finally(() => {
      this.#reopening = undefined;
    });
    return this.#reopening;
  }

  /** What the gateway says by itself, over the session's stream, for as long as there is one. */
  async #listen(): Promise<void> {
    const { signal } = this.#ended;
    for (let failed = 0; !signal.aborted; failed++) {
      const startedAt = performance.now();
      const outcome = await this.#http
        .listen(signal, (heard) => this.#say(heard))
        .catch((error: Error) => {
          if (!signal.aborted) this.#options.log(error.message);
          return 'ended' as const;
        });
      if (outcome === 'none' || signal.aborted) return;
      if (outcome === 'session_gone') await this.#reopen().catch(() => undefined);
      if (performance.now() - startedAt > 60_000) failed = 0;
      const wait = LISTEN_AGAIN_MS[Math.min(failed, LISTEN_AGAIN_MS.length - 1)];
      await delay(wait, undefined, { signal }).catch(() => undefined);
    }
  }

  /** One message, one line; as fast as the client reads. */
  #say(message: Message): void {
    const { stdout } = this.#options;
    this.#written = this.#written.then(async () => {
      if (!stdout.writable) return;
      if (!stdout.write(`${JSON.stringify(message)}\n`))
        await Promise.race([once(stdout, 'drain'), once(stdout, 'close')]);
    });
  }
}

/** A request, and not a notification or the answer to a question of the gateway's. */
const asks = ({ id, method }: Message): boolean => id !== undefined && method !== undefined;

const failure = (id: Message['id'] | null, code: number, message: string): Message => ({
  jsonrpc: '2.0',
  id: id ?? null,
  error: { code, message },
});
