// An SMTP server that says what a test tells it to, at every stage of every connection, and knows what it took: for the
// faults that no server of good will has. The wire is that of a real one: sockets, TLS, byte by byte where asked for.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { createSecureContext, TLSSocket } from 'node:tls';
import { type CertificateName, testCertificates } from './certificates.ts';

/** Where a script can act. `content`: its first bytes came. `end`: all of it came, the final dot included. */
export type SmtpStage =
  | 'greeting'
  | 'EHLO'
  | 'HELO'
  | 'STARTTLS'
  | 'AUTH'
  | 'MAIL'
  | 'RCPT'
  | 'DATA'
  | 'content'
  | 'end'
  | 'RSET'
  | 'NOOP'
  | 'QUIT';

/**
 * What a stage is answered with.
 * A text: one reply, its lines parted by `\n`, sent with CRLF. `raw`: these bytes and no others. `slow`: byte by byte.
 * `after`: first something else has to happen. `drop`: the connection ends, in both directions; `reset`: by RST; `fin`:
 * only the server's side. `hang`: nothing more is said, ever. `take`: the mail counts as taken although nobody is told so.
 * `garbage`: bytes below the TLS layer that are none of its records. A list: one after the other.
 */
export type SmtpAct =
  | string
  | { raw: string }
  | { slow: string; everyMs: number }
  | { flood: string; bytes: number }
  | { after: () => Promise<unknown> }
  | Word
  | readonly SmtpAct[];
type Word = { does: 'drop' | 'reset' | 'fin' | 'hang' | 'take' | 'garbage' };

const word = (does: Word['does']): Word => ({ does });
export const DROP = word('drop');
export const RESET = word('reset');
export const FIN = word('fin');
export const HANG = word('hang');
export const TAKE = word('take');
export const GARBAGE = word('garbage');

/** The moment at which a stage acts. */
export interface SmtpMoment {
  /** Counts from 1. */
  connection: number;
  /** The whole command line; empty where the stage has none. */
  line: string;
  /** At RCPT: who it is for. */
  recipient: string;
  /** Those of the transaction who were accepted so far. */
  accepted: readonly string[];
  /** At `end`: the content with its dots unstuffed. */
  raw: Buffer;
}

/** By stage; what is absent is answered as a good server does. */
export type SmtpScript = Partial<
  Record<SmtpStage, SmtpAct | ((moment: SmtpMoment) => SmtpAct | undefined | Promise<SmtpAct | undefined>)>
>;

export interface TakenMail {
  connection: number;
  from: string;
  recipients: string[];
  raw: Buffer;
  /** With angle brackets; empty where it has none. */
  messageId: string;
  secure: boolean;
}

export interface FakeSmtpOptions {
  security?: 'none' | 'starttls' | 'tls';
  certificate?: CertificateName;
  /** Lines of the answer to EHLO besides the name, such as `PIPELINING`. */
  extensions?: readonly string[];
  /** One script for every connection, or one by its number, from 1. */
  script?: SmtpScript | ((connection: number) => SmtpScript);
}

