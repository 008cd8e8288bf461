// One IMAP connection: the only place where ImapFlow is made. Every command has a deadline, every buffer a bound, and
// any failure closes the connection and comes out as a PosternError.

import type { ImapFlow } from 'imapflow';
import type { Account, Credentials } from '../accounts/accounts.ts';
import { presetByImapHost, presetOf } from '../accounts/providers.ts';
import { durationMs } from '../kernel/duration.ts';
import { PosternError } from '../kernel/errors.ts';
import { scrubber } from '../kernel/scrubber.ts';
import { tlsContext } from '../network/tls-context.ts';
import { TappedClient } from './answer-tap.ts';
import { CLIENT_INFO, sendClientId } from './client-id.ts';
import { farewellOfFull, imapError, isRefusal, tlsRefused, tokenRefused } from './failures.ts';

const LONGEST_LINE_BYTES = 16 * 1024 * 1024; // taken from the wire; what of it is read, the guard of answers decides
const LARGEST_HEADER_BYTES = 16 * 1024 * 1024;
const RESPONSE_SPARE_BYTES = 8 * 1024 * 1024; // a response is its literals and the lines around them
const IDLE_REISSUE_MS = 25 * 60_000; // servers may log out after 30 minutes (RFC 2177)
const SILENCE_MS = 5 * 60_000; // sweeps speak each minute: a line that stays silent this long is dead

export interface ConnectOptions {
  signal?: AbortSignal;
  /** The largest literal that will be read: a header block, or a whole message where bodies are fetched. */
  largestLiteralBytes?: number;
  /** Removals are told by UID where the server can do that (QRESYNC, RFC 7162). */
  qresync?: boolean;
}

/** Connects and signs in. @throws PosternError with one of the codes of a sign-in test */
export async function connectImap(
  account: Account,
  credentials: Credentials,
  options: ConnectOptions = {},
): Promise<ImapConnection> {
  const { imap, require_tls: requireTls, timeout_ms: timeout, watch, provider } = account.settings;
  const preset = provider === undefined ? presetByImapHost(imap.host)?.provider : presetOf(provider);
  if (requireTls && imap.security === 'none')
    throw tlsRefused('IMAP', imap, 'The account requires TLS, but its IMAP endpoint says security: none.');
  options.signal?.throwIfAborted();
  const largest = options.largestLiteralBytes ?? LARGEST_HEADER_BYTES;
  const told = new LibraryLog();
  const client = new TappedClient({
    host: imap.host,
    port: imap.port,
    secure: imap.security === 'tls',
    ...(imap.security === 'tls' ? {} : { doSTARTTLS: imap.security === 'starttls' }),
    // With a token: OAUTHBEARER where the server offers it, else XOAUTH2.
    auth:
      credentials.type === 'oauth2'
        ? { user: credentials.username, accessToken: credentials.accessToken }
        : { user: credentials.username, pass: credentials.password },
    // Shared: a context of its own with all authorities was 1 MB and 11 ms of every connection.
    ...(imap.security === 'none' ? {} : { tls: { secureContext: tlsContext(imap.ca) } }),
    clientInfo: { ...CLIENT_INFO, 'support-url': '' }, // else ImapFlow's own
    logger: told,
    disableAutoIdle: true,
    disableCompression: true, // a zlib window each way is more memory than the rest of an idle connection
    disableBinary: true, // parts come as transferred, so that they are decoded by one piece of code
    maxIdleTime: preset?.idle_reissue_ms ?? IDLE_REISSUE_MS,
    missingIdleCommand: 'NOOP',
    qresync: options.qresync === true,
    connectionTimeout: timeout,
    greetingTimeout: timeout,
    socketTimeout: Math.max(SILENCE_MS, 3 * durationMs(watch.interval)),
    maxLineLength: LONGEST_LINE_BYTES,
    maxLiteralSize: largest,
    maxResponseSize: largest + RESPONSE_SPARE_BYTES,
  });
  told.onUnread = () => client.unreadAnswers++;
  const secret = credentials.type === 'oauth2' ? credentials.accessToken : credentials.password;
  const connection = new ImapConnection(client, account, scrubber([secret]));
  try {
    await connection.run('sign in', () => client.connect(), options.signal);
    if (imap.security !== 'none' && !client.secureConnection) {
      throw tlsRefused('IMAP', imap, `The connection to ${imap.host}:${imap.port} did not become encrypted.`);
    }
    // PREAUTH: somebody says that we are signed in before we have said who we are.
    if (!told.signedIn) {
      throw new PosternError(
        'not_signed_in',
        `The IMAP server ${imap.host}:${imap.port} wants no sign-in (PREAUTH), so nobody knows whose mailbox it shows.`,
        { hint: 'Use an endpoint of the server that asks for the sign-in of this account.' },
      );
    }
    if (preset?.id_command === 'required')
      await connection.run('say who we are', () => sendClientId(client), options.signal);
    return connection;
  } catch (error) {
    connection.close();
    const full = client.byeReason ? farewellOfFull(client.byeReason, imap) : null;
    if (full) throw full;
    throw credentials.type === 'oauth2' ? tokenRefused(error, imap) : error;
  }
}

