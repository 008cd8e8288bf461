// The door to nodemailer's SMTP (mime.ts is that to its MIME): one connection that can be watched at the moment that
// counts, between the server's 354 and the first byte of content.
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import type { Account, Credentials } from '../accounts/accounts.ts';
import type { Endpoint } from '../contracts/account.ts';
import type { Envelope } from '../drafts/composer.ts';
import { PosternError } from '../kernel/errors.ts';
import type { Where } from '../kernel/network-errors.ts';
import { scrubber } from '../kernel/scrubber.ts';
import { tlsContext } from '../network/tls-context.ts';
import { Answers, isOneAnswer } from './answers.ts';
import { askForReports, type ReportWish } from './dsn-request.ts';
import { Exchanges } from './exchanges.ts';
import {
  classify,
  type Failure,
  failuresOf,
  outOfStep,
  type Refusal,
  type SmtpError,
  type Stage,
} from './failures.ts';
import { lazyContent } from './lazy-content.ts';
import type { Piece } from './mail-content.ts';
import { signInByToken, signInSecrets } from './sasl-bearer.ts';
import { signInError } from './sign-in-errors.ts';
import { Deadline, sparingStop } from './time-limits.ts';

const PER_RECIPIENT_MS = 1_000; // servers look recipients up one by one; on top of the account's time limit
const FINAL_ANSWER_MS = 10 * 60_000; // RFC 5321 §4.5.3.2.6: giving up earlier makes mails unknown, or double
const SLOWEST_BYTES_PER_MS = 8; // 8 kB/s, slower than any line that is worth waiting for
const STOP_GRACE_MS = 5_000; // content that is on its way may end; stopping has 10 s in all
const CLOSE_MS = 1_000; // for the server to close its side
const BEARER = 'POSTERN-BEARER'; // how nodemailer knows our sign-in with a token
const MAX_RESPONSE_BYTES = 64 * 1024; // an answer has a few lines

/** How the attempt went for each recipient, in the envelope's order. */
export interface Delivery {
  recipients: { address: string; failure: Failure | null }[];
  /** The server's words when it took the mail; null when it did not. */
  response: string | null;
}

export type SmtpAccount = Pick<Account, 'settings'>;

/**
 * Connects, encrypts as the account says, and signs in.
 * @throws PosternError `tls_refused`, `wrong_password`, `auth_not_offered`, `sign_in_deferred`, `protocol`, `timeout`,
 *   `stopping`, or a code of kernel/network-errors
 */
export async function openSmtp(
  account: SmtpAccount,
  credentials: Credentials,
  signal?: AbortSignal,
): Promise<SmtpConnection> {
  const { smtp, require_tls: requireTls, timeout_ms: timeout } = account.settings;
  if (requireTls && smtp.security === 'none') {
    throw new PosternError(
      'tls_refused',
      'The account requires TLS, but its SMTP endpoint says security: none.',
      {
        hint: 'Use security: tls or starttls, or switch require_tls off for this account.',
      },
    );
  }
  const connection = new SmtpConnection(smtp, timeout, credentials);
  try {
    await connection.connect(signal);
    await connection.signIn(credentials, requireTls, signal);
    return connection;
  } catch (error) {
    connection.close();
    throw signInError(error, smtp, connection.scrub, credentials.type === 'oauth2');
  }
}

export class SmtpConnection {
  /** What the server announced: `SIZE 26214400`, `PIPELINING`. */
  capabilities: string[] = [];
  /** Whether it asked for a sign-in at all. */
  signedIn = false;
  /** Mails that were sent over it, or tried. */
  mails = 0;
  readonly scrub: (text: string) => string;
  readonly #smtp: SMTPConnection;
  readonly #answers: Answers;
  readonly #where: Where;
  readonly #timeoutMs: number;
  readonly #exchanges: Exchanges;

  constructor(smtp: Endpoint, timeoutMs: number, credentials: Credentials) {
    const host = smtp.host.replace(/^\[(.*)\]$/, '$1');
    this.#where = { protocol: 'SMTP', host: smtp.host, port: smtp.port };
    this.#timeoutMs = timeoutMs;
    this.scrub = scrubber(signInSecrets(credentials, this.#where));
    this.#smtp = new SMTPConnection({
      host,
      port: smtp.port,
      secure: smtp.security === 'tls',
      requireTLS: smtp.security === 'starttls',
      ignoreTLS: smtp.security === 'none',
      tls: { secureContext: tlsContext(smtp.ca) },
      connectionTimeout: timeoutMs,
      greetingTimeout: timeoutMs,
      dnsTimeout: timeoutMs,
      socketTimeout: FINAL_ANSWER_MS, // of silence; every step has its own, shorter deadline
      socketCloseTimeout: CLOSE_MS,
      maxResponseSize: MAX_RESPONSE_BYTES,
      // Under a name of its own: nodemailer would rather use PLAIN than an XOAUTH2 that is not its own.
      customAuth: {
        [BEARER]: ({ sendCommand }) =>
          signInByToken(credentials, this.#where, this.capabilities, sendCommand),
      },
      allowInternalNetworkInterfaces: true, // a machine with nothing but loopback still reaches localhost
    });
    this.#answers = new Answers(this.#smtp);
    this.#exchanges = new Exchanges(this.#name(), () => this.usable);
    // The listeners stay for good: late errors still come after a close.
    this.#smtp.on('error', (error: unknown) => this.#exchanges.break(error));
    // An end without an error is told last, so that whoever knows more says it first.
    this.#smtp.on('end', () =>
      setImmediate(() => this.#exchanges.break(new Error('the server closed the connection'))),
    );
  }

  get usable(): boolean {
    return this.#exchanges.broken === undefined && !this.#smtp.destroyed;
  }

  close(): void {
    this.#exchanges.broken ??= new Error('the connection was closed');
    this.#smtp.close();
  }

  /** Says QUIT and lets the server close. */
  quit(): void {
    if (this.usable) this.#smtp.quit();
    else this.close();
    setTimeout(() => this.close(), CLOSE_MS).unref(); // a server may not answer
  }

  async connect(signal?: AbortSignal): Promise<void> {
    await this.#exchanges.run<void>('connect', this.#timeoutMs, signal, (done) =>
      this.#smtp.connect((error) => done(error)),
    );
    // A server that saw the password on another connection may repeat it here.
    this.capabilities = this.#answers.announced.slice(0, 100).map(this.scrub);
  }

