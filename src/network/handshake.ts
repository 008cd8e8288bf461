// The way to a mail server, step by step, up to where a secret would be said: name, connection, encryption, greeting.
// A test of an account shows it to people; the connection is closed again.
import { lookup } from 'node:dns/promises';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { Endpoint } from '../contracts/account.ts';
import type { CheckStep, StepName } from '../contracts/check.ts';
import { explain, PosternError } from '../kernel/errors.ts';
import { explainNetworkError } from '../kernel/network-errors.ts';
import { type CertificateFacts, certificateFacts, expiryWarning } from './certificate.ts';
import { Checks, type Found, type Note } from './checks.ts';
import { askForTls, type MailProtocol, readGreeting } from './greeting.ts';
import { LineReader } from './line-reader.ts';
import { isAddress } from './public-address.ts';
import { tlsContext } from './tls-context.ts';

const MOST_ADDRESSES = 20;
const CLOSE_MS = 500; // for the server to hear our goodbye

export interface HandshakeOptions {
  requireTls: boolean;
  /** For each step. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

export interface Handshake {
  steps: CheckStep[];
  /** Why the last step failed; null when all went well. */
  failure: PosternError | null;
}

/** Never throws. */
export async function shakeHands(
  protocol: MailProtocol,
  endpoint: Endpoint,
  options: HandshakeOptions,
): Promise<Handshake> {
  const way = new Way(protocol, endpoint, options);
  try {
    await way.walk();
    return { steps: way.steps, failure: null };
  } catch (error) {
    return { steps: way.steps, failure: way.understand(error) };
  } finally {
    way.leave();
  }
}

class Way {
  readonly #checks = new Checks();
  readonly #protocol: MailProtocol;
  readonly #endpoint: Endpoint;
  readonly #options: HandshakeOptions;
  readonly #host: string;
  readonly #server: string;
  #socket: Socket | undefined;

  constructor(protocol: MailProtocol, endpoint: Endpoint, options: HandshakeOptions) {
    this.#protocol = protocol;
    this.#endpoint = endpoint;
    this.#options = options;
    this.#host = endpoint.host.replace(/^\[(.*)\]$/, '$1');
    this.#server = `The ${protocol} server ${endpoint.host}:${endpoint.port}`;
  }

  get steps(): CheckStep[] {
    return this.#checks.steps;
  }

  async walk(): Promise<void> {
    const { security } = this.#endpoint;
    if (this.#options.requireTls && security === 'none') await this.#step('settings', () => this.#refuse());
    await this.#step('dns', () => this.#resolve());
    await this.#step('connect', () => this.#connect());
    if (security === 'tls') await this.#step('tls', (note) => this.#encrypt(note));
    const lines = new LineReader(this.#open());
    await this.#step('greeting', async () => {
      const text = await readGreeting(this.#protocol, lines, this.#server, security === 'starttls');
      return { message: text === '' ? 'It greeted us.' : `It says: ${text}`, details: { text } };
    });
    if (security !== 'starttls') return;
    await this.#step('tls', async (note) => {
      await askForTls(this.#protocol, this.#open(), lines, this.#server);
      return this.#encrypt(note);
    });
  }