/** A log for ImapFlow: that it drops an answer which it cannot read, and that it signed in, it says nowhere else. */
class LibraryLog {
  onUnread: () => void = () => undefined;
  signedIn = false;

  error(entry: unknown): void {
    const { payloadBytes, msg } = (entry ?? {}) as { payloadBytes?: unknown; msg?: unknown };
    const isUnread =
      payloadBytes !== undefined ||
      msg === 'Failed to process untagged response' ||
      msg === 'Partial FETCH response'; // it takes this NO for an OK
    if (isUnread) this.onUnread();
  }

  warn(entry: unknown): void {
    this.error(entry);
  }

  info(entry: unknown): void {
    if ((entry as { msg?: unknown } | null)?.msg === 'User authenticated') this.signedIn = true;
  }

  debug(): void {
    // said for each line
  }

  fatal(): void {
    // never said
  }
}

/** What the rooms say to an IMAP server: each command within the account's time limit, errors in our words. */
export class ImapConnection {
  readonly client: ImapFlow;
  readonly #account: Account;
  readonly #scrub: (text: string) => string;
  #failure: unknown;
  readonly #closed: Promise<void>;

  /** @param scrub takes the password out of what the server says */
  constructor(client: ImapFlow, account: Account, scrub: (text: string) => string) {
    this.client = client;
    this.#account = account;
    this.#scrub = scrub;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#closed = promise;
    // The listeners stay for good: late errors still come after a close.
    client.on('error', (error: unknown) => {
      this.#failure ??= error;
      client.close();
    });
    client.on('close', () => resolve());
    // ImapFlow does not count down at VANISHED, and would then take the next mail's EXISTS for no news.
    client.on('expunge', ({ vanished, earlier }) => {
      if (vanished && !earlier && client.mailbox && client.mailbox.exists > 0) client.mailbox.exists--;
    });
  }

  /** Resolves when the connection is gone, for whatever reason. */
  get closed(): Promise<void> {
    return this.#closed;
  }

  /** How many answers could not be read so far: where it grew during a fetch, messages may be missing in it. */
  get unreadAnswers(): number {
    return this.client instanceof TappedClient ? this.client.unreadAnswers : 0;
  }

  /** Milliseconds within which a command of this account has to be answered. */
  get timeLimit(): number {
    return this.#account.settings.timeout_ms;
  }

  /** False also after a goodbye: an OK that comes behind it says nothing of what was asked. */
  get usable(): boolean {
    return this.client.usable && !this.client.byeReason;
  }

