// An IMAP server that lies, hangs or listens: it says what a test tells it to, and keeps every byte that it was sent.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

export interface FakeImapOptions {
  /** The first line; nothing is said at all where it is null. */
  greeting?: string | null;
  capabilities?: string;
  /** What is answered to a command, in place of the usual: lines without line ends, `TAG` for its tag. Null: nothing. */
  answer?: (command: string, line: string, socket: Socket) => readonly string[] | null | undefined;
}

export interface FakeImap {
  readonly port: number;
  /** Everything that clients sent so far. */
  received(): string;
  connections(): number;
  /** Fulfils when a client sends this command (again). */
  nextCommand(command: string): Promise<void>;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const USUAL: Record<string, readonly string[]> = {
  LOGOUT: ['* BYE bye', 'TAG OK done'],
  LIST: ['* LIST () "/" INBOX', 'TAG OK done'],
  EXAMINE: [
    ...['* FLAGS (\\Seen)', '* 0 EXISTS', '* OK [UIDVALIDITY 1] ok', '* OK [UIDNEXT 1] ok'],
    'TAG OK [READ-ONLY] done',
  ],
};

export async function startFakeImap(options: FakeImapOptions = {}): Promise<FakeImap> {
  const capabilities = options.capabilities ?? 'IMAP4rev1';
  const sockets = new Set<Socket>();
  const waiting: { command: string; resolve: () => void }[] = [];
  let received = '';
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    socket.on('error', () => undefined); // clients of hanging servers hang up
    socket.on('close', () => sockets.delete(socket));
    let input = '';
    const say = (lines: readonly string[]) => socket.write(lines.map((line) => `${line}\r\n`).join(''));
    if (options.greeting !== null) say([options.greeting ?? `* OK [CAPABILITY ${capabilities}] ready`]);
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      input += chunk.toString('latin1');
      for (let end = input.indexOf('\r\n'); end >= 0; end = input.indexOf('\r\n')) {
        const line = input.slice(0, end);
        input = input.slice(end + 2);
        const [tag = '', ...words] = line.split(' ');
        const command = words
          .slice(0, words[0]?.toUpperCase() === 'UID' ? 2 : 1)
          .join(' ')
          .toUpperCase();
        for (const waiter of waiting.splice(0)) {
          if (waiter.command === command) waiter.resolve();
          else waiting.push(waiter);
        }
        const special = options.answer?.(command, line, socket);
        if (special === null) continue;
        const usual =
          command === 'CAPABILITY' ? [`* CAPABILITY ${capabilities}`, 'TAG OK done'] : USUAL[command];
        say((special ?? usual ?? ['TAG OK done']).map((text) => text.replace(/^TAG\b/, tag)));
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return {
    port: (server.address() as AddressInfo).port,
    received: () => received,
    connections: () => connections,
    nextCommand: (command) => new Promise((resolve) => waiting.push({ command, resolve })),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