  leave(): void {
    const socket = this.#socket;
    if (!socket || socket.destroyed) return;
    if (this.steps.every(({ ok }) => ok))
      socket.end(this.#protocol === 'IMAP' ? 'p9 LOGOUT\r\n' : 'QUIT\r\n');
    else socket.destroy();
    setTimeout(() => socket.destroy(), CLOSE_MS).unref();
  }

  understand(error: unknown): PosternError {
    if (error instanceof PosternError) return error;
    const { host, port } = this.#endpoint;
    return (
      explainNetworkError(error, { protocol: this.#protocol, host, port }) ??
      new PosternError('connection_lost', `${this.#server}: ${explain(error)}.`, {
        hint: 'Check port and security; it may also refuse too many connections.',
        retry: 'later',
        cause: error,
      })
    );
  }

  #refuse(): never {
    throw new PosternError(
      'tls_refused',
      `The account requires TLS, but its ${this.#protocol} endpoint says security: none.`,
      { hint: 'Use security: tls or starttls, or switch require_tls off for this account.' },
    );
  }

  async #resolve(): Promise<Found> {
    if (isAddress(this.#host))
      return { message: 'The host is an address: nothing to look up.', details: { addresses: [this.#host] } };
    const addresses = (await lookup(this.#host, { all: true })).map(({ address }) => address);
    return {
      message: `${this.#host} is ${addresses.slice(0, 4).join(', ')}${addresses.length > 4 ? ', …' : ''}.`,
      details: { addresses: addresses.slice(0, MOST_ADDRESSES) },
    };
  }

  async #connect(): Promise<Found> {
    const { port } = this.#endpoint;
    const socket = connect({ host: this.#host, port });
    this.#socket = socket;
    socket.on('error', () => undefined); // late ones come after a close
    await event(socket, 'connect');
    const address = socket.remoteAddress ?? this.#host;
    return { message: `Connected to ${address}, port ${port}.`, details: { address, port } };
  }

  async #encrypt(note: Note): Promise<Found> {
    const socket = connectTls({
      socket: this.#open(),
      host: this.#host,
      ...(isAddress(this.#host) ? {} : { servername: this.#host }),
      secureContext: tlsContext(this.#endpoint.ca),
      rejectUnauthorized: false, // so that the certificate can be shown; it is judged below, before anything is said
    });
    this.#socket = socket;
    socket.on('error', () => undefined);
    await event(socket, 'secureConnect');
    const certificate = certificateFacts(socket, Date.now());
    const [version, cipher] = [socket.getProtocol() ?? 'TLS', socket.getCipher().standardName];
    const details = { version, cipher, certificate };
    note(details);
    this.#judge(socket);
    return {
      message: `${version}, ${cipher}${certificate ? `; ${inWords(certificate)}` : ''}.`,
      hint: certificate && expiryWarning(certificate),
      details,
    };
  }

  /** @throws PosternError `certificate_invalid` */
  #judge(socket: TLSSocket): void {
    if (socket.authorized) return;
    // Node has put the code of what is wrong here.
    const code = String(socket.authorizationError);
    const { host, port } = this.#endpoint;
    const where = { protocol: this.#protocol, host, port };
    throw (
      explainNetworkError({ code, cert: socket.getPeerCertificate() }, where) ??
      new PosternError(
        'certificate_invalid',
        `${this.#server} has a certificate that is not trusted (${code}).`,
      )
    );
  }

  #open(): Socket {
    if (!this.#socket) throw new Error('no connection was made');
    return this.#socket;
  }

  async #step(step: StepName, work: (note: Note) => Promise<Found> | never): Promise<void> {
    await this.#checks.step(
      step,
      (note) => this.#inTime(step, () => work(note)),
      (error) => this.understand(error),
    );
  }

  async #inTime<T>(step: StepName, work: () => Promise<T>): Promise<T> {
    const { timeoutMs, signal } = this.#options;
    const { promise: never, reject } = Promise.withResolvers<never>();
    const stop = () => reject(new PosternError('stopping', 'Stopped.', { retry: 'later' }));
    const timer = setTimeout(() => reject(this.#late(step)), timeoutMs);
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted) stop();
    try {
      return await Promise.race([Promise.resolve().then(work), never]);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
    }
  }

  #late(step: StepName): PosternError {
    const hints: Partial<Record<StepName, string>> = {
      greeting:
        'A port that speaks TLS from the first byte sends no greeting in the clear: try security: "tls".',
      tls: 'A port that speaks STARTTLS never answers a TLS hello: try security: "starttls".',
    };
    return new PosternError(
      'timeout',
      `${this.#server} did not answer within ${this.#options.timeoutMs} ms (${step}).`,
      {
        hint: hints[step] ?? 'Check host and port, and that no firewall stands between.',
        retry: 'later',
      },
    );
  }
}

/** Waits for an event, and throws what the socket fails with first. */
function event(socket: Socket, name: 'connect' | 'secureConnect'): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once(name, resolve);
  socket.once('error', reject);
  socket.once('close', () => reject(new Error('the server closed the connection')));
  return promise;
}

const inWords = ({ subject, names, issuer, valid_to: end, days_left: days }: CertificateFacts): string =>
  `certificate of ${subject || names[0] || 'nobody'} by ${issuer || 'nobody'}, until ${end?.slice(0, 10) ?? 'an unknown day'}${days === null ? '' : ` (${days} days)`}`;