  /** Why the connection ended, if it did not end by our own wish. */
  get failure(): PosternError {
    const end =
      this.#failure ??
      new Error(
        this.client.byeReason
          ? `the server said goodbye: ${this.client.byeReason}`
          : 'the connection was closed',
      );
    return imapError(end, this.#account.settings.imap, 'stay connected', this.#scrub);
  }

  /** What a server's refusal means. @param what the command in words */
  explain(error: unknown, what: string): PosternError {
    return imapError(error, this.#account.settings.imap, what, this.#scrub);
  }

  capabilities(): string[] {
    return [...this.client.capabilities.keys()];
  }

  /**
   * Runs one command (or a few that belong together) within `limitMs`, by default the account's time limit.
   * @param what the command in words, for the error: `list mailboxes`
   * @throws PosternError; unless the server refused in so many words, the connection is closed then, because nobody
   *   knows what it would answer next
   */
  async run<T>(what: string, command: () => Promise<T>, signal?: AbortSignal, limitMs?: number): Promise<T> {
    const limit = limitMs ?? this.#account.settings.timeout_ms;
    let timer: NodeJS.Timeout | undefined;
    let onAbort: (() => void) | undefined;
    const interruption = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(this.#silence(what, limit));
      }, limit);
      onAbort = () => reject(stopped(what));
      signal?.addEventListener('abort', onAbort, { once: true });
    });
    try {
      signal?.throwIfAborted();
      const answer = await Promise.race([command(), interruption]);
      // ImapFlow passes over most commands on a connection that is ending, and answers nothing without an error.
      if (!answer && !this.usable) throw this.#failure ?? this.failure;
      return answer;
    } catch (error) {
      throw this.#failed(what, error);
    } finally {
      clearTimeout(timer);
      if (onAbort) signal?.removeEventListener('abort', onAbort);
      interruption.catch(() => undefined);
    }
  }

  /**
   * The answers of a command that has many. Each has to come within the account's time limit after the one before was
   * dealt with: a long answer may take long, and a server that falls silent in the middle of it is noticed.
   * @throws PosternError as `run` does; what the loop's own body throws stays as it is
   */
  async *each<T>(what: string, answers: AsyncIterable<T>, signal?: AbortSignal): AsyncGenerator<T> {
    const limit = this.#account.settings.timeout_ms;
    let fail: ((error: unknown) => void) | undefined;
    const timer = setTimeout(() => fail?.(this.#silence(what, limit)), limit);
    const onAbort = (): void => fail?.(stopped(what));
    signal?.addEventListener('abort', onAbort, { once: true });
    const iterator = answers[Symbol.asyncIterator]();
    try {
      for (;;) {
        if (signal?.aborted) throw stopped(what);
        timer.refresh();
        // Not a race against one long-lived promise: that would remember every answer until the end.
        const next = await new Promise<IteratorResult<T>>((resolve, reject) => {
          fail = reject;
          iterator.next().then(resolve, reject);
        }).catch((error: unknown) => {
          throw this.#failed(what, error);
        });
        fail = undefined;
        if (next.done) return;
        yield next.value;
      }
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      void iterator.return?.().catch(() => undefined); // lets the rest of the answer pass
    }
  }

  #failed(what: string, error: unknown): PosternError {
    if (!isRefusal(error)) this.close();
    return imapError(this.#failure ?? error, this.#account.settings.imap, what, this.#scrub);
  }

  #silence(what: string, limitMs: number): PosternError {
    const { host, port } = this.#account.settings.imap;
    return new PosternError(
      'timeout',
      `The IMAP server ${host}:${port} did not answer within ${limitMs} ms (${what}).`,
      {
        retry: 'later',
        hint: 'Check host, port and security; where it is only slow, a longer timeout_ms helps.',
      },
    );
  }

  /** Says goodbye where the server still listens, and hangs up in any case. */
  async logout(): Promise<void> {
    if (this.client.usable) {
      await Promise.race([
        this.client.logout().catch(() => undefined),
        new Promise((resolve) => setTimeout(resolve, 1_000).unref()),
      ]);
    }
    this.close();
  }

  close(): void {
    this.client.close();
  }
}

const stopped = (what: string): PosternError =>
  new PosternError('stopping', `Stopped while waiting for the IMAP server (${what}).`, { retry: 'later' });
