// The gateway's HTTP server: REST under /v1, live events, health. One application, built once, with bounds on everything
// that a client can make it hold.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type Express } from 'express';
import { PosternError } from '../../kernel/errors.ts';
import { newId } from '../../kernel/ids.ts';
import type { Part } from '../../kernel/lifecycle.ts';
import type { Logger } from '../../kernel/logger.ts';
import { rulesSchema } from '../../rules/json-schema.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import type { Principal } from '../access.ts';
import { admit } from '../invoke.ts';
import type { McpExtension } from '../mcp/parts.ts';
import { operations as allOperations } from '../operations.ts';
import type { Operation } from '../registry.ts';
import type { Rooms } from '../rooms.ts';
import { Downloads } from './download.ts';
import { EventStreams, type StreamLimits } from './events.ts';
import { hostGuard } from './host-guard.ts';
import { IdempotencyKeys } from './idempotency.ts';
import { McpRoute } from './mcp-route.ts';
import { oauthCallback } from './oauth-callback.ts';
import { openApiDocument } from './openapi.ts';
import { originGuard } from './origin-guard.ts';
import { problemHandler } from './problems.ts';
import { addRoutes, onlyMethods } from './router.ts';
import { type SignIn, signInWith } from './sign-in.ts';
import { SourceStreams } from './source-stream.ts';
import { addUnsubscribe } from './unsubscribe.ts';

const HEADERS_TIMEOUT_MS = 10_000; // a client that sends its headers drop by drop holds a connection no longer
const REQUEST_TIMEOUT_MS = 120_000; // 48 MB at 4 Mbit/s
const KEEP_ALIVE_TIMEOUT_MS = 30_000;
const MAX_CONNECTIONS = 1_000;
const MAX_HEADERS = 100;
const GRACE_MS = 3_000; // what runs may end; then its connection is cut, so that the other parts can stop in time
const READY_WITHIN_MS = 2_000;

export interface HttpServerOptions {
  rooms: Rooms;
  adminToken: string;
  host: string;
  /** 0: one that is free. */
  port: number;
  publicUrl: string | null;
  log: Logger;
  metrics?: Pick<Metrics, 'expose' | 'requests'>;
  /** True: /metrics answers without a token. */
  metricsOpen?: boolean;
  /** False: files behind links come through the gateway, and never from an S3 server itself. */
  redirectsDownloads?: boolean;
  /** False while other parts are still starting; always ready where absent. */
  isStarted?: () => boolean;
  operations?: readonly Operation[];
  streams?: StreamLimits;
  /** What MCP offers besides: the fixtures of its conformance suite. */
  mcpExtension?: McpExtension;
  /** How often streams of MCP are looked at whether their token is still one. */
  mcpLookAgainMs?: number;
}