export interface FakeSmtp {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** The authority to trust, PEM; empty without TLS. */
  readonly ca: string;
  /** What it said it would deliver, or took without saying so, in order. */
  readonly taken: readonly TakenMail[];
  /** The command lines of all connections in order, `AUTH` without what follows. */
  readonly commands: readonly string[];
  /** How many contents came with their final dot. */
  contents(): number;
  connections(): number;
  /** How many are open. */
  open(): number;
  setScript(script: SmtpScript | ((connection: number) => SmtpScript)): void;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const FLOOD_CHUNK_BYTES = 64 * 1024;

export async function startFakeSmtp(options: FakeSmtpOptions = {}): Promise<FakeSmtp> {
  const security = options.security ?? 'none';
  const certificates = security === 'none' ? undefined : await testCertificates();
  const certificate = certificates?.of[options.certificate ?? 'good'];
  const context = certificate
    ? createSecureContext({ cert: certificate.cert, key: certificate.key })
    : undefined;
  const taken: TakenMail[] = [];
  const commands: string[] = [];
  const sockets = new Set<Socket>();
  let script = options.script ?? {};
  let connections = 0;
  let contents = 0;

  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const number = ++connections;
    sockets.add(socket);
    socket.on('error', () => undefined); // clients of such servers hang up
    socket.on('close', () => sockets.delete(socket));
    const conversation = new Conversation(socket, {
      security,
      context,
      number,
      extensions: options.extensions ?? [],
      script: typeof script === 'function' ? script(number) : script,
      heard: (line) => void commands.push(/^AUTH/i.test(line) ? 'AUTH' : line),
      whole: () => void contents++,
      take: (mail) => void taken.push(mail),
    });
    void conversation.run().catch((error: unknown) => {
      if (!(error instanceof Over)) throw error;
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  let stopping: Promise<unknown> | undefined;
  const stop = async (): Promise<void> => {
    if (!stopping) {
      stopping = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
    }
    await stopping;
  };
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    ca: certificates?.ca ?? '',
    taken,
    commands,
    contents: () => contents,
    connections: () => connections,
    open: () => sockets.size,
    setScript: (next) => {
      script = next;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

interface Setting {
  security: 'none' | 'starttls' | 'tls';
  context: ReturnType<typeof createSecureContext> | undefined;
  number: number;
  extensions: readonly string[];
  script: SmtpScript;
  heard: (line: string) => void;
  whole: () => void;
  take: (mail: TakenMail) => void;
}

/** The conversation has ended, as its script said or because the client went. */
class Over extends Error {}

/** One connection, from its greeting to its end. */
class Conversation {
  readonly #plain: Socket;
  readonly #setting: Setting;
  #socket: Socket;
  #secure = false;
  #input: Buffer = Buffer.alloc(0);
  #ended = false;
  #isTaken = false;
  #wake: () => void = () => undefined;
  #from = '';
  #accepted: string[] = [];
  #raw: Buffer = Buffer.alloc(0);

  constructor(socket: Socket, setting: Setting) {
    this.#plain = socket;
    this.#socket = socket;
    this.#setting = setting;
  }

  async run(): Promise<void> {
    if (this.#setting.security === 'tls') await this.#encrypt();
    else this.#listen(this.#plain);
    await this.#act('greeting', '', '220 fake.example.net ESMTP');
    for (;;) {
      const line = await this.#line();
      this.#setting.heard(line);
      if (!(await this.#answer(line))) return;
    }
  }

  /** @returns whether it goes on */
  async #answer(line: string): Promise<boolean> {
    const verb = line.slice(0, 4).toUpperCase();
    if (verb === 'EHLO') {
      const { security, extensions } = this.#setting;
      const offered = [...(security === 'starttls' && !this.#secure ? ['STARTTLS'] : []), ...extensions];
      const lines = ['fake.example.net', ...offered];
      await this.#act('EHLO', line, replyOf(250, lines));
    } else if (line.toUpperCase() === 'STARTTLS') {
      const said = await this.#act('STARTTLS', line, '220 2.0.0 go ahead');
      if (said.startsWith('220')) await this.#encrypt();
    } else if (verb === 'AUTH') await this.#act('AUTH', line, '235 2.7.0 welcome');
    else if (verb === 'MAIL') {
      this.#accepted = [];
      this.#from = pathIn(line);
      await this.#act('MAIL', line, '250 2.1.0 sender ok');
    } else if (verb === 'RCPT') {
      const said = await this.#act('RCPT', line, '250 2.1.5 recipient ok');
      if (said.startsWith('2')) this.#accepted.push(pathIn(line));
    } else if (verb === 'DATA') {
      const usual = this.#accepted.length > 0 ? '354 go on' : '554 5.5.1 no valid recipients';
      const said = await this.#act('DATA', line, usual);
      if (/(?:^|\n)354/.test(said)) await this.#content();
    } else if (verb === 'QUIT') {
      await this.#act('QUIT', line, ['221 2.0.0 bye', DROP]);
      return false;
    } else if (verb === 'RSET' || verb === 'NOOP' || verb === 'HELO') {
      await this.#act(verb, line, '250 2.0.0 ok');
    } else this.#write('500 5.5.2 what?\r\n');
    return true;
  }

  async #content(): Promise<void> {
    await this.#until(() => this.#input.length > 0);
    if (this.#setting.script.content) await this.#act('content', '', []);
    const pieces: Buffer[] = [];
    let tail = '\r\n';
    for (;;) {
      await this.#until(() => this.#input.length > 0);
      pieces.push(this.#input);
      tail = (tail + this.#input.subarray(-5).toString('latin1')).slice(-5);
      this.#input = Buffer.alloc(0);
      if (tail === '\r\n.\r\n') break;
    }
    const whole = Buffer.concat(pieces);
    this.#raw = Buffer.from(
      whole.subarray(0, -3).toString('latin1').replace(/^\./, '').replaceAll('\r\n.', '\r\n'),
      'latin1',
    );
    this.#isTaken = false;
    this.#setting.whole();
    await this.#act('end', '', '250 2.0.0 queued');
  }

  #taken(): void {
    if (this.#isTaken) return;
    this.#isTaken = true;
    this.#setting.take({
      connection: this.#setting.number,
      from: this.#from,
      recipients: [...this.#accepted],
      raw: this.#raw,
      messageId: /^Message-ID: (<[^>\r\n]+>)/im.exec(this.#raw.toString('latin1', 0, 16_384))?.[1] ?? '',
      secure: this.#secure,
    });
  }

  /** @returns all that was said */
  async #act(stage: SmtpStage, line: string, usual: SmtpAct): Promise<string> {
    const given = this.#setting.script[stage];
    const moment: SmtpMoment = {
      connection: this.#setting.number,
      line,
      recipient: stage === 'RCPT' ? pathIn(line) : '',
      accepted: this.#accepted,
      raw: this.#raw,
    };
    const act = (typeof given === 'function' ? await given(moment) : given) ?? usual;
    return this.#do(stage, act);
  }

  async #do(stage: SmtpStage, act: SmtpAct): Promise<string> {
    if (typeof act === 'string') {
      // What it says it took, it has taken before anybody reads so.
      if (stage === 'end' && act.startsWith('2')) this.#taken();
      this.#write(act.replaceAll('\n', '\r\n').concat('\r\n'));
      return act;
    }
    if ('raw' in act) {
      if (stage === 'end' && /^2\d\d /m.test(act.raw)) this.#taken();
      this.#write(act.raw);
      return act.raw;
    }
    if ('slow' in act) {
      if (stage === 'end' && act.slow.startsWith('2')) this.#taken();
      for (const byte of `${act.slow}\r\n`) {
        if (this.#socket.destroyed) throw new Over();
        this.#write(byte);
        await pause(act.everyMs);
      }
      return act.slow;
    }
    if ('flood' in act) return this.#flood(act.flood, act.bytes);
    if ('after' in act) {
      await act.after();
      return '';
    }
    if ('does' in act) return this.#end(act.does);
    let said = '';
    for (const each of act) said += await this.#do(stage, each);
    return said;
  }

  async #flood(text: string, bytes: number): Promise<string> {
    const chunk = text.repeat(Math.ceil(FLOOD_CHUNK_BYTES / text.length));
    for (let sent = 0; sent < bytes; sent += chunk.length) {
      if (this.#socket.destroyed || this.#ended) {
        this.#plain.destroy();
        throw new Over();
      }
      if (!this.#socket.write(chunk, 'latin1'))
        await Promise.race([once(this.#socket, 'drain'), once(this.#socket, 'close')]).catch(() => undefined);
    }
    return '';
  }

  async #end(does: Word['does']): Promise<string> {
    if (does === 'take') {
      this.#taken();
      return '';
    }
    if (does === 'garbage') {
      this.#plain.write('this is not a record of TLS\r\n'.repeat(4));
      return '';
    }
    if (does === 'drop') {
      // What was said before has to leave first.
      this.#socket.end(() => this.#socket.destroy());
      throw new Over();
    }
    if (does === 'reset') {
      this.#plain.resetAndDestroy();
      throw new Over();
    }
    if (does === 'fin') {
      this.#socket.end();
      return '';
    }
    await this.#until(() => false); // until the client has gone
    return '';
  }

  #write(text: string): void {
    if (!this.#socket.destroyed && this.#socket.writable) this.#socket.write(text, 'latin1');
  }

  async #encrypt(): Promise<void> {
    this.#plain.removeAllListeners('data');
    this.#input = Buffer.alloc(0);
    const secured = new TLSSocket(this.#plain, {
      isServer: true,
      ...(this.#setting.context ? { secureContext: this.#setting.context } : {}),
    });
    secured.on('error', () => undefined);
    this.#socket = secured;
    this.#secure = true;
    this.#listen(secured);
  }

  #listen(socket: Socket): void {
    socket.on('data', (chunk: Buffer) => {
      this.#input = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk]);
      this.#wake();
    });
    const end = (): void => {
      this.#ended = true;
      this.#wake();
    };
    socket.on('end', end);
    socket.on('close', end);
  }

  async #line(): Promise<string> {
    await this.#until(() => this.#input.includes('\r\n'));
    const end = this.#input.indexOf('\r\n');
    const line = this.#input.subarray(0, end).toString('utf8');
    this.#input = this.#input.subarray(end + 2);
    return line;
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.#ended || this.#socket.destroyed) {
        this.#plain.destroy();
        throw new Over();
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }
}

/** A reply of several lines (RFC 5321 §4.2.1), for `SmtpAct`. */
export function replyOf(code: number, lines: readonly string[]): string {
  return lines.map((text, at) => `${code}${at === lines.length - 1 ? ' ' : '-'}${text}`).join('\n');
}

const pathIn = (line: string): string => /<(.*?)>/.exec(line)?.[1] ?? '';
