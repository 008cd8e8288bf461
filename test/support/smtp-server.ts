// An SMTP server that signs people in, speaks TLS, and fails where a test tells it to. It keeps what it was given.
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { SMTPServer, type SMTPServerOptions, type SMTPServerSession } from 'smtp-server';
import { type CertificateName, testCertificates } from './certificates.ts';

const WAIT_LIMIT_MS = 30_000;

/**
 * When a fault strikes: at the greeting, at AUTH, MAIL or RCPT, at the DATA command (before 354), within the content
 * (its first bytes were read), or at the end of it (everything was read, nothing was answered).
 */
export type FaultPoint = 'connect' | 'auth' | 'mail' | 'rcpt' | 'data' | 'content' | 'end';

export interface Fault {
  at: FaultPoint;
  /** An answer such as `{ code: 451, text: '4.7.1 Greylisted' }`; or to close the connection; or to say nothing more. */
  does: { code: number; text: string } | 'drop' | 'hang';
  /** Only for this recipient, at `rcpt`. */
  recipient?: string;
  /** How often, then it is over; without end by default. */
  times?: number;
}

export interface ReceivedMail {
  envelopeFrom: string;
  recipients: string[];
  /** The exact content, dots unstuffed. */
  raw: Buffer;
  /** Whether the client was told 250: false where a fault struck at the end. */
  accepted: boolean;
  /** Over TLS? */
  secure: boolean;
  /** Who signed in. */
  user: string | undefined;
}

export interface SmtpServerOptions {
  /** `none` (no STARTTLS is offered), `starttls`, or `tls` from the first byte. `none` by default. */
  security?: 'none' | 'starttls' | 'tls';
  certificate?: CertificateName;
  /** User names to passwords. Without it, nobody has to sign in and AUTH is not offered. */
  users?: Record<string, string>;
  /** User names to OAuth2 access tokens, for XOAUTH2. */
  tokens?: Record<string, string>;
  /** The largest message in bytes, announced as SIZE. */
  maxBytes?: number;
  /** Without SMTPUTF8 and 8BITMIME. */
  ascii?: boolean;
  faults?: readonly Fault[];
  /** Awaited when a mail was read whole and is kept, before the client is told 250. */
  beforeAnswer?: (mail: ReceivedMail) => Promise<void>;
}