export class HttpServer implements Part {
  readonly name = 'http';
  readonly #options: HttpServerOptions;
  readonly #streams: EventStreams;
  readonly #sources: SourceStreams;
  readonly #server: Server;
  #mcp: McpRoute | undefined;
  #stopping = false;
  #running = 0;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#streams = new EventStreams(options.rooms.bus, options.streams);
    this.#sources = new SourceStreams(options.rooms, options.log, options.streams?.keepAliveMs);
    this.#server = createServer(
      {
        headersTimeout: HEADERS_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
        connectionsCheckingInterval: HEADERS_TIMEOUT_MS / 2,
      },
      this.#application(),
    );
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.maxHeadersCount = MAX_HEADERS;
  }

  /** @throws PosternError `port_taken`, `host_unusable` */
  async start(): Promise<void> {
    const { host, port, log } = this.#options;
    try {
      this.#server.listen(port, host);
      await once(this.#server, 'listening');
    } catch (error) {
      throw listenError(error as NodeJS.ErrnoException, host, port);
    }
    log.info({ url: this.url }, 'http listens');
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#streams.stop();
    this.#sources.stop();
    await this.#mcp?.stop();
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    const cut = setTimeout(() => this.#server.closeAllConnections(), GRACE_MS);
    this.#whenQuiet();
    await closed;
    clearTimeout(cut);
  }

  /** Cuts the connections once no request runs: `closeIdleConnections` spares those that never sent one. */
  #whenQuiet(): void {
    if (this.#stopping && this.#running === 0) this.#server.closeAllConnections();
  }

  /** Where it listens. @throws Error before `start` */
  address(): { host: string; port: number } {
    const address = this.#server.address() as AddressInfo | null;
    if (!address) throw new Error('the HTTP server does not listen yet');
    return { host: address.address, port: address.port };
  }

  /** The URL by which this machine reaches it. */
  get url(): string {
    const { host, port } = this.address();
    const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
    return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
  }

  #application(): Express {
    const { rooms, log, adminToken, host, publicUrl } = this.#options;
    const operations = this.#options.operations ?? allOperations;
    const app = express();
    app
      .disable('x-powered-by')
      .disable('etag')
      .set('query parser', 'simple')
      .enable('case sensitive routing');
    this.#addFrame(app, hostGuard(host, publicUrl), log);
    const signIn = signInWith(adminToken, rooms.sessions);
    this.#addService(app, signIn, JSON.stringify(openApiDocument(operations), null, 2));
    this.#addMcp(app, operations, signIn);
    addRoutes(app, operations, { rooms, signIn, keys: new IdempotencyKeys(rooms.store, rooms.clock) });
    app.use((req) => {
      throw new PosternError('not_found', `There is nothing at ${shownPath(req.path)}.`, {
        hint: 'GET /v1/openapi.json lists what there is.',
      });
    });
    app.use(problemHandler(log));
    return app;
  }

  /** What holds for every request: its id, its headers, its name for us, its line in the log. */
  #addFrame(app: Express, checkHost: (host: string | undefined) => void, log: Logger): void {
    app.use((req, res, next) => {
      const requestId = newId('req');
      const startedAt = performance.now();
      res.locals.requestId = requestId;
      res.set({
        'X-Request-Id': requestId,
        'X-Content-Type-Options': 'nosniff',
        'Cache-Control': 'no-store',
        'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
        'Cross-Origin-Resource-Policy': 'same-origin',
        'Referrer-Policy': 'no-referrer',
      });
      this.#running++;
      res.on('close', () => {
        this.#running--;
        this.#whenQuiet();
        // The route and not the URL: a query may hold what a log must not.
        const route = (req.route as { path?: string } | undefined)?.path ?? null;
        const ms = Math.round(performance.now() - startedAt);
        this.#options.metrics?.requests.count(req.method, route, res.statusCode);
        log.debug({ request: requestId, method: req.method, route, status: res.statusCode, ms }, 'request');
      });
      checkHost(req.headers.host);
      next();
    });
  }

  #addService(app: Express, signIn: SignIn, openApi: string): void {
    const { rooms } = this.#options;
    app.get('/healthz', (_req, res) => void res.json({ status: 'ok' }));
    app.get('/readyz', async (_req, res) => {
      if (this.#stopping) throw new PosternError('stopping', 'Postern is stopping.', { retry: 'later' });
      if (this.#options.isStarted?.() === false)
        throw new PosternError('not_ready', 'Postern is still starting.', { retry: 'later' });
      await within(READY_WITHIN_MS, rooms.store.db.selectFrom('accounts').select('id').limit(1).execute());
      res.json({ status: 'ready' });
    });
    this.#addMetrics(app, signIn);
    app.get('/', (_req, res) => void res.json({ name: 'Postern', api: '/v1', openapi: '/v1/openapi.json' }));
    app.get('/oauth/callback', oauthCallback(rooms.signIn, this.#options.log));
    addUnsubscribe(app, rooms.unsubscribe);
    const { log, redirectsDownloads: redirects = true } = this.#options;
    app.get('/d/:token', new Downloads({ ...rooms, log, redirects }).handle);
    app.get('/v1/openapi.json', (_req, res) => void res.type('json').send(openApi));
    // Open, for editors cannot sign in: it says what can be written, and nothing of what is.
    app.get('/v1/rules/schema', (_req, res) => void res.type('application/schema+json').send(rulesSchema()));
    app.get(
      '/v1/events',
      async (req, _res, next) => {
        const principal = await signIn(req);
        await admit({ name: 'events.stream', permission: 'events:read' }, { principal, rooms });
        next();
      },
      this.#streams.handle,
    );
    app.get(
      '/v1/sources/:consumer/stream',
      async (req, res, next) => {
        const principal: Principal = await signIn(req);
        res.locals.principal = principal;
        await admit({ name: 'source.stream', permission: 'sources:consume' }, { principal, rooms });
        next();
      },
      this.#sources.handle,
    );
    app.all('/v1/sources/:consumer/stream', onlyMethods(['GET']));
    for (const path of [
      '/healthz',
      '/readyz',

      '/',
      '/oauth/callback',
      '/d/:token',
      '/v1/openapi.json',
      '/v1/rules/schema',
      '/v1/events',
    ]) {
      app.all(path, onlyMethods(['GET']));
    }
  }

  #addMcp(app: Express, operations: readonly Operation[], signIn: SignIn): void {
    const {
      rooms,
      log,
      host,
      publicUrl,
      mcpExtension: extension,
      mcpLookAgainMs: lookAgainMs,
    } = this.#options;
    const checkOrigin = originGuard(host, publicUrl);
    this.#mcp = new McpRoute({
      rooms,
      operations,
      log,
      signIn,
      checkOrigin,
      ...(extension ? { extension } : {}),
      ...(lookAgainMs === undefined ? {} : { lookAgainMs }),
    });
    app.all('/mcp', this.#mcp.handle);
  }

  /** With an operator's key, unless the settings open it: the labels tell which accounts there are. */
  #addMetrics(app: Express, signIn: SignIn): void {
    const { metrics, metricsOpen, rooms } = this.#options;
    if (!metrics) return;
    app.get('/metrics', async (req, res) => {
      if (!metricsOpen) {
        const principal = await signIn(req);
        await admit({ name: 'metrics', permission: 'metrics:read' }, { principal, rooms });
      }
      const { type, text } = await metrics.expose();
      res.set('Content-Type', type).send(text);
    });
    app.all('/metrics', onlyMethods(['GET']));
  }
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new PosternError('not_ready', 'The ledger does not answer.', { retry: 'later' });
    timer = setTimeout(() => reject(error), ms);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): PosternError {
  if (error.code === 'EADDRINUSE') {
    return new PosternError('port_taken', `Something listens on ${host}:${port} already.`, {
      hint: 'Perhaps another Postern runs; otherwise set POSTERN_PORT.',
      cause: error,
    });
  }
  return new PosternError('host_unusable', `Postern cannot listen on ${host}:${port}: ${error.message}`, {
    hint: 'Set POSTERN_HOST to an address of this machine, or POSTERN_PORT to one that you may use.',
    cause: error,
  });
}

/** The path as far as it helps to see a mistake. */
const shownPath = (path: string): string => path.slice(0, 200);
