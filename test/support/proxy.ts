// A TCP proxy between a client under test and its server, which breaks connections in every way in which networks and
// servers do: refused, reset, ended, silent on one side or on both, slow, at a chosen command or after so many bytes.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/**
 * What befalls a connection. `reset`: RST to the client. `end`: FIN to it, as from a server that hangs up. `mute`: the
 * server is heard no more, though it still hears. `half-open`: no packet passes either way, and nobody is told.
 */
export type Failure = 'reset' | 'end' | 'mute' | 'half-open';

export interface Fault {
  /** The beginning of each new connection, or a client's line like this over any (none is seen inside TLS). */
  at: 'connect' | RegExp;
  /** So many bytes of what the server says after that still pass; none where absent. */
  afterBytes?: number;
  does:
    | Failure
    | { /** In place of the server, which never hears the line; `TAG` for its tag. */ says: string };
}

const KEPT_LINE_CHARS = 1_000; // of a client's line: enough to know the command
const SIGN_IN = /^\S+ (LOGIN|AUTHENTICATE)\b/i;
const LISTEN_ATTEMPTS = 20; // another process may hold the port for a moment
const LISTEN_AGAIN_MS = 50;

export class ProxiedConnection {
  readonly #client: Socket;
  readonly #server: Socket | undefined;
  readonly #proxy: TcpProxy;
  /** What befalls it once `#left` bytes have passed. */
  #next: Failure | undefined;
  #left = 0;
  #failure: Failure | undefined;
  #partLine = '';
  /** What the client said last. */
  lastLine = '';

