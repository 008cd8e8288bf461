// Mails with very large attachments, given to an IMAP server as a stream: neither the proof nor the server's client ever
// holds one whole.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { DEFAULT_PASSWORD } from '../../support/dovecot.ts';

export const MB = 1024 * 1024;
const BLOCK_LINES = 4_096; // some 300 kB at once
const LINE_BYTES = 57; // of the file; base64 makes 76 characters of them (RFC 2045 §6.8)
const APPEND_LIMIT_MS = 5 * 60_000;

export interface LargeFile {
  filename: string;
  bytes: number;
  /** Stands in the first line; all other lines are alike. */
  word: string;
  /** A further, short attachment of the same mail. */
  beside?: { filename: string; text: string };
}

/** Appends a mail with a text file of so many octets to the INBOX of a user. */
export async function appendLarge(
  port: number,
  user: string,
  subject: string,
  file: LargeFile,
): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  const limit = AbortSignal.timeout(APPEND_LIMIT_MS);
  const [head, tail] = around(subject, file);
  const size = head.length + encodedSize(file.bytes) + tail.length;
  try {
    const say = answers(socket, limit);
    await once(socket, 'connect', { signal: limit });
    await say('t1', `t1 LOGIN "${user}" "${DEFAULT_PASSWORD}"\r\n`);
    await write(socket, `t2 APPEND INBOX {${size}+}\r\n`, limit);
    await write(socket, head, limit);
    for (const block of encoded(file)) await write(socket, block, limit);
    await write(socket, tail, limit);
    await say('t2', '\r\n');
  } finally {
    socket.destroy();
  }
}

function around(subject: string, { filename, beside }: LargeFile): [string, string] {
  const part = (name: string): string[] => [
    '--o',
    'Content-Type: text/plain; charset=utf-8',
    `Content-Disposition: attachment; filename="${name}"`,
    'Content-Transfer-Encoding: base64',
    '',
  ];
  const head = [
    'From: Ann Buyer <ann@prospect.example>',
    'To: sales@company.example',
    `Subject: ${subject}`,
    `Message-ID: <${filename}@prospect.example>`,
    'Date: Fri, 20 Nov 2026 10:00:00 +0000',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary=o',
    '',
    '--o',
    '',
    'The file is large.',
    ...part(filename),
    '',
  ];
  const second = beside ? [...part(beside.filename), Buffer.from(beside.text).toString('base64')] : [];
  return [head.join('\r\n'), [...second, '--o--', ''].join('\r\n')];
}

const encodedSize = (bytes: number): number => {
  const full = Math.floor(bytes / LINE_BYTES);
  const rest = bytes % LINE_BYTES;
  return full * 78 + (rest === 0 ? 0 : Math.ceil(rest / 3) * 4 + 2);
};

/** The file in base64, line by line as mail has it. */
function* encoded({ bytes, word }: LargeFile): Generator<string> {
  const lineOf = (text: string): string => `${text.padEnd(LINE_BYTES - 1, ' and words')}\n`;
  const first = wire(lineOf(`The first line has ${word}.`));
  const other = wire(lineOf('Another line of it'));
  const lines = Math.floor(bytes / LINE_BYTES);
  const block = other.repeat(BLOCK_LINES);
  yield first;
  for (let left = lines - 1; left > 0; left -= BLOCK_LINES)
    yield left >= BLOCK_LINES ? block : other.repeat(left);
  const rest = bytes % LINE_BYTES;
  if (rest > 0) yield wire('.'.repeat(rest));
}

const wire = (text: string): string => `${Buffer.from(text).toString('base64')}\r\n`;

async function write(socket: Socket, text: string, signal: AbortSignal): Promise<void> {
  if (!socket.write(text)) await once(socket, 'drain', { signal });
}

/** Says something and waits for the answer with this tag. */
function answers(socket: Socket, signal: AbortSignal): (tag: string, text: string) => Promise<void> {
  let heard = '';
  socket.on('data', (piece: Buffer) => {
    heard += piece.toString('latin1');
  });
  socket.on('error', () => undefined); // whoever waits is told by `once`
  return async (tag, text) => {
    await write(socket, text, signal);
    for (;;) {
      const answer = new RegExp(`^${tag} (.*)$`, 'm').exec(heard)?.[1];
      if (answer?.startsWith('OK')) return;
      if (answer !== undefined) throw new Error(`the IMAP server answered ${answer}`);
      await pause(20, undefined, { signal });
    }
  };
}
