// Postfix's smtp-sink as a real SMTP receiver that somebody else wrote. It speaks no TLS; for that, for sign-in and for
// scripted faults see smtp-server.ts.
import { chmod, mkdtemp, readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from './ports.ts';
import { startProcess } from './process.ts';
import { findProgram } from './services.ts';

const START_ATTEMPTS = 5;
const WAIT_LIMIT_MS = 30_000;

export interface SinkMessage {
  /** The reverse path without brackets; empty for a bounce. */
  envelopeFrom: string;
  /** In the order of their RCPT commands. */
  recipients: string[];
  /** The arguments of MAIL and RCPT as they came, parameters included. */
  mailArguments: string;
  recipientArguments: string[];
  /** The content with CRLF line ends. smtp-sink drops every CR, so a bare one cannot be seen here. */
  raw: Buffer;
}

export interface SmtpSinkOptions {
  /** Further arguments, such as `['-f', 'RCPT']` (5xx), `['-r', '.']` (4xx), `['-q', 'DATA']` (drop), `['-w', '2']`. */
  args?: readonly string[];
}

export interface SmtpSink {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** Every message that came in whole, oldest first. */
  messages(): Promise<SinkMessage[]>;
  /** Waits until `count` messages are in. Throws after 30 s, or what `limitMs` says. */
  waitFor(count: number, limitMs?: number): Promise<SinkMessage[]>;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a sink on a free port. It announces AUTH and takes any name and password. */
export async function startSmtpSink(options: SmtpSinkOptions = {}): Promise<SmtpSink> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-sink-'));
  await chmod(folder, 0o777); // as root, the sink gives up its rights first
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  const program = findProgram('smtp-sink') ?? 'smtp-sink';
  for (let attempt = 1; ; attempt++) {
    const [port = 0] = await freePorts(1);
    const args = [
      '-c',
      ...user,
      '-d',
      join(folder, 'm.'),
      ...(options.args ?? []),
      `127.0.0.1:${port}`,
      '1000',
    ];
    try {
      // With -c it prints its counters after each message: that is what is waited for.
      const server = await startProcess(program, args, { readyPort: port });
      return sinkOver(folder, port, server);
    } catch (error) {
      if (attempt < START_ATTEMPTS && String(error).includes('already in use')) continue;
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }
}

function sinkOver(folder: string, port: number, server: Awaited<ReturnType<typeof startProcess>>): SmtpSink {
  const wakes = new Set<() => void>();
  server.onOutput(() => {
    for (const wake of wakes) wake();
  });
  const messages = async (): Promise<SinkMessage[]> => {
    // In this order: a mail that begins in between would be taken for one that is whole.
    const names = await readdir(folder);
    const open = await openFiles(server.pid);
    const found: { at: bigint; message: SinkMessage }[] = [];
    for (const name of names) {
      const path = join(folder, name);
      if (open.has(path)) continue;
      // Gone: its connection ended before the mail did, so it was not taken.
      const dump = await readFile(path).catch(unlessGone);
      const about = dump && (await stat(path, { bigint: true }).catch(unlessGone));
      if (dump && about) found.push({ at: about.mtimeNs, message: parseDump(dump) });
    }
    return found.sort((a, b) => (a.at < b.at ? -1 : 1)).map(({ message }) => message);
  };
  const stop = async (): Promise<void> => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  return {
    host: '127.0.0.1',
    port,
    messages,
    waitFor: async (count, limitMs = WAIT_LIMIT_MS) => {
      const endsAt = Date.now() + limitMs;
      for (;;) {
        const woken = wakeOrEnd(wakes, endsAt);
        const all = await messages();
        if (all.length >= count) return all;
        if (Date.now() >= endsAt) throw new Error(`the sink has ${all.length} messages, not ${count}`);
        await woken;
      }
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function wakeOrEnd(wakes: Set<() => void>, endsAt: number): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      clearTimeout(timer);
      wakes.delete(wake);
      resolve();
    };
    const timer = setTimeout(wake, Math.max(endsAt - Date.now(), 1));
    timer.unref();
    wakes.add(wake);
  });
}

/** A message that is still coming in is a file that the sink holds open; one that was broken off is removed by it. */
async function openFiles(pid: number): Promise<Set<string>> {
  const folder = `/proc/${pid}/fd`;
  const names = await readdir(folder).catch(() => []); // not on macOS
  return new Set(await Promise.all(names.map((name) => readlink(join(folder, name)).catch(() => ''))));
}

/**
 * A dump is: X-Client-Addr, X-Client-Proto, X-Helo-Args, X-Mail-Args, one X-Rcpt-Args for each recipient, a Received
 * header of three lines, then the content, then one empty line; all with LF.
 */
export function parseDump(dump: Buffer): SinkMessage {
  const text = dump.toString('latin1');
  const added = /^(?:X-[^\n]*\n)*Received: from [^\n]*\n\t[^\n]*\n\t[^\n]*\n/.exec(text)?.[0] ?? '';
  const lines = added.split('\n');
  const argumentsOf = (name: string): string[] =>
    lines.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));
  const content = text.slice(added.length, text.endsWith('\n') ? -1 : undefined);
  const [mailArguments = ''] = argumentsOf('X-Mail-Args');
  const recipientArguments = argumentsOf('X-Rcpt-Args');
  return {
    envelopeFrom: address(mailArguments),
    recipients: recipientArguments.map(address),
    mailArguments,
    recipientArguments,
    raw: Buffer.from(content.replace(/\n/g, '\r\n'), 'latin1'),
  };
}

/** The address within `<…>`: a quoted local part may hold brackets itself. */
function address(argument: string): string {
  return /^<((?:"(?:[^"\\]|\\.)*"|[^">])*)>/.exec(argument)?.[1] ?? argument;
}

function unlessGone(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}
