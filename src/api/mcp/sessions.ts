// Sessions of the protocol up to 2025-11-25, where a client opens one, names it in each request, and hears notifications on
// a stream of its own. A session belongs to the principal that opened it: for anybody else it does not exist.
import { randomBytes } from 'node:crypto';
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server';
import type { Clock } from '../../kernel/clock.ts';
import { PosternError } from '../../kernel/errors.ts';
import { identityOf } from '../access.ts';
import { authOf, type Caller } from './caller.ts';
import { EventLog } from './event-log.ts';
import type { CallersServer } from './server.ts';

const MOST_SESSIONS = 500; // each holds a server with its tools: some 50 kB
const MOST_OF_ONE = 16; // a client opens one, and a careless one another for each call
const IDLE_MS = 30 * 60_000;
const RETRY_MS = 1_000; // after which a client whose stream broke comes back
const SESSION_HEADER = 'mcp-session-id';

interface Session extends CallersServer {
  transport: WebStandardStreamableHTTPServerTransport;
  identity: string;
  /** Who used it last: their tools are looked at again when the rules change. */
  caller: Caller;
  usedAt: number;
  /** Requests and streams that are open. */
  open: number;
}

export class McpSessions {
  readonly #sessions = new Map<string, Session>();
  readonly #clock: Clock;
  readonly #keepAliveMs: number;
  readonly #most: number;
  readonly #serverFor: (caller: Caller) => CallersServer;

  constructor(
    clock: Clock,
    keepAliveMs: number,
    serverFor: (caller: Caller) => CallersServer,
    most = MOST_SESSIONS,
  ) {
    this.#clock = clock;
    this.#most = most;
    this.#keepAliveMs = keepAliveMs;
    this.#serverFor = serverFor;
  }

  get count(): number {
    return this.#sessions.size;
  }

  /** Answers a request that names a session. */
  async serve(id: string, request: Request, body: unknown, caller: Caller): Promise<Response> {
    const session = this.#sessions.get(id);
    if (!session || session.identity !== identityOf(caller.principal)) return sessionUnknown();
    session.caller = caller;
    session.usedAt = this.#clock.now();
    session.open++;
    request.signal.addEventListener('abort', () => this.#left(session), { once: true });
    session.refresh(caller);
    return session.transport.handleRequest(request, { parsedBody: body, authInfo: authOf(caller) });
  }

  /** Answers `initialize`, which opens a session. @throws PosternError `too_many_sessions` */
  async open(request: Request, body: unknown, caller: Caller): Promise<Response> {
    const identity = identityOf(caller.principal);
    this.#makeRoom(identity);
    const { server, refresh } = this.#serverFor(caller);
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => randomBytes(24).toString('base64url'),
      onsessioninitialized: (id) => {
        const usedAt = this.#clock.now();
        this.#sessions.set(id, { server, refresh, transport, identity, caller, usedAt, open: 0 });
      },
      onsessionclosed: (id) => void this.#sessions.delete(id),
      keepAliveMs: this.#keepAliveMs,
      eventStore: new EventLog(),
      retryInterval: RETRY_MS,
    });
    await server.connect(transport);
    const response = await transport.handleRequest(request, { parsedBody: body, authInfo: authOf(caller) });
    if (transport.sessionId === undefined) await server.close();
    return response;
  }

  /** The rules are others now: clients whose tools changed are told. */
  refresh(): void {
    for (const session of this.#sessions.values()) session.refresh(session.caller);
  }

  /** Ends those that nobody used for half an hour. */
  sweep(): void {
    const before = this.#clock.now() - IDLE_MS;
    for (const [id, { open, usedAt }] of this.#sessions) if (open === 0 && usedAt < before) this.#end(id);
  }

  async stop(): Promise<void> {
    await Promise.allSettled([...this.#sessions.keys()].map((id) => this.#end(id)));
  }

  #left(session: Session): void {
    session.open--;
    session.usedAt = this.#clock.now();
  }

  /**
   * Of one principal, or of all: the one unused longest goes. Agents come and go, and most never say goodbye.
   * @throws PosternError `too_many_sessions` where all of them are in use at this moment
   */
  #makeRoom(identity: string): void {
    const all = [...this.#sessions];
    const own = all.filter(([, session]) => session.identity === identity);
    const idle = all.filter(([, { open }]) => open === 0);
    const [oldest] = (own.length >= MOST_OF_ONE ? own : idle).sort(([, a], [, b]) => a.usedAt - b.usedAt);
    if (own.length < MOST_OF_ONE && all.length < this.#most) return;
    if (!oldest) {
      throw new PosternError('too_many_sessions', 'Too many MCP sessions are in use.', {
        retry: 'later',
        hint: 'Protocol 2026-07-28 has none, and a call needs none.',
      });
    }
    void this.#end(oldest[0]);
  }

  async #end(id: string): Promise<void> {
    const session = this.#sessions.get(id);
    this.#sessions.delete(id);
    await session?.server.close();
  }
}

export const sessionOf = (request: Request): string | null => request.headers.get(SESSION_HEADER);

/** A client then opens a new one, as the protocol says. */
function sessionUnknown(): Response {
  const error = { code: -32001, message: 'Session not found' };
  return Response.json({ jsonrpc: '2.0', error, id: null }, { status: 404 });
}
