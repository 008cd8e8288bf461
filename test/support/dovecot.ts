// A real IMAP server for tests: a Dovecot of its own in a temporary folder, with users, TLS and exact access to the mail.
import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { testCertificates } from './certificates.ts';
import {
  type DovecotOptions,
  type DovecotPorts,
  dovecotConfig,
  mailUser,
  oauthConfig,
} from './dovecot-config.ts';
import { ImapClient, quoted } from './imap-client.ts';
import { freePorts } from './ports.ts';
import { type ServerProcess, startProcess } from './process.ts';
import { findProgram } from './services.ts';
import { fetchMails, imapDate, type StoredMail } from './stored-mail.ts';

export type { StoredMail };

const run = promisify(execFile);
const START_ATTEMPTS = 5; // each with new ports, for the case that another process takes one first
export const DEFAULT_PASSWORD = 'open sesame';

export interface DeliverOptions {
  flags?: readonly string[];
  internalDate?: Date;
}

/** Starts a Dovecot. It takes about 150 ms. End it with `stop`; if the test process dies, it ends by itself. */
export async function startDovecot(options: DovecotOptions = {}): Promise<Dovecot> {
  const certificates = await testCertificates();
  const certificate = certificates.of[options.certificate ?? 'good'];
  const folder = await mkdtemp(join(tmpdir(), 'postern-dovecot-'));
  await chmod(folder, 0o755); // Dovecot's own users have to pass through
  await mkdir(join(folder, 'mail'));
  await mkdir(join(folder, 'users'));
  if (process.getuid?.() === 0) {
    const { stdout } = await run('id', ['-u', mailUser]);
    await chown(join(folder, 'mail'), Number(stdout), -1);
  }
  try {
    for (let attempt = 1; ; attempt++) {
      const [imap = 0, imaps = 0, submission = 0] = await freePorts(3);
      const ports = { imap, imaps, submission };
      if (options.oauth)
        await writeFile(join(folder, 'oauth2.conf'), oauthConfig(options.oauth.introspectionUrl));
      await writeFile(join(folder, 'dovecot.conf'), dovecotConfig(folder, ports, certificate, options));
      try {
        const server = await startServer(folder);
        const dovecot = new Dovecot(folder, ports, certificates.ca, certificates.caFile, options, server);
        for (const [name, password] of Object.entries(options.users ?? {}))
          await dovecot.addUser(name, password);
        return dovecot;
      } catch (error) {
        if (attempt >= START_ATTEMPTS || !String(error).includes('already in use')) throw error;
      }
    }
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

function startServer(folder: string): Promise<ServerProcess> {
  const program = findProgram('dovecot') ?? 'dovecot';
  return startProcess(program, ['-F', '-c', join(folder, 'dovecot.conf')], { ready: /starting up for / });
}

export class Dovecot {
  readonly host = '127.0.0.1';
  /** Without TLS, and with STARTTLS unless `noStartTls`. */
  readonly imapPort: number;
  /** TLS from the first byte; 0 with `noStartTls`. */
  readonly imapsPort: number;
  /** With sign-in and STARTTLS; 0 without `relayTo`. */
  readonly submissionPort: number;
  /** The authority to trust, PEM, and the file that holds it. */
  readonly ca: string;
  readonly caFile: string;
  readonly #folder: string;
  readonly #passwords = new Map<string, string>();
  readonly #clients = new Map<string, Promise<ImapClient>>();
  #server: ServerProcess;
  #passwordChanges = 0;
  #temporary = 0;

  constructor(
    folder: string,
    ports: DovecotPorts,
    ca: string,
    caFile: string,
    options: DovecotOptions,
    server: ServerProcess,
  ) {
    this.#folder = folder;
    this.imapPort = ports.imap;
    this.imapsPort = options.noStartTls ? 0 : ports.imaps;
    this.submissionPort = options.relayTo ? ports.submission : 0;
    this.ca = ca;
    this.caFile = caFile;
    this.#server = server;
  }

  /** What Dovecot logged, newest last. */
  log(): string {
    return this.#server.output();
  }

  /** Adds a user, or changes the password of one. A file for each user, since Dovecot re-reads one only once a second. */
  async addUser(name: string, password: string = DEFAULT_PASSWORD): Promise<void> {
    const file = join(this.#folder, 'users', name);
    const change = this.#passwords.has(name);
    this.#passwords.set(name, password);
    await writeFile(file, `${name}:{PLAIN.b64}${Buffer.from(password).toString('base64')}\n`);
    if (!change) return;
    this.#forgetClients(name);
    const changedAt = Math.floor(Date.now() / 1000) + ++this.#passwordChanges; // Dovecot compares whole seconds
    await utimes(file, changedAt, changedAt);
    await this.#accepts(name, password);
  }

  async #accepts(name: string, password: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return (await ImapClient.open(this.imapPort, name, password)).close();
      } catch (error) {
        if (attempt >= 10) throw error; // each refusal takes Dovecot half a second
      }
    }
  }

  /**
   * Puts a mail into a mailbox by APPEND, which keeps its bytes (Dovecot makes bare line feeds CRLF).
   * A mailbox that does not exist is made.
   */
  async deliver(
    user: string,
    raw: string | Buffer,
    mailbox = 'INBOX',
    options: DeliverOptions = {},
  ): Promise<{ uid: number; uidValidity: number }> {
    const [uid = 0] = await this.#append(user, [raw], mailbox, options);
    return { uid, uidValidity: await this.uidValidity(user, mailbox) };
  }

  /** Many mails in one command (MULTIAPPEND): all of them or none. Returns nothing; for benches and long mailboxes. */
  async deliverMany(user: string, raws: readonly (string | Buffer)[], mailbox = 'INBOX'): Promise<void> {
    await this.#append(user, raws, mailbox, {});
  }

  async #append(
    user: string,
    raws: readonly (string | Buffer)[],
    mailbox: string,
    options: DeliverOptions,
  ): Promise<number[]> {
    const client = await this.client(user);
    const flags = options.flags ? ` (${options.flags.join(' ')})` : '';
    const date = options.internalDate ? ` "${imapDate(options.internalDate)}"` : '';
    const parts = raws.flatMap((raw) => [
      `${flags}${date} `,
      typeof raw === 'string' ? Buffer.from(raw) : raw,
    ]);
    const append = () => client.command(`APPEND ${quoted(mailbox)}`, ...parts);
    const { tagged } = await append().catch(async (error: unknown) => {
      if (!String(error).includes('TRYCREATE')) throw error;
      await client.command(`CREATE ${quoted(mailbox)}`);
      return await append();
    });
    const uid = /\[APPENDUID \d+ (\d+)/.exec(tagged);
    return uid ? [Number(uid[1])] : [];
  }

  /** UIDs and flags of a mailbox, by UID. */
  async list(user: string, mailbox = 'INBOX'): Promise<{ uid: number; flags: string[] }[]> {
    return (await fetchMails(await this.client(user), mailbox, '')).map(({ uid, flags }) => ({
      uid,
      flags,
    }));
  }

  /** Everything in a mailbox, by UID, without changing \Seen. A mailbox that does not exist is empty. */
  async fetchAll(user: string, mailbox = 'INBOX'): Promise<StoredMail[]> {
    return fetchMails(await this.client(user), mailbox, ' BODY.PEEK[]');
  }

  async uidValidity(user: string, mailbox = 'INBOX'): Promise<number> {
    const client = await this.client(user);
    const { responses } = await client.command(`STATUS ${quoted(mailbox)} (UIDVALIDITY)`);
    return Number(/UIDVALIDITY (\d+)/.exec(responses.map(({ text }) => text).join(' '))?.[1]);
  }

  /** `change` is `+FLAGS`, `-FLAGS` or `FLAGS`. */
  async setFlags(user: string, uid: number, change: string, flags: readonly string[], mailbox = 'INBOX') {
    const client = await this.client(user);
    await client.command(`SELECT ${quoted(mailbox)}`);
    await client.command(`UID STORE ${uid} ${change} (${flags.join(' ')})`);
  }

  /** Moves a mail to another mailbox, which is made if need be. */
  async move(user: string, uid: number, to: string, from = 'INBOX'): Promise<void> {
    const client = await this.client(user);
    await client.command(`CREATE ${quoted(to)}`).catch(() => undefined);
    await client.command(`SELECT ${quoted(from)}`);
    await client.command(`UID MOVE ${uid} ${quoted(to)}`);
  }

  /** Takes a mail away for good. */
  async expunge(user: string, uid: number, mailbox = 'INBOX'): Promise<void> {
    await this.setFlags(user, uid, '+FLAGS', ['\\Deleted'], mailbox);
    const client = await this.client(user);
    await client.command(`UID EXPUNGE ${uid}`);
  }

  /**
   * Gives a mailbox another UIDVALIDITY, and with `renumber` every mail in it another UID too, as a server does that
   * was restored from a backup. Returns the new value. Clients that are connected are disconnected.
   */
  async changeUidValidity(
    user: string,
    mailbox = 'INBOX',
    options: { renumber?: boolean } = {},
  ): Promise<number> {
    const next = (await this.uidValidity(user, mailbox)) + 1;
    await this.kick(user);
    if (options.renumber) {
      const aside = `aside-${++this.#temporary}`;
      await this.#doveadm('mailbox', 'create', '-u', user, aside);
      await this.#doveadm('move', '-u', user, aside, 'mailbox', mailbox, 'all');
      await this.#doveadm('mailbox', 'update', '-u', user, '--uid-validity', String(next), mailbox);
      await this.#doveadm('move', '-u', user, mailbox, 'mailbox', aside, 'all');
      await this.#doveadm('mailbox', 'delete', '-u', user, aside);
    } else {
      await this.#doveadm('mailbox', 'update', '-u', user, '--uid-validity', String(next), mailbox);
    }
    return next;
  }

  /** Leaves a gap in the numbering of a mailbox. */
  async setNextUid(user: string, uid: number, mailbox = 'INBOX'): Promise<void> {
    await this.#doveadm('mailbox', 'update', '-u', user, '--min-next-uid', String(uid), mailbox);
  }

  /** Ends every connection of a user. */
  async kick(user: string): Promise<void> {
    this.#forgetClients(user);
    // Exit code 68 says that nobody was connected.
    await this.#doveadm('kick', user).catch((error: { code?: number }) => {
      if (error.code !== 68) throw error;
    });
  }

  /** How many connections a user has at this moment, the test's own aside. */
  async connectionsOf(user: string): Promise<number> {
    this.#forgetClients(user);
    const { stdout } = (await this.#doveadm('-f', 'tab', 'who', '-1', user)) as { stdout: string };
    return stdout.split('\n').filter((line) => line.startsWith(`${user}\t`)).length;
  }

  /** Stops the server and starts it again on the same ports, with the same mail. `between` runs while it is down. */
  async restart(between?: () => Promise<void> | void): Promise<void> {
    this.#forgetClients();
    await this.#server.stop();
    await between?.();
    this.#server = await startServer(this.#folder);
  }

  /** Ends the server and removes its mail; calling it again does nothing. */
  async stop(): Promise<void> {
    this.#forgetClients();
    await this.#server.stop();
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** A signed-in connection of the test's own to this user's mail, shared by the methods above. */
  async client(user: string): Promise<ImapClient> {
    const known = await this.#clients.get(user)?.catch(() => undefined);
    if (known && !known.closed) return known;
    const password = this.#passwords.get(user);
    if (password === undefined) throw new Error(`the test's Dovecot has no user ${user}`);
    const opening = ImapClient.open(this.imapPort, user, password);
    this.#clients.set(user, opening);
    return opening;
  }

  #forgetClients(user?: string): void {
    for (const [name, opening] of this.#clients) {
      if (user !== undefined && name !== user) continue;
      this.#clients.delete(name);
      void opening.then((client) => client.close()).catch(() => undefined);
    }
  }

  #doveadm(...args: string[]): Promise<unknown> {
    const program = findProgram('doveadm') ?? 'doveadm';
    return run(program, ['-c', join(this.#folder, 'dovecot.conf'), ...args]);
  }
}
