// Lines from a socket, one at a time and bounded: as much of a mail protocol as its greeting takes.
import type { Socket } from 'node:net';

const LONGEST_LINE_BYTES = 8_192; // RFC 5321 and RFC 9051 allow less
const MOST_BYTES = 65_536; // a greeting and an answer to EHLO or CAPABILITY are shorter than 4 kB

export class LineReader {
  readonly #socket: Socket;
  readonly #lines: string[] = [];
  #rest = '';
  #bytes = 0;
  #ended: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', this.#take).on('end', this.#end).on('close', this.#end).on('error', this.#fail);
  }

  /** The next line, without its end. @throws Error when the connection ends first */
  async next(): Promise<string> {
    for (;;) {
      const line = this.#lines.shift();
      if (line !== undefined) return line;
      if (this.#ended) throw this.#ended;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Gives the socket to somebody else. Returns whether the other side had already said more. */
  release(): boolean {
    this.#socket.off('data', this.#take).off('end', this.#end).off('close', this.#end);
    return this.#lines.length > 0 || this.#rest !== '';
  }

  readonly #take = (chunk: Buffer): void => {
    this.#bytes += chunk.length;
    const parts = (this.#rest + chunk.toString('latin1')).split('\n');
    this.#rest = parts.pop() ?? '';
    this.#lines.push(...parts.map((line) => line.replace(/\r$/, '')));
    if (this.#bytes > MOST_BYTES || this.#rest.length > LONGEST_LINE_BYTES)
      this.#fail(new Error('the server says more than a mail server does'));
    this.#wake?.();
  };

  readonly #end = (): void => this.#fail(new Error('the server closed the connection'));

  readonly #fail = (error: Error): void => {
    this.#ended ??= error;
    this.#wake?.();
  };
}
