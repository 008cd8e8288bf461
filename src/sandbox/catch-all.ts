// An SMTP server in this process that takes every mail and delivers none: what leaves a trial ends here.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

export interface CaughtMail {
  from: string;
  to: string[];
  raw: Buffer;
}

export interface CatchAll {
  readonly host: string;
  readonly port: number;
  readonly caught: readonly CaughtMail[];
  stop(): Promise<void>;
}

const LOOPBACK = '127.0.0.1';
const MAX_MAIL_BYTES = 26_214_400; // 25 MiB, what large providers take

/** Starts on a port that the system chooses. Anybody may sign in. */
export async function startCatchAll(): Promise<CatchAll> {
  const caught: CaughtMail[] = [];
  const server = new SMTPServer({
    name: 'trial.example', // reserved by RFC 2606: never anybody's
    size: MAX_MAIL_BYTES,
    authMethods: ['PLAIN', 'LOGIN'],
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true, // loopback alone, and a password that protects nothing
    disableReverseLookup: true,
    closeTimeout: 500,
    onAuth: (auth, _session, done) => done(null, { user: auth.username ?? '' }),
    onData(stream, { envelope }, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.once('error', done);
      stream.once('end', () => {
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
        const to = envelope.rcptTo.map(({ address }) => address);
        caught.push({ from, to, raw: Buffer.concat(chunks) });
        done(null, 'Taken, and kept here');
      });
    },
  });
  server.on('error', () => undefined); // a client that goes away is no concern of a trial
  server.listen(0, LOOPBACK);
  await once(server.server, 'listening');
  const { port } = server.server.address() as AddressInfo;
  return {
    host: LOOPBACK,
    port,
    caught,
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
}
