// A name server for tests, over UDP and TCP on one port of 127.0.0.1: it answers from a table, and fails as it is told.
import { createSocket, type Socket } from 'node:dgram';
import { createServer, type Server, type Socket as TcpSocket } from 'node:net';

const TYPES = { A: 1, NS: 2, CNAME: 5, PTR: 12, MX: 15, TXT: 16, AAAA: 28 } as const;
const MAX_ALIASES = 8;
const MAX_UDP_BYTES = 512;
const TTL_SECONDS = 60;
const NXDOMAIN = 3;
const SERVFAIL = 2;
const START_ATTEMPTS = 10;

export type RecordType = keyof typeof TYPES;

/** What becomes of a question for a name: an error code, or no answer at all. */
export type DnsTrouble = 'servfail' | 'silent';

export class TestDns {
  /** Every question, as `TXT name`. */
  readonly asked: string[] = [];
  /** Values by `TXT name`. */
  readonly #records = new Map<string, string[]>();
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
    this.put(name, 'TXT', ...texts);
  }

  /** Publishes records of a type under a name, in place of those that were there. An MX is `10 host`. */
  put(name: string, type: RecordType, ...values: string[]): void {
    this.#records.set(`${type} ${name.toLowerCase()}`, values);
  }

  /** What is published under a name as TXT, the first of it. */
  textOf(name: string): string | undefined {
    return this.#records.get(`TXT ${name.toLowerCase()}`)?.[0];
  }

  /** All records of the name. */
  remove(name: string): void {
    for (const type of Object.keys(TYPES)) this.#records.delete(`${type} ${name.toLowerCase()}`);
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
    const typeName = typeOf(type) ?? String(type);
    this.asked.push(`${typeName} ${name}`);
    const trouble = this.#trouble.get(name);
    if (trouble === 'silent') return null;
    if (trouble === 'servfail') return message(query, end, SERVFAIL, []);
    const answers: Buffer[] = [];
    let at = name;
    for (let aliases = 0; aliases <= MAX_ALIASES; aliases++) {
      const found = this.#records.get(`${typeName} ${at}`);
      if (found) {
        answers.push(...found.map((value) => record(at, typeName as RecordType, value)));
        break;
      }
      const [target] = this.#records.get(`CNAME ${at}`) ?? [];
      if (target === undefined) break;
      answers.push(record(at, 'CNAME', target));
      at = target.toLowerCase();
    }
    if (answers.length > 0) return message(query, end, 0, answers);
    // A name above one that exists does exist itself (RFC 8020).
    const exists = [...this.#records.keys()].some(
      (key) => key.endsWith(` ${name}`) || key.endsWith(`.${name}`),
    );
    return message(query, end, exists ? 0 : NXDOMAIN, []);
  }
}

const typeOf = (number: number): RecordType | undefined =>
  (Object.keys(TYPES) as RecordType[]).find((key) => TYPES[key] === number);

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

function record(owner: string, type: RecordType, value: string): Buffer {
  const data = dataOf(type, value);
  const head = Buffer.alloc(10);
  head.writeUInt16BE(TYPES[type], 0);
  head.writeUInt16BE(1, 2);
  head.writeUInt32BE(TTL_SECONDS, 4);
  head.writeUInt16BE(data.length, 8);
  return Buffer.concat([nameBytes(owner), head, data]);
}

function dataOf(type: RecordType, value: string): Buffer {
  switch (type) {
    case 'TXT':
      return textBytes(value);
    case 'A':
      return Buffer.from(value.split('.').map(Number));
    case 'AAAA':
      return addressBytes(value);
    case 'MX': {
      const [priority = '0', host = '.'] = value.split(' ');
      return Buffer.concat([Buffer.from([0, Number(priority)]), nameBytes(host)]);
    }
    default:
      return nameBytes(value);
  }
}

function nameBytes(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  return Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')])),
    Buffer.from([0]),
  ]);
}

/** An IPv6 address, with `::` or without. */
function addressBytes(address: string): Buffer {
  const [front = '', back = ''] = address.split('::');
  const words = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const gap = 8 - words(front).length - words(back).length;
  const all = [...words(front), ...Array.from({ length: gap }, () => '0'), ...words(back)];
  return Buffer.from(all.map((word) => word.padStart(4, '0')).join(''), 'hex');
}

function textBytes(text: string): Buffer {
  const bytes = Buffer.from(text);
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length || pieces.length === 0; at += 255) {
    const piece = bytes.subarray(at, at + 255);
    pieces.push(Buffer.from([piece.length]), piece);
  }
  return Buffer.concat(pieces);
}
