// The bridge's side of streamable HTTP: posts a message and hears what comes back, keeps the session's id, and sends the
// headers that each protocol asks for.
import { setTimeout as delay } from 'node:timers/promises';
import type { Problem } from '../../contracts/page.ts';
import { eventsOf } from './lines.ts';

const LONGEST_EVENT_CHARS = 64 * 1024 * 1024;
const SILENT_MS = 180_000; // longer than the gateway waits for a mail server; its streams say something every 15 s
const TRY_AGAIN_MS = [200, 500, 1_000, 2_000, 4_000]; // nobody listens there: a gateway that is started again needs a few seconds
const GOODBYE_MS = 2_000;
const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion';
const NAMED: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
};

export interface Message {
  jsonrpc: '2.0';
  id?: string | number | null;
  method?: string;
  params?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: { code: number; message: string };
}

type Outcome = 'done' | 'session_gone';

export class HttpExchange {
  readonly #url: string;
  readonly #token: string;
  #session: string | null = null;
  #version: string | null = null;

  constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  get hasSession(): boolean {
    return this.#session !== null;
  }

  /** @throws Error with a sentence that says why the gateway could not be asked, or refused before the protocol begins */
  async post(message: Message, signal: AbortSignal, hear: (heard: Message) => void): Promise<Outcome> {
    const opens = message.method === 'initialize';
    if (opens) this.#session = null;
    const watch = new Silence(signal);
    try {
      const response = await this.#fetch({
        method: 'POST',
        headers: { ...this.#headers(), ...headersOf(message), 'Content-Type': 'application/json' },
        body: JSON.stringify(message),
        signal: watch.signal,
      });
      if (response.status === 404 && this.#session !== null) {
        await response.body?.cancel();
        this.#session = null;
        return 'session_gone';
      }
      for await (const heard of messagesOf(response, watch)) {
        if (opens && typeof heard.result?.protocolVersion === 'string')
          this.#version = heard.result.protocolVersion;
        hear(heard);
      }
      if (opens) this.#session = response.headers.get('mcp-session-id');
      return 'done';
    } finally {
      watch.end();
    }
  }

  /** Hears what the gateway says by itself, until the stream ends; `none` where there is no session to listen in. */
  async listen(signal: AbortSignal, hear: (heard: Message) => void): Promise<Outcome | 'none' | 'ended'> {
    if (this.#session === null) return 'none';
    const watch = new Silence(signal);
    try {
      const response = await this.#fetch({
        headers: { ...this.#headers(), Accept: 'text/event-stream' },
        signal: watch.signal,
      });
      if (response.status === 405) return 'none';
      if (response.status === 404) return 'session_gone';
      for await (const heard of messagesOf(response, watch)) hear(heard);
      return 'ended';
    } finally {
      watch.end();
    }
  }

  /** Ends the session. It would end by itself: that it cannot be told is no matter. */
  async end(): Promise<void> {
    if (this.#session === null) return;
    const signal = AbortSignal.timeout(GOODBYE_MS);
    await fetch(this.#url, { method: 'DELETE', headers: this.#headers(), signal, redirect: 'error' }).catch(
      () => undefined,
    );
    this.#session = null;
  }

  #headers(): Record<string, string> {
    return {
      Authorization: `Bearer ${this.#token}`,
      Accept: 'application/json, text/event-stream',
      ...(this.#session === null ? {} : { 'Mcp-Session-Id': this.#session }),
      ...(this.#version === null || this.#session === null ? {} : { 'Mcp-Protocol-Version': this.#version }),
    };
  }

  /** Asks again only where nobody listens: then nothing was sent, so that nothing can happen twice. */
  async #fetch(init: RequestInit): Promise<Response> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await fetch(this.#url, { ...init, redirect: 'error' }); // a redirect would carry the token elsewhere
      } catch (error) {
        const { code } = ((error as Error).cause ?? {}) as { code?: string };
        const wait = TRY_AGAIN_MS[attempt];
        if (code !== 'ECONNREFUSED' || wait === undefined) {
          const why = code ?? (error as Error).message;
          throw new Error(`No gateway answers at ${this.#url} (${why}).`, { cause: error });
        }
        await delay(wait, undefined, init.signal ? { signal: init.signal } : {});
      }
    }
  }
}

/** Without sessions each request says by itself what it is. */
function headersOf({ method, params }: Message): Record<string, string> {
  const version = (params?._meta as Record<string, unknown> | undefined)?.[VERSION_KEY];
  if (typeof version !== 'string' || method === undefined) return {};
  const named = params?.[NAMED[method] ?? ''];
  return {
    'Mcp-Protocol-Version': version,
    'Mcp-Method': method,
    ...(typeof named === 'string' ? { 'Mcp-Name': encoded(named) } : {}),
  };
}

/** A header holds visible ASCII; anything else goes in base64, as the protocol says. */
const encoded = (text: string): string =>
  /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(text) && !text.startsWith('=?base64?')
    ? text
    : `=?base64?${Buffer.from(text).toString('base64')}?=`;

async function* messagesOf(response: Response, watch: Silence): AsyncGenerator<Message> {
  const type = response.headers.get('content-type') ?? '';
  if (response.body === null || response.status === 202) return;
  if (type.startsWith('text/event-stream')) {
    const heard = response.body.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform: (chunk, controller) => {
          watch.heard();
          controller.enqueue(chunk);
        },
      }),
    );
    for await (const data of eventsOf(heard, LONGEST_EVENT_CHARS))
      if (data.trim() !== '') yield JSON.parse(data) as Message;
    return;
  }
  const text = await response.text();
  if (text === '') return;
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new Error(`What answers there is no Postern (status ${response.status}).`);
  }
  if ((body as Message | null)?.jsonrpc === '2.0') yield body as Message;
  else {
    const { detail, hint, code } = body as Partial<Problem>;
    throw new Error(
      detail === undefined
        ? `What answers there is no Postern (status ${response.status}).`
        : [`${detail} (${code})`, hint].filter(Boolean).join(' '),
    );
  }
}

/** Ends an exchange in which nothing is heard any more. */
class Silence {
  readonly #abort = new AbortController();
  readonly #outer: AbortSignal;
  readonly #timer: NodeJS.Timeout;

  constructor(outer: AbortSignal) {
    this.#outer = outer;
    this.#timer = setTimeout(
      () => this.#abort.abort(new Error('The gateway says nothing any more.')),
      SILENT_MS,
    );
    outer.addEventListener('abort', this.#end, { once: true });
    if (outer.aborted) this.#end();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  heard(): void {
    this.#timer.refresh();
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener('abort', this.#end);
  }

  readonly #end = (): void => this.#abort.abort(this.#outer.reason);
}
