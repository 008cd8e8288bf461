// A very small IMAP client for tests: it gives and takes exact bytes, and shares no code with the one under test.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const COMMAND_LIMIT_MS = 30_000;

/** One untagged response: its text with each literal replaced by `{}`, and the literals in order. */
export interface ImapResponse {
  text: string;
  literals: Buffer[];
}

export class ImapClient {
  readonly #socket: Socket;
  #input: Buffer = Buffer.alloc(0);
  #tag = 0;
  #queue: Promise<unknown> = Promise.resolve();
  #wake: (() => void) | undefined;
  #closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#input = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk]);
      this.#wake?.();
    });
    socket.on('error', () => undefined); // `close` follows
    socket.on('close', () => {
      this.#closed = true;
      this.#wake?.();
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Connects without TLS and signs in. */
  static async open(port: number, user: string, password: string): Promise<ImapClient> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const client = new ImapClient(socket);
    const timer = setTimeout(() => socket.destroy(), COMMAND_LIMIT_MS);
    await client.#response().finally(() => clearTimeout(timer)); // the greeting
    await client.command(`LOGIN ${quoted(user)} ${quoted(password)}`);
    return client;
  }

  close(): void {
    this.#socket.destroy();
  }

  /**
   * Sends one command: strings go as they are, Buffers as literals (LITERAL+). Commands queue up behind each other.
   * Returns the untagged responses and the tagged line; throws when the server answers NO or BAD.
   */
  command(...parts: (string | Buffer)[]): Promise<{ responses: ImapResponse[]; tagged: string }> {
    const run = this.#queue.then(() => this.#command(parts));
    this.#queue = run.catch(() => undefined);
    return run;
  }

  async #command(parts: (string | Buffer)[]): Promise<{ responses: ImapResponse[]; tagged: string }> {
    const tag = `t${++this.#tag}`;
    const bytes: Buffer[] = [Buffer.from(`${tag} `)];
    for (const part of parts) {
      if (typeof part === 'string') bytes.push(Buffer.from(part));
      else bytes.push(Buffer.from(`{${part.length}+}\r\n`), part);
    }
    bytes.push(Buffer.from('\r\n'));
    this.#socket.write(Buffer.concat(bytes));
    const timer = setTimeout(() => this.#socket.destroy(), COMMAND_LIMIT_MS);
    try {
      const responses: ImapResponse[] = [];
      for (;;) {
        const response = await this.#response();
        if (response.text.startsWith(`${tag} OK`)) return { responses, tagged: response.text };
        if (response.text.startsWith(`${tag} `)) {
          throw new Error(`${String(parts[0]).split(' ', 1)[0]} was answered: ${response.text}`);
        }
        responses.push(response);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async #response(): Promise<ImapResponse> {
    let text = '';
    const literals: Buffer[] = [];
    for (;;) {
      const line = await this.#line();
      const literal = /\{(\d+)\}$/.exec(line);
      if (!literal) return { text: text + line, literals };
      text += `${line.slice(0, literal.index)}{}`;
      literals.push(await this.#bytes(Number(literal[1])));
    }
  }

  async #line(): Promise<string> {
    let end = this.#input.indexOf('\r\n');
    while (end < 0) {
      await this.#more();
      end = this.#input.indexOf('\r\n');
    }
    const line = this.#input.toString('utf8', 0, end);
    this.#input = this.#input.subarray(end + 2);
    return line;
  }

  async #bytes(count: number): Promise<Buffer> {
    while (this.#input.length < count) await this.#more();
    const bytes = Buffer.from(this.#input.subarray(0, count));
    this.#input = this.#input.subarray(count);
    return bytes;
  }

  #more(): Promise<void> {
    if (this.#closed) throw new Error('the IMAP connection is closed');
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** A quoted string (RFC 3501 §9); names in tests hold no line ends. */
export function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}