  /**
   * A server that offers no AUTH is one that takes mail from its own network: it is used without sign-in where the
   * account does not require TLS. Where it does, somebody may have cut AUTH out of the answer, or the port is wrong.
   */
  async signIn(credentials: Credentials, required: boolean, signal?: AbortSignal): Promise<void> {
    if (!this.#smtp.allowsAuth) {
      if (!required) return;
      throw new PosternError('auth_not_offered', `${this.#name()} does not offer a sign-in.`, {
        hint: 'Check the port: 465 and 587 are for sending, 25 is between servers.',
      });
    }
    const login =
      credentials.type === 'oauth2'
        ? { user: credentials.username, method: BEARER }
        : { user: credentials.username, pass: credentials.password };
    await this.#exchanges.run<void>('sign in', this.#timeoutMs, signal, (done) =>
      this.#smtp.login(login, (error) => done(error)),
    );
    this.signedIn = true;
  }

  /**
   * Sends one mail. After a failure of the whole the connection is closed: nobody knows what it would answer next.
   * @param content the whole mail with CRLF line ends, in pieces
   * @param onData awaited after the server's 354 and before the first byte of content leaves, with those whom the server
   *   will not send it to; when it throws, no byte leaves and its error is thrown here, as is that of content that cannot
   *   be read to its end
   */
  async send(
    envelope: Envelope & { reports?: ReportWish | undefined },
    content: readonly Piece[],
    onData: (refused: Refusal[]) => Promise<void>,
    signal?: AbortSignal,
  ): Promise<Delivery> {
    this.mails++;
    // nodemailer keeps its books on the envelope object that it is given.
    const books: { from: string; to: string[]; size: number; rejectedErrors?: SmtpError[] } = {
      from: envelope.from,
      to: [...envelope.to],
      size: content.reduce((sum, piece) => sum + piece.length, 0),
    };
    if (envelope.reports) askForReports(books, envelope.reports);
    let stage = 'envelope' as Stage | 'beginning';
    let ended = false;
    let over = false;
    let withheld: { error: unknown } | undefined;
    let strayed: Failure | undefined;
    const begin = async (): Promise<void> => {
      if (over) throw new Error('the connection ended before the content began');
      if (!this.#answers.wantsContent) {
        strayed = outOfStep(this.#where, this.scrub(this.#answers.last));
        throw new Error('the server answers out of step');
      }
      stage = 'beginning';
      deadline.move(FINAL_ANSWER_MS + books.size / SLOWEST_BYTES_PER_MS);
      const each = failuresOf(envelope.to, books.rejectedErrors ?? [], null, this.#where, this.scrub);
      const refused = each.flatMap(({ address, failure }) => (failure ? [{ address, failure }] : []));
      await onData(refused).catch((error: unknown) => {
        withheld = { error };
        throw new Error('the content was withheld');
      });
      if (over) throw new Error('the connection ended before the content began');
      stage = 'content';
    };
    const progress = {
      begin,
      end: () => {
        ended = true;
      },
      broken: (error: unknown) => {
        withheld = { error };
      },
    };
    const deadline = new Deadline(this.#timeoutMs + PER_RECIPIENT_MS * envelope.to.length);
    const stop = sparingStop(signal, () => stage !== 'envelope', STOP_GRACE_MS);
    try {
      if (this.#answers.unread) throw new Error('the server spoke before it was asked');
      this.#answers.expect(envelope.to.length);
      const response = await this.#exchanges.run<string>('send', deadline, stop.signal, (done) =>
        this.#smtp.send(books, lazyContent(content, progress), (error, info) => done(error, info?.response)),
      );
      // An answer that comes before its question is no answer.
      if (!ended) throw new Error('the server answered before the mail had ended');
      if (!isOneAnswer(response)) throw new Error('the server contradicts itself');
      return this.#delivery(envelope, books.rejectedErrors, null, response);
    } catch (error) {
      over = true;
      this.close();
      if (withheld) throw withheld.error;
      const failure =
        strayed ?? classify(error, stage === 'content' ? 'content' : 'envelope', this.#where, this.scrub);
      // A refused sender makes servers refuse the recipients too, in words that are not about them; and of answers out of
      // step nobody knows whom they are about.
      const each = strayed || (error as SmtpError).command === 'MAIL FROM' ? [] : books.rejectedErrors;
      return this.#delivery(envelope, each, failure, null);
    } finally {
      deadline.end();
      stop.end();
    }
  }

  #delivery(
    envelope: Envelope,
    rejected: readonly SmtpError[] | undefined,
    failure: Failure | null,
    response: string | null,
  ): Delivery {
    const recipients = failuresOf(envelope.to, rejected ?? [], failure, this.#where, this.scrub);
    return { recipients, response: response === null ? null : this.scrub(response) };
  }

  #name(): string {
    return `The SMTP server ${this.#where.host}:${this.#where.port}`;
  }
}
