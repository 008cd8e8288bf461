// A name server for tests, over UDP and TCP on one port of 127.0.0.1: it answers from a table, and fails as it is told.
import { createSocket, type Socket } from 'node:dgram';
import { createServer, type Server, type Socket as TcpSocket } from 'node:net';

const TYPES: Record<string, number> = { A: 1, CNAME: 5, TXT: 16 };
const MAX_UDP_BYTES = 512;
const TTL_SECONDS = 60;
const NXDOMAIN = 3;
const SERVFAIL = 2;
const START_ATTEMPTS = 10;

/** What becomes of a question for a name: an error code, or no answer at all. */
export type DnsTrouble = 'servfail' | 'silent';

export class TestDns {
  /** Every question, as `TXT name`. */
  readonly asked: string[] = [];
  readonly #txt = new Map<string, string[]>();
  readonly #trouble = new Map<string, DnsTrouble>();
  readonly #udp: Socket;
  readonly #tcp: Server;
  readonly #connections = new Set<TcpSocket>();
  readonly port: number;

  constructor(udp: Socket, tcp: Server, port: number) {
    this.#udp = udp;
    this.#tcp = tcp;
    this.port = port;
    udp.on('message', (question, from) => {
      const answer = this.#answer(question);
      if (!answer) return;
      const sent = answer.length > MAX_UDP_BYTES ? truncated(answer, question) : answer;
      udp.send(sent, from.port, from.address);
    });
    tcp.on('connection', (socket) => this.#serve(socket));
  }

  /** For POSTERN_DNS_SERVERS. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Publishes TXT records under a name, in place of those that were there. */
  txt(name: string, ...texts: string[]): void {
    this.#txt.set(name.toLowerCase(), texts);
  }

  remove(name: string): void {
    this.#txt.delete(name.toLowerCase());
  }

  trouble(name: string, kind: DnsTrouble | null): void {
    if (kind) this.#trouble.set(name.toLowerCase(), kind);
    else this.#trouble.delete(name.toLowerCase());
  }

  async stop(): Promise<void> {
    for (const socket of this.#connections) socket.destroy();
    await Promise.all([
      new Promise<void>((resolve) => this.#udp.close(() => resolve())),
      new Promise<void>((resolve) => this.#tcp.close(() => resolve())),
    ]);
  }

  #serve(socket: TcpSocket): void {
    this.#connections.add(socket);
    socket.on('close', () => this.#connections.delete(socket)).on('error', () => undefined);
    let held = Buffer.alloc(0);
    socket.on('data', (bytes) => {
      held = Buffer.concat([held, bytes]);
      while (held.length >= 2 && held.length >= 2 + held.readUInt16BE(0)) {
        const length = held.readUInt16BE(0);
        const answer = this.#answer(held.subarray(2, 2 + length));
        held = held.subarray(2 + length);
        if (!answer) continue;
        const size = Buffer.alloc(2);
        size.writeUInt16BE(answer.length);
        socket.write(Buffer.concat([size, answer]));
      }
    });
  }

  #answer(query: Buffer): Buffer | null {
    const { name, type, end } = readQuestion(query);
    const typeName = Object.keys(TYPES).find((key) => TYPES[key] === type) ?? String(type);
    this.asked.push(`${typeName} ${name}`);
    const trouble = this.#trouble.get(name);
    if (trouble === 'silent') return null;
    if (trouble === 'servfail') return message(query, end, SERVFAIL, []);
    const texts = this.#txt.get(name);
    if (!texts) {
      // A name above one that exists does exist itself (RFC 8020).
      const exists = [...this.#txt.keys()].some((key) => key.endsWith(`.${name}`));
      return message(query, end, exists ? 0 : NXDOMAIN, []);
    }
    return message(query, end, 0, type === TYPES.TXT ? texts.map(txtRecord) : []);
  }
}

export async function startDns(): Promise<TestDns> {
  for (let attempt = 1; ; attempt++) {
    const udp = createSocket('udp4');
    await new Promise<void>((resolve) => udp.bind(0, '127.0.0.1', () => resolve()));
    const { port } = udp.address();
    const tcp = createServer();
    try {
      await new Promise<void>((resolve, reject) => {
        tcp.once('error', reject);
        tcp.listen(port, '127.0.0.1', () => resolve());
      });
      return new TestDns(udp, tcp, port);
    } catch (error) {
      udp.close(); // somebody has the port for TCP
      if (attempt >= START_ATTEMPTS) throw error;
    }
  }
}

function readQuestion(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function message(query: Buffer, questionEnd: number, code: number, records: Buffer[]): Buffer {
  const head = Buffer.from(query.subarray(0, 12));
  head.writeUInt16BE(0x8180 | code, 2); // an answer, recursion wanted and to be had
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(records.length, 6);
  head.writeUInt32BE(0, 8);
  return Buffer.concat([head, query.subarray(12, questionEnd), ...records]);
}

function truncated(answer: Buffer, query: Buffer): Buffer {
  const short = message(query, readQuestion(query).end, 0, []);
  short.writeUInt16BE(answer.readUInt16BE(2) | 0x0200, 2); // TC: ask again over TCP
  return short;
}

function txtRecord(text: string): Buffer {
  const bytes = Buffer.from(text);
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length || pieces.length === 0; at += 255) {
    const piece = bytes.subarray(at, at + 255);
    pieces.push(Buffer.from([piece.length]), piece);
  }
  const data = Buffer.concat(pieces);
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0); // the name of the question
  head.writeUInt16BE(TYPES.TXT as number, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(TTL_SECONDS, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}