  constructor(proxy: TcpProxy, client: Socket, backendPort: number, fault: Fault | undefined) {
    this.#proxy = proxy;
    this.#client = client;
    client.on('error', () => undefined); // `close` follows
    client.on('data', (chunk: Buffer) => this.#said(chunk));
    if (fault?.at === 'connect' && typeof fault.does === 'string') {
      this.#befalls(fault.does, fault.afterBytes);
      if (this.#failure) {
        this.#server = undefined; // nothing of it would ever pass
        return;
      }
    }
    const server = connect(backendPort, '127.0.0.1');
    this.#server = server;
    server.setNoDelay(true);
    client.setNoDelay(true);
    server.on('error', () => undefined);
    server.on('data', (chunk: Buffer) => void this.#answered(chunk));
    server.on('close', () => {
      if (this.#failure !== 'mute' && this.#failure !== 'half-open') client.destroySoon();
    });
    client.on('close', () => server.destroy());
  }

  get open(): boolean {
    return !this.#client.destroyed;
  }

  /** Breaks it now. */
  strike(failure: Failure): void {
    this.#failure = failure;
    if (failure === 'reset') this.#client.resetAndDestroy();
    if (failure === 'end') this.#client.destroySoon();
  }

  /** Ends it for both sides, whatever befell it. */
  destroy(): void {
    this.#client.destroy();
    this.#server?.destroy();
  }

  #befalls(failure: Failure, afterBytes = 0): void {
    if (afterBytes > 0) {
      this.#next = failure;
      this.#left = afterBytes;
    } else this.strike(failure);
  }

  #said(chunk: Buffer): void {
    const lines = (this.#partLine + chunk.toString('latin1')).split('\r\n');
    this.#partLine = (lines.pop() ?? '').slice(0, KEPT_LINE_CHARS);
    const { fault } = this.#proxy;
    let replaced = false;
    for (const line of lines) {
      this.lastLine = line;
      if (!this.#failure && !this.#next && fault && fault.at !== 'connect' && fault.at.test(line)) {
        if (typeof fault.does === 'string') this.#befalls(fault.does, fault.afterBytes);
        else {
          this.#client.write(`${fault.does.says.replace(/^TAG\b/, line.split(' ', 1)[0] ?? '')}\r\n`);
          replaced = true;
        }
      }
      this.#proxy.noteLine(line);
    }
    if (!replaced && this.#failure !== 'half-open') this.#server?.write(chunk);
  }

  async #answered(chunk: Buffer): Promise<void> {
    const server = this.#server as Socket;
    const { delayMs } = this.#proxy;
    if (delayMs > 0) {
      server.pause(); // so that nothing overtakes it
      await pause(delayMs);
      server.resume();
    }
    if (this.#failure) return; // it is dropped
    const strikes = this.#next !== undefined && this.#left < chunk.length;
    const passes = strikes ? chunk.subarray(0, this.#left) : chunk;
    this.#left -= passes.length;
    if (passes.length > 0 && !this.#client.write(passes)) {
      server.pause();
      this.#client.once('drain', () => server.resume());
    }
    if (strikes && this.#next) this.strike(this.#next);
  }
}

export class TcpProxy {
  /** The port of 127.0.0.1 that new connections go to. */
  backendPort: number;
  /** What befalls connections from now on. */
  fault: Fault | undefined;
  /** Each piece of what the server says comes later by so much. */
  delayMs = 0;
  readonly #server: Server;
  readonly #connections = new Set<ProxiedConnection>();
  #waiting: { pattern: RegExp; resolve: () => void }[] = [];
  #accepted = 0;
  #signIns = 0;
  #port = 0;

  constructor(backendPort: number) {
    this.backendPort = backendPort;
    this.#server = createServer((client) => {
      this.#accepted++;
      const connection = new ProxiedConnection(this, client, this.backendPort, this.fault);
      this.#connections.add(connection);
      client.on('close', () => this.#connections.delete(connection));
    });
    this.#server.on('error', () => undefined); // who listens is told
  }

  get port(): number {
    return this.#port;
  }

  /** How many connections it has taken in all. */
  get accepted(): number {
    return this.#accepted;
  }

  /** How often a client tried to sign in, outside TLS. */
  get signIns(): number {
    return this.#signIns;
  }

  /** Those that clients hold open now, also those that nothing passes through. */
  get open(): ProxiedConnection[] {
    return [...this.#connections];
  }

  /** Takes connections (again), always on the same port. */
  async accept(): Promise<void> {
    for (let attempt = 1; !this.#server.listening; attempt++) {
      try {
        this.#server.listen(this.#port, '127.0.0.1');
        await once(this.#server, 'listening');
      } catch (error) {
        if (attempt >= LISTEN_ATTEMPTS) throw error;
        await pause(LISTEN_AGAIN_MS);
      }
    }
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Refuses new connections until `accept`. Those that are open stay. */
  refuse(): void {
    this.#server.close();
  }

  /** Breaks all open connections now. */
  strike(failure: Failure): void {
    for (const connection of this.open) connection.strike(failure);
  }

  /** Fulfils as soon as a line like this is the last that a client has said over an open connection. */
  async says(pattern: RegExp): Promise<void> {
    if (this.open.some(({ lastLine }) => pattern.test(lastLine))) return;
    await new Promise<void>((resolve) => this.#waiting.push({ pattern, resolve }));
  }

  /** Told by its connections. */
  noteLine(line: string): void {
    if (SIGN_IN.test(line)) this.#signIns++;
    const heard = this.#waiting.filter(({ pattern }) => pattern.test(line));
    this.#waiting = this.#waiting.filter((waiter) => !heard.includes(waiter));
    for (const { resolve } of heard) resolve();
  }

  async stop(): Promise<void> {
    const closed = this.#server.listening ? once(this.#server, 'close') : undefined;
    this.#server.close();
    for (const connection of this.open) connection.destroy();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** A proxy to a port of 127.0.0.1 that does nothing yet but pass on what is said. */
export async function startProxy(backendPort: number): Promise<TcpProxy> {
  const proxy = new TcpProxy(backendPort);
  await proxy.accept();
  return proxy;
}
