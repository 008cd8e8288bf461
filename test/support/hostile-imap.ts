// An IMAP server with a mailbox that is honest until a test says otherwise: it plays what a real server would not.
import type { Socket } from 'node:net';
import { type FakeImap, type FakeImapOptions, startFakeImap } from './fake-imap.ts';

export interface HostileMail {
  uid: number;
  subject: string;
}

export interface HostileImap extends FakeImap {
  readonly mails: HostileMail[];
  uidValidity: number | null;
  /** Null: one above the last UID. */
  uidNext: number | null;
  /** One more mail, of which clients in IDLE are told. */
  deliver(subject: string, uid?: number): void;
  /** Says this to every client in IDLE. */
  tell(text: string | Buffer): void;
  /** Fulfils when a client is in IDLE (again). */
  idle(): Promise<void>;
  /** The endpoint of an account. */
  readonly imap: { host: string; port: number; security: 'none' };
}

export type Play = (
  server: HostileImap,
  command: string,
  line: string,
  socket: Socket,
) => readonly string[] | null | undefined;

export interface HostileOptions extends Pick<FakeImapOptions, 'greeting' | 'capabilities'> {
  mails?: readonly HostileMail[];
  /** What is said in place of the honest answer: lines, `TAG` for the tag. Null: nothing. */
  play?: Play;
}

/** The honest answer about one mail, to the metadata that Postern asks for. */
export function rowOf({ uid, subject }: HostileMail, number: number): string {
  const header = `From: Ann <ann@prospect.example>\r\nSubject: ${subject}\r\nMessage-ID: <${subject.replaceAll(' ', '-')}@prospect.example>\r\nDate: Fri, 20 Nov 2026 08:00:00 +0000\r\n\r\n`;
  const structure = '("TEXT" "PLAIN" NIL NIL NIL "7BIT" 8 1 NIL NIL NIL NIL)';
  return (
    `* ${number} FETCH (UID ${uid} FLAGS () INTERNALDATE "20-Nov-2030 08:00:00 +0000" RFC822.SIZE ${header.length + 8} ` +
    `BODYSTRUCTURE ${structure} BODY[HEADER] {${header.length}}\r\n${header})`
  );
}

export async function startHostileImap(options: HostileOptions = {}): Promise<HostileImap> {
  const idlers = new Map<Socket, string>();
  const known = new WeakSet<Socket>();
  let entered = Promise.withResolvers<void>();
  const mails = (options.mails ?? []).map((mail) => ({ ...mail }));
  const fake = await startFakeImap({
    ...options,
    capabilities: options.capabilities ?? 'IMAP4rev1 IDLE',
    answer(command, line, socket) {
      const tag = line.split(' ')[0] as string;
      if (line === 'DONE') {
        const idleTag = idlers.get(socket);
        idlers.delete(socket);
        return options.play?.(server, 'DONE', line, socket) ?? (idleTag ? [`${idleTag} OK done`] : null);
      }
      const played = options.play?.(server, command, line, socket);
      if (command === 'IDLE' && played === undefined) {
        idlers.set(socket, tag);
        if (!known.has(socket)) socket.once('close', () => idlers.delete(socket));
        known.add(socket);
        setImmediate(() => entered.resolve()); // the client hears that it may
        return ['+ idling', `* ${mails.length} EXISTS`];
      }
      return played === undefined ? honest(command, line) : played;
    },
  });
  const next = (): number => server.uidNext ?? Math.max(0, ...mails.map(({ uid }) => uid)) + 1;
  function honest(command: string, line: string): readonly string[] | undefined {
    if (command === 'EXAMINE' || command === 'SELECT') {
      const validity = server.uidValidity === null ? [] : [`* OK [UIDVALIDITY ${server.uidValidity}] ok`];
      const head = ['* FLAGS (\\Seen)', `* ${mails.length} EXISTS`, ...validity];
      return [...head, `* OK [UIDNEXT ${next()}] ok`, 'TAG OK [READ-ONLY] done'];
    }
    if (command === 'STATUS') {
      const counts = `MESSAGES ${mails.length} UIDNEXT ${next()} UIDVALIDITY ${server.uidValidity}`;
      return [`* STATUS INBOX (${counts})`, 'TAG OK done'];
    }
    if (command === 'UID SEARCH')
      return [`* SEARCH ${mails.map(({ uid }) => uid).join(' ')}`.trim(), 'TAG OK done'];
    if (command !== 'UID FETCH') return undefined;
    const [, from = '1', to = from] = /UID FETCH (\d+)(?::(\d+|\*))?/i.exec(line) ?? [];
    const isThere = ({ uid }: HostileMail): boolean =>
      uid >= Number(from) && (to === '*' || uid <= Number(to));
    const rows = mails.flatMap((mail, at) => {
      if (!isThere(mail)) return [];
      if (/BODY\.PEEK\[1\]/.test(line))
        return [`* ${at + 1} FETCH (UID ${mail.uid} BODY[1]<0> {8}\r\nHello.\r\n)`];
      if (/BODY/.test(line)) return [rowOf(mail, at + 1)];
      return [`* ${at + 1} FETCH (UID ${mail.uid} FLAGS ())`];
    });
    return [...rows, 'TAG OK done'];
  }
  const server: HostileImap = Object.assign(Object.create(fake) as FakeImap, {
    ...fake,
    mails,
    uidValidity: 1 as number | null,
    uidNext: null as number | null,
    imap: { host: '127.0.0.1', port: fake.port, security: 'none' as const },
    deliver(subject: string, uid = next()) {
      mails.push({ uid, subject });
      server.tell(`* ${mails.length} EXISTS\r\n`);
    },
    tell(text: string | Buffer) {
      for (const socket of idlers.keys()) socket.write(text);
    },
    idle() {
      if (idlers.size > 0) return Promise.resolve();
      entered = Promise.withResolvers<void>();
      return entered.promise;
    },
  });
  return server;
}
