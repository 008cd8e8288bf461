// A plain SMTP receiver that keeps every byte that a client sends, and says what the test tells it to.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

export interface WireOptions {
  /** What EHLO announces, besides the name. */
  extensions?: readonly string[];
  /** Answers by the start of the command, such as `{ STARTTLS: '502 5.5.1 no' }`; null: nothing is said any more. */
  answers?: Record<string, string | null>;
  greeting?: string | null;
  /** Awaited after the end of the content, before it is answered. */
  beforeAnswer?: () => Promise<void>;
}

export interface WireRecorder {
  host: '127.0.0.1';
  port: number;
  ca: '';
  /** Everything that came in, over all connections. */
  bytes(): string;
  /** The commands, without their line ends. */
  commands(): string[];
  [Symbol.asyncDispose](): Promise<void>;
}

export async function startWireRecorder(options: WireOptions = {}): Promise<WireRecorder> {
  const chunks: Buffer[] = [];
  const commands: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    const { greeting = '220 recorder ready' } = options;
    if (greeting !== null) socket.write(`${greeting}\r\n`);
    let pending = '';
    let inData = false;
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      pending += chunk.toString('latin1');
      for (let end = pending.indexOf('\r\n'); end >= 0; end = pending.indexOf('\r\n')) {
        const line = pending.slice(0, end);
        pending = pending.slice(end + 2);
        if (inData) {
          if (line === '.') {
            inData = false;
            const last = options.answers?.['.'];
            const answerContent = () => say(last === undefined ? '250 2.0.0 kept' : last);
            if (options.beforeAnswer) void options.beforeAnswer().then(answerContent);
            else answerContent();
          }
          continue;
        }
        commands.push(line);
        const reply = answer(line);
        say(reply);
        inData = reply?.startsWith('354') ?? false;
      }
    });
    const say = (reply: string | null) => reply !== null && socket.write(`${reply}\r\n`);
  });
  const answer = (line: string): string | null => {
    for (const [start, reply] of Object.entries(options.answers ?? {}))
      if (line.toUpperCase().startsWith(start)) return reply;
    if (/^EHLO/i.test(line)) {
      const lines = ['recorder', ...(options.extensions ?? [])];
      return lines.map((text, index) => `250${index === lines.length - 1 ? ' ' : '-'}${text}`).join('\r\n');
    }
    if (/^DATA/i.test(line)) return '354 go on';
    if (/^AUTH/i.test(line)) return '235 2.7.0 welcome';
    return '250 2.0.0 ok';
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    ca: '',
    bytes: () => Buffer.concat(chunks).toString('latin1'),
    commands: () => commands,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
