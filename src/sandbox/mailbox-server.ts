// The IMAP server of one mailbox owner, in this process and on loopback: what a provider is to a real mailbox.
// hoodiecrow-imap keeps one set of mailboxes for a whole server, so every owner has a server of his own.
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import type { HoodiecrowServer, StoredMailbox } from 'hoodiecrow-imap';
import hoodiecrow from 'hoodiecrow-imap';

export interface MailboxOwner {
  name: string;
  address: string;
  password: string;
}

export interface StoredMail {
  uid: number;
  flags: string[];
  raw: Buffer;
}

export interface MailboxServer {
  readonly owner: MailboxOwner;
  readonly host: string;
  readonly port: number;
  /** Puts a mail in a mailbox; clients in IDLE hear of it at once. Returns its UID. */
  store(mailbox: string, raw: Buffer, flags?: string[]): number;
  /** Every mail of a mailbox, oldest first. */
  list(mailbox: string): StoredMail[];
  stop(): Promise<void>;
}

const LOOPBACK = '127.0.0.1';
const EXTENSIONS = [
  'ID',
  'IDLE',
  'LITERALPLUS',
  'MOVE',
  'NAMESPACE',
  'SASL-IR',
  'SPECIAL-USE',
  'UIDPLUS',
  'UNSELECT',
];

/**
 * Starts on a port that the system chooses. The owner signs in with address and password.
 * @param more further mailboxes, such as `Archive`
 */
export async function startMailboxServer(
  owner: MailboxOwner,
  more: readonly string[] = [],
): Promise<MailboxServer> {
  // A UIDVALIDITY that a later sandbox does not have, as RFC 3501 §2.3.1.1 asks of mailboxes that are made anew.
  const uidvalidity = Math.floor(Date.now() / 1000);
  const server = hoodiecrow({
    plugins: EXTENSIONS,
    users: { [owner.address]: { password: owner.password } },
    credentials: {},
    storage: {
      INBOX: { uidvalidity },
      '': {
        folders: {
          Drafts: { 'special-use': '\\Drafts', uidvalidity },
          Sent: { 'special-use': '\\Sent', uidvalidity },
          Trash: { 'special-use': '\\Trash', uidvalidity },
          ...Object.fromEntries(more.map((name) => [name, { uidvalidity }])),
        },
      },
    },
  });
  const sockets = trackConnections(server);
  const listening = new Promise<void>((resolve, reject) => {
    server.server.once('error', reject);
    server.listen(0, LOOPBACK, resolve);
  });
  await listening;
  const { port } = server.server.address() as AddressInfo;
  const open = (path: string): StoredMailbox => {
    const mailbox = server.getMailbox(path);
    if (!mailbox) throw new Error(`${owner.address} has no mailbox ${path}`);
    return mailbox;
  };

  return {
    owner,
    host: LOOPBACK,
    port,
    store: (mailbox, raw, flags = []) =>
      server.appendMessage(open(mailbox), [...flags], new Date(), raw.toString('latin1')).message.uid,
    list: (mailbox) =>
      open(mailbox).messages.map(({ uid, flags, raw }) => ({
        uid,
        flags: [...flags],
        raw: Buffer.from(raw, 'latin1'),
      })),
    async stop() {
      if (!server.server.listening) return;
      const closed = once(server.server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function trackConnections(server: HoodiecrowServer): Set<Socket> {
  const sockets = new Set<Socket>();
  server.setMaxListeners(0); // every connection listens for new mail
  server.connectionHandlers.push((connection) => {
    const socket = connection.socket;
    if (!socket) return;
    sockets.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
      // An IDLE that was cut off leaves a timer of 30 minutes behind, and that keeps the process alive.
      if (connection.inputHandler) connection.inputHandler('DONE');
    });
  });
  return sockets;
}
