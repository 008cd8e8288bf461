// A small world of mail in this process: two people with a mailbox each, and one SMTP server that both send through and
// that delivers to both. Nothing of it is reachable from another machine, and nothing leaves it.
import { EventEmitter, once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { SMTPServerDataStream, SMTPServerSession } from 'smtp-server';
import { SMTPServer } from 'smtp-server';
import type { MailboxOwner, MailboxServer } from './mailbox-server.ts';
import { startMailboxServer } from './mailbox-server.ts';

export interface Delivery {
  from: string;
  to: string;
  uid: number;
  raw: Buffer;
}

export interface MailWorld {
  /** The mailbox that Postern watches. */
  readonly sales: MailboxServer;
  /** The person who writes to it. */
  readonly customer: MailboxServer;
  readonly smtp: { readonly host: string; readonly port: number };
  /** Hears of every mail that the SMTP server put into an inbox. Returns the way out. */
  onDelivery(listener: (delivery: Delivery) => void): () => void;
  stop(): Promise<void>;
}

export const SALES: MailboxOwner = {
  name: 'Company Sales',
  address: 'sales@company.example',
  password: 'sandbox-sales',
};
export const CUSTOMER: MailboxOwner = {
  name: 'Paula Prospect',
  address: 'customer@prospect.example',
  password: 'sandbox-customer',
};

const LOOPBACK = '127.0.0.1';
const HOST_NAME = 'mail.sandbox.example'; // reserved by RFC 2606: never anybody's
const MAX_MAIL_BYTES = 26_214_400; // 25 MiB, what large providers take

/** Starts the two IMAP servers and the SMTP server on ports that the system chooses. What had started stops on failure. */
export async function startMailWorld(): Promise<MailWorld> {
  const sales = await startMailboxServer(SALES);
  const customer = await startMailboxServer(CUSTOMER).catch(async (error: unknown) => {
    await sales.stop();
    throw error;
  });
  const inboxes = new Map([sales, customer].map((server) => [server.owner.address, server]));
  const events = new EventEmitter<{ delivery: [Delivery] }>();
  const smtp = createSmtpServer(inboxes, (delivery) => events.emit('delivery', delivery));
  const stop = async (): Promise<void> => {
    await new Promise<void>((resolve) => smtp.close(resolve));
    await Promise.all([sales.stop(), customer.stop()]);
  };
  try {
    smtp.listen(0, LOOPBACK);
    await once(smtp.server, 'listening'); // rejects when the server says `error` first
  } catch (error) {
    await stop();
    throw error;
  }
  const { port } = smtp.server.address() as AddressInfo;
  let stopping: Promise<void> | undefined;

  return {
    sales,
    customer,
    smtp: { host: LOOPBACK, port },
    onDelivery(listener) {
      events.on('delivery', listener);
      return () => events.off('delivery', listener);
    },
    stop() {
      stopping ??= stop();
      return stopping;
    },
  };
}

/** A submission server: it takes mail only from the two owners, each under his own address, and only to the two. */
function createSmtpServer(
  inboxes: ReadonlyMap<string, MailboxServer>,
  delivered: (delivery: Delivery) => void,
): SMTPServer {
  const server = new SMTPServer({
    name: HOST_NAME,
    banner: 'Postern sandbox',
    size: MAX_MAIL_BYTES,
    authMethods: ['PLAIN', 'LOGIN'],
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true, // loopback alone, and a password that protects nothing
    disableReverseLookup: true,
    closeTimeout: 500,
    onAuth(auth, _session, done) {
      const owner = inboxes.get(auth.username ?? '')?.owner;
      if (owner && auth.password === owner.password) done(null, { user: owner.address });
      else done(refusal(535, 'The user name or the password is wrong'));
    },
    onMailFrom(address, session, done) {
      if (address.address.toLowerCase() === session.user) done();
      else done(refusal(553, `${address.address} is not the address of who signed in`));
    },
    onRcptTo(address, _session, done) {
      if (inboxes.has(address.address.toLowerCase())) done();
      else done(refusal(550, `There is no mailbox ${address.address}`));
    },
    onData(stream, session, done) {
      receive(stream).then(
        (content) => {
          if (stream.sizeExceeded) return done(refusal(552, 'The mail is larger than 25 MiB'));
          deliver(content, session, inboxes, delivered);
          done(null, 'Delivered');
        },
        (error: Error) => done(error),
      );
    },
  });
  // A client that goes away in the middle is no concern of the sandbox; without a listener it would end the process.
  server.on('error', () => undefined);
  return server;
}

async function receive(stream: SMTPServerDataStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Adds what a delivering server adds (RFC 5321 §4.4) and puts the mail into the inbox of every recipient. */
function deliver(
  content: Buffer,
  session: SMTPServerSession,
  inboxes: ReadonlyMap<string, MailboxServer>,
  delivered: (delivery: Delivery) => void,
): void {
  const from = session.envelope.mailFrom === false ? '' : session.envelope.mailFrom.address;
  for (const { address } of session.envelope.rcptTo) {
    const inbox = inboxes.get(address.toLowerCase());
    if (!inbox) continue;
    const trace =
      `Return-Path: <${from}>\r\n` +
      `Received: from [127.0.0.1] by ${HOST_NAME} with ESMTPA id ${session.id}\r\n` +
      `\tfor <${address}>; ${new Date().toUTCString().replace('GMT', '+0000')}\r\n`;
    const raw = Buffer.concat([Buffer.from(trace), content]);
    delivered({ from, to: inbox.owner.address, uid: inbox.store('INBOX', raw), raw });
  }
}

function refusal(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode });
}