export interface TestSmtpServer {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** The authority to trust, PEM; empty without TLS. */
  readonly ca: string;
  /** What came in whole, in order, what was not accepted included. */
  readonly received: readonly ReceivedMail[];
  /** What was accepted. */
  messages(): ReceivedMail[];
  /** Takes the place of the faults that are set; call it with nothing to end them. */
  setFaults(...faults: Fault[]): void;
  /** Waits until `count` messages were accepted. Throws after 30 s, or what `limitMs` says. */
  waitFor(count: number, limitMs?: number): Promise<ReceivedMail[]>;
  /** Fulfils when the next fault strikes. */
  nextFault(): Promise<Fault>;
  /** How many connections were made so far. */
  connections(): number;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

type Answer = (error?: Error | null) => void;

export async function startSmtpServer(options: SmtpServerOptions = {}): Promise<TestSmtpServer> {
  const security = options.security ?? 'none';
  const certificates = security === 'none' ? undefined : await testCertificates();
  const certificate = certificates?.of[options.certificate ?? 'good'];
  const received: ReceivedMail[] = [];
  const sockets = new Map<number, Socket>(); // by the client's port
  const faultWaiters: ((fault: Fault) => void)[] = [];
  const wakes = new Set<() => void>();
  let faults: Fault[] = (options.faults ?? []).map((fault) => ({ ...fault }));
  let connections = 0;

  const take = (at: FaultPoint, recipient?: string): Fault | undefined => {
    const found = faults.find(
      (fault) => fault.at === at && (fault.recipient === undefined || fault.recipient === recipient),
    );
    if (!found) return undefined;
    if (found.times !== undefined && --found.times <= 0) faults = faults.filter((fault) => fault !== found);
    return found;
  };
  const strike = (fault: Fault, session: SMTPServerSession, answer: Answer): void => {
    if (fault.does === 'drop') sockets.get(session.remotePort)?.destroy();
    else if (fault.does !== 'hang') answer(withCode(fault.does));
    for (const waiter of faultWaiters.splice(0)) waiter(fault);
  };
  const proceed = (at: FaultPoint, session: SMTPServerSession, answer: Answer, recipient?: string): void => {
    const fault = take(at, recipient);
    if (fault) strike(fault, session, answer);
    else answer();
  };

  const settings: SMTPServerOptions = {
    name: 'mx.example.net',
    logger: false,
    disableReverseLookup: true,
    secure: security === 'tls',
    authOptional: !options.users && !options.tokens,
    allowInsecureAuth: true,
    authMethods: [...(options.users ? ['PLAIN', 'LOGIN'] : []), ...(options.tokens ? ['XOAUTH2'] : [])],
    disabledCommands: [
      ...(security === 'starttls' ? [] : ['STARTTLS']),
      ...(options.users || options.tokens ? [] : ['AUTH']),
    ],
    hideSMTPUTF8: options.ascii === true,
    hide8BITMIME: options.ascii === true,
    closeTimeout: 1,
    ...(options.maxBytes === undefined ? {} : { size: options.maxBytes, rejectOversized: true }),
    ...(certificate ? { cert: certificate.cert, key: certificate.key } : {}),
    onConnect: (session, answer) => proceed('connect', session, answer),
    onAuth: (auth, session, answer) => {
      const fault = take('auth');
      if (fault) return strike(fault, session, (error) => answer(error));
      const expected = auth.method === 'XOAUTH2' ? options.tokens : options.users;
      const given = auth.method === 'XOAUTH2' ? auth.accessToken : auth.password;
      const name = auth.username ?? '';
      if (expected?.[name] !== undefined && expected[name] === given) return answer(null, { user: name });
      return answer(withCode({ code: 535, text: '5.7.8 Authentication credentials invalid' }));
    },
    onMailFrom: (_address, session, answer) => proceed('mail', session, answer),
    onRcptTo: (address, session, answer) => {
      refuseDataOf(session);
      proceed('rcpt', session, answer, address.address);
    },
    onData: (stream, session, answer) => {
      const within = take('content');
      if (within) stream.once('data', () => strike(within, session, () => undefined));
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        if (within) return;
        const fault = stream.sizeExceeded ? undefined : take('end');
        const mail: ReceivedMail = {
          envelopeFrom: session.envelope.mailFrom ? session.envelope.mailFrom.address : '',
          recipients: session.envelope.rcptTo.map(({ address }) => address),
          raw: Buffer.concat(chunks),
          accepted: !fault && !stream.sizeExceeded,
          secure: session.secure,
          user: session.user as string | undefined,
        };
        received.push(mail);
        if (fault) strike(fault, session, answer);
        else if (options.beforeAnswer) void options.beforeAnswer(mail).then(() => answer());
        else answer();
        for (const wake of wakes) wake();
      });
    },
  };
  const server = new SMTPServer(settings);
  // The library calls its data handler after 354, so an answer to DATA itself has to take the command's place.
  const refuseDataOf = (session: SMTPServerSession): void => {
    if (!faults.some(({ at }) => at === 'data')) return;
    for (const connection of server.connections) {
      if (connection.id !== session.id) continue;
      const usual = connection.handler_DATA;
      connection.handler_DATA = (command, done) => {
        connection.handler_DATA = usual;
        const fault = take('data');
        if (!fault) return usual.call(connection, command, done);
        strike(fault, session, () => {
          if (typeof fault.does === 'object') connection.send(fault.does.code, fault.does.text);
          done();
        });
      };
    }
  };
  server.on('error', () => undefined); // broken connections are part of the tests
  server.server.on('connection', (socket: Socket) => {
    connections++;
    const port = socket.remotePort ?? 0;
    sockets.set(port, socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(port));
  });
  const listener = server.listen(0, '127.0.0.1');
  await once(listener, 'listening');

  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= new Promise((resolve) => {
      server.close(resolve);
      for (const socket of sockets.values()) socket.destroy();
    });
    return stopping;
  };
  const messages = (): ReceivedMail[] => received.filter(({ accepted }) => accepted);
  return {
    host: '127.0.0.1',
    port: (listener.address() as AddressInfo).port,
    ca: certificates?.ca ?? '',
    received,
    messages,
    setFaults: (...next) => {
      faults = next.map((fault) => ({ ...fault }));
    },
    waitFor: (count, limitMs = WAIT_LIMIT_MS) =>
      new Promise((resolve, reject) => {
        const settle = (): void => {
          const all = messages();
          if (all.length < count) return;
          clearTimeout(timer);
          wakes.delete(settle);
          resolve(all);
        };
        const timer = setTimeout(() => {
          wakes.delete(settle);
          reject(new Error(`the server has accepted ${messages().length} messages, not ${count}`));
        }, limitMs);
        wakes.add(settle);
        settle();
      }),
    nextFault: () => new Promise((resolve) => faultWaiters.push(resolve)),
    connections: () => connections,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function withCode({ code, text }: { code: number; text: string }): Error {
  return Object.assign(new Error(text), { responseCode: code });
}
