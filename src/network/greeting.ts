// The first words of an IMAP and an SMTP server, and the request to encrypt. No secret is ever said here.
import type { Socket } from 'node:net';
import { PosternError } from '../kernel/errors.ts';
import type { LineReader } from './line-reader.ts';

export type MailProtocol = 'IMAP' | 'SMTP';

const LONGEST_QUOTE = 300; // characters of a server's words

/** Printable, in one line. */
export const quote = (text: string): string =>
  text
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, LONGEST_QUOTE);

/**
 * Waits for the server's greeting.
 * @param beforeTls whether the connection is still to be encrypted
 * @returns its text
 * @throws PosternError `tls_refused` where it leaves no room for that, `protocol` where it is none, or one that sends us away
 */
export async function readGreeting(
  protocol: MailProtocol,
  lines: LineReader,
  server: string,
  beforeTls: boolean,
): Promise<string> {
  if (protocol === 'IMAP') {
    const line = await lines.next();
    const [, kind, text = ''] = /^\* (OK|PREAUTH|BYE)\b ?(.*)$/i.exec(line) ?? [];
    if (kind === undefined || kind.toUpperCase() === 'BYE') throw unwelcome(protocol, server, line);
    // RFC 9051 §6.2.1: after PREAUTH there is no STARTTLS; whoever claims it may want us to go on in the clear.
    if (beforeTls && kind.toUpperCase() === 'PREAUTH') {
      throw new PosternError(
        'tls_refused',
        `${server} claims that we are signed in already, before the connection is encrypted.`,
      );
    }
    return quote(text);
  }
  const { code, text } = await readReply(lines);
  if (code !== 220) throw unwelcome(protocol, server, `${code} ${text}`);
  return quote(text);
}

/**
 * Asks for STARTTLS. After it not one byte may have come that is not part of the handshake.
 * @throws PosternError `tls_refused`
 */
export async function askForTls(
  protocol: MailProtocol,
  socket: Socket,
  lines: LineReader,
  server: string,
): Promise<void> {
  const said = protocol === 'IMAP' ? await askImap(socket, lines) : await askSmtp(socket, lines);
  if (said !== null) {
    throw new PosternError('tls_refused', `${server} does not offer STARTTLS. It said: ${quote(said)}`, {
      hint: `Use a server that encrypts, or security: "tls" on its TLS port, usually ${protocol === 'IMAP' ? 993 : 465}.`,
    });
  }
  if (lines.release()) {
    throw new PosternError(
      'tls_refused',
      `${server} sent data before the encryption began: somebody may be in between.`,
    );
  }
}

/** Null when the server is ready for the handshake, else what it said. */
async function askImap(socket: Socket, lines: LineReader): Promise<string | null> {
  socket.write('p1 STARTTLS\r\n');
  for (;;) {
    const line = await lines.next();
    if (/^p1 OK\b/i.test(line)) return null;
    if (/^(p1 |\* BYE)/i.test(line)) return line;
  }
}

async function askSmtp(socket: Socket, lines: LineReader): Promise<string | null> {
  const own = socket.localAddress ?? '127.0.0.1';
  socket.write(`EHLO [${own.includes(':') ? `IPv6:${own}` : own}]\r\n`); // an address literal, RFC 5321 §4.1.3
  const hello = await readReply(lines);
  if (hello.code !== 250 || !hello.lines.some((line) => /^STARTTLS\b/i.test(line)))
    return hello.code === 250 ? 'no STARTTLS among its extensions' : `${hello.code} ${hello.text}`;
  socket.write('STARTTLS\r\n');
  const ready = await readReply(lines);
  return ready.code === 220 ? null : `${ready.code} ${ready.text}`;
}

/** RFC 5321 §4.2.1. */
async function readReply(lines: LineReader): Promise<{ code: number; text: string; lines: string[] }> {
  const texts: string[] = [];
  for (;;) {
    const line = await lines.next();
    const [, code, dash, text = ''] = /^(\d{3})([ -]?)(.*)$/.exec(line) ?? [];
    if (code === undefined) return { code: 0, text: line, lines: [] };
    texts.push(text);
    if (dash !== '-') return { code: Number(code), text: texts[0] ?? '', lines: texts };
  }
}

const unwelcome = (protocol: MailProtocol, server: string, said: string): PosternError =>
  new PosternError(
    'protocol',
    `${server} did not welcome us as an ${protocol} server does. It said: ${quote(said)}`,
    { hint: 'Check host and port; it may also refuse too many connections.', retry: 'later' },
  );
