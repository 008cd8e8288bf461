// The MCP door: streamable HTTP at /mcp, in protocol 2026-07-28, which has no sessions, and 2025-11-25, which has. Who
// asks is known before a byte of the body is read; what a client can make it hold is bounded.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { createMcpHandler, isLegacyRequest, type McpHttpHandler } from '@modelcontextprotocol/server';
import { PosternError } from '../../kernel/errors.ts';
import { identityOf, type Principal } from '../access.ts';
import { authOf, type Caller, callerIn } from './caller.ts';
import type { McpParts } from './parts.ts';
import { foreseen } from './results.ts';
import { mcpServer } from './server.ts';
import { McpSessions, sessionOf } from './sessions.ts';
import { noteUnknownTool } from './tools.ts';
import { bodyOf, sendWeb, webRequest } from './web-bridge.ts';

const BODY_BYTES = 6 * 1024 * 1024; // a call with a small file in it: larger ones go to POST /v1/objects
const KEEP_ALIVE_MS = 15_000; // proxies cut what is silent for 30 to 60 s
const MOST_EXCHANGES = 400; // requests and streams that are open; below the connections of the server
const MOST_OF_ONE = 32; // so that no agent takes them all
const LAST_WORDS_MS = 1_000; // for streams to say that they end
const LOOK_AGAIN_MS = 15_000; // a stream outlives its token by twice that at the most

interface Exchange {
  identity: string;
  openedAt: number;
  abort: AbortController;
  /** Throws once the token is none any more. */
  signIn: () => Promise<Principal>;
}

export interface McpRequest {
  req: IncomingMessage;
  res: ServerResponse;
  caller: Caller;
  signIn: () => Promise<Principal>;
}

export class McpDoor {
  readonly #parts: McpParts;
  readonly #handler: McpHttpHandler;
  readonly #sessions: McpSessions;
  readonly #exchanges = new Set<Exchange>();
  readonly #timer: NodeJS.Timeout;
  readonly #lookAgainMs: number;
  readonly #leaveBus: () => void;
  #stopped = false;

  constructor(parts: McpParts) {
    this.#parts = parts;
    const toolsChanged = (): void => this.#handler.notify.toolsChanged();
    const serverFor = (caller: Caller) => mcpServer(parts, caller, toolsChanged);
    // Reports of what a client did wrong; it was told, and its mistakes are no concern of the operator's.
    const onerror = (error: Error): void => parts.log.debug({ error: error.message }, 'mcp');
    this.#handler = createMcpHandler(({ authInfo }) => serverFor(callerIn(authInfo)).server, {
      onerror,
      keepAliveMs: KEEP_ALIVE_MS,
      maxSubscriptions: MOST_EXCHANGES,
      maxRequestBodySize: BODY_BYTES,
    });
    this.#sessions = new McpSessions(parts.rooms.clock, KEEP_ALIVE_MS, serverFor);
    this.#leaveBus = parts.rooms.bus.subscribe(({ type }) => {
      if (type !== 'rules.changed') return;
      toolsChanged();
      this.#sessions.refresh();
    });
    this.#lookAgainMs = parts.lookAgainMs ?? LOOK_AGAIN_MS;
    this.#timer = setInterval(() => this.#lookAgain(), this.#lookAgainMs).unref();
  }

  /** Answers one request. @throws PosternError for what is refused before the protocol begins */
  async serve({ req, res, caller, signIn }: McpRequest): Promise<void> {
    const exchange = this.#enter(caller, signIn);
    const { signal } = exchange.abort;
    res.on('close', () => {
      this.#exchanges.delete(exchange);
      exchange.abort.abort(new PosternError('client_gone', 'Whoever asked has gone away.'));
    });
    signal.addEventListener('abort', () => res.destroy(), { once: true });
    const request = webRequest(req, signal);
    const response = await this.#answer(req, request, caller);
    await sendWeb(res, response);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#leaveBus();
    const ended = Promise.allSettled([this.#handler.close(), this.#sessions.stop()]);
    await Promise.race([ended, delay(LAST_WORDS_MS, undefined, { ref: false })]);
    for (const { abort } of this.#exchanges) abort.abort();
  }

  /** @throws PosternError `too_many_streams`, `stopping` */
  #enter(caller: Caller, signIn: Exchange['signIn']): Exchange {
    if (this.#stopped) throw new PosternError('stopping', 'Postern is stopping.', { retry: 'later' });
    const identity = identityOf(caller.principal);
    let own = 0;
    for (const exchange of this.#exchanges) if (exchange.identity === identity) own++;
    if (own >= MOST_OF_ONE || this.#exchanges.size >= MOST_EXCHANGES) {
      throw new PosternError('too_many_streams', 'Too many requests over MCP are open already.', {
        retry: 'later',
      });
    }
    const exchange = {
      identity,
      openedAt: this.#parts.rooms.clock.now(),
      abort: new AbortController(),
      signIn,
    };
    this.#exchanges.add(exchange);
    return exchange;
  }

  async #answer(req: IncomingMessage, request: Request, caller: Caller): Promise<Response> {
    const session = sessionOf(request);
    if (request.method !== 'POST') {
      // Without a session there is nothing to listen to and nothing to end.
      if (session === null || !['GET', 'DELETE'].includes(request.method))
        return rpcError(405, -32000, 'Method not allowed.', { Allow: 'POST' });
      return this.#sessions.serve(session, request, undefined, caller);
    }
    let body: unknown;
    try {
      body = JSON.parse(await bodyOf(req, BODY_BYTES));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return rpcError(400, -32700, 'Parse error: the body is not valid JSON');
    }
    // One request could hold thousands of calls; the protocol has had no batches since 2025-06-18.
    if (Array.isArray(body)) return rpcError(400, -32600, 'Invalid Request: batches are not taken');
    await noteUnknownTool(this.#parts, caller, body);
    if (await isLegacyRequest(request, body)) {
      if (session !== null) return this.#sessions.serve(session, request, body, caller);
      if ((body as { method?: unknown } | null)?.method === 'initialize')
        return this.#sessions.open(request, body, caller);
    }
    // Without a session also in the older protocol: a plain script posts one call and is done.
    return this.#handler.fetch(request, { parsedBody: body, authInfo: authOf(caller) });
  }

  /** A stream ends soon after its token does, and a session that nobody uses ends. */
  #lookAgain(): void {
    this.#sessions.sweep();
    const before = this.#parts.rooms.clock.now() - this.#lookAgainMs;
    for (const { openedAt, abort, signIn } of this.#exchanges) {
      if (openedAt > before) continue;
      void signIn().catch((error: unknown) => abort.abort(foreseen(error, 'mcp', this.#parts.log)));
    }
  }
}

function rpcError(status: number, code: number, message: string, headers: Record<string, string> = {}) {
  return Response.json({ jsonrpc: '2.0', error: { code, message }, id: null }, { status, headers });
}
