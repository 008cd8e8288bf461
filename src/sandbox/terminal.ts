// The sandbox's terminal: lines in, words out. At a keyboard there is a prompt and colour; through a pipe there is
// neither, and every line waits its turn.
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { styleText } from 'node:util';

export type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'cyan' | 'red';

const PROMPT = '> ';
const PART_WIDTH = 10; // the longest name of a part, with room

export class Terminal {
  readonly interactive: boolean;
  /** Aborted by Ctrl-C: whatever waits is to end. */
  readonly interrupted: AbortSignal;
  readonly #output: Writable & { isTTY?: boolean };
  readonly #reader: Interface;
  readonly #lines: string[] = [];
  #wanted: ((line: string | null) => void) | undefined;
  readonly #interrupt = new AbortController();
  #ended = false;

  constructor(input: Readable & { isTTY?: boolean }, output: Writable & { isTTY?: boolean }) {
    this.interactive = input.isTTY === true && output.isTTY === true;
    this.interrupted = this.#interrupt.signal;
    this.#output = output;
    this.#reader = createInterface({
      input,
      ...(this.interactive ? { output } : {}),
      terminal: this.interactive,
      prompt: PROMPT,
    });
    this.#reader.on('line', (line) => this.#take(line));
    this.#reader.on('close', () => this.end());
    this.#reader.on('SIGINT', () => this.interrupt());
  }

  /** The next line, or null when the input has ended. */
  nextLine(): Promise<string | null> {
    const line = this.#lines.shift();
    if (line !== undefined) return Promise.resolve(line);
    if (this.#ended) return Promise.resolve(null);
    if (this.interactive) this.#reader.prompt();
    return new Promise((resolve) => {
      this.#wanted = resolve;
    });
  }

  #take(line: string): void {
    const wanted = this.#wanted;
    this.#wanted = undefined;
    if (wanted) wanted(line);
    else this.#lines.push(line);
  }

  /** As if the input had ended here. What was read before is still handed out. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#wanted?.(null);
    this.#wanted = undefined;
    this.#reader.close();
  }

  interrupt(): void {
    this.#interrupt.abort();
    this.#lines.length = 0;
    this.end();
  }

  /** Prints a paragraph or a line. Nothing in it moves the cursor or changes the terminal, whoever wrote it. */
  print(text = '', style?: Style): void {
    const safe = printable(text);
    const styled = style ? styleText(style, safe, { stream: this.#output }) : safe;
    this.#write(styled);
  }

  /** Prints what one part of Postern did: its name, then the words. */
  step(part: string, text: string, style: Style = 'cyan'): void {
    const name = styleText(style, part.padEnd(PART_WIDTH), { stream: this.#output });
    const indent = ' '.repeat(PART_WIDTH + 2);
    this.#write(`  ${name}${printable(text).replaceAll('\n', `\n${indent}`)}`);
  }

  #write(text: string): void {
    const prompting = this.interactive && this.#wanted !== undefined;
    if (prompting) this.#output.write('\r\u001b[K'); // over the prompt; it comes again below
    this.#output.write(`${text}\n`);
    if (prompting) this.#reader.prompt(true);
  }
}

/**
 * Mail is data, and a terminal obeys some of it. Every control character but the line end goes, and so do the marks that
 * turn the direction of the text round.
 */
export function printable(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .replaceAll('\t', '    ')
    .replace(/(?!\n)[\p{Cc}\p{Cs}\u2028\u2029]|[\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
}
