// Watches one mailbox on a connection of its own: connect, catch up, IDLE or poll, sweep, and again after any failure.
// It always says which of these it is at, since when, and why.
import type { Account, Accounts, Credentials } from '../accounts/accounts.ts';
import type { WatchStatus } from '../contracts/account.ts';
import { connectImap, type ImapConnection } from '../imap/connection.ts';
import { type Clock, monotonicMs, pause } from '../kernel/clock.ts';
import { durationMs } from '../kernel/duration.ts';
import { codeOf, explain, PosternError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Store } from '../store/store.ts';
import { Backoff } from './backoff.ts';
import type { Ingest } from './ingest.ts';
import { MailboxReader } from './mailbox-reader.ts';
import { MailboxStatus, type WatchedMailbox } from './mailbox-status.ts';
import { endedWithToken, RENEW_AGAIN_MS, renewAt } from './renewal.ts';

const LONGEST_SWEEP_MS = 5 * 60_000;
const NEEDS_PERSON = new Set([
  'wrong_password',
  'token_refused',
  'oauth_sign_in_needed',
  'secret_missing',
  'secret_unreadable',
]);

export interface WatcherParts {
  accounts: Accounts;
  store: Store;
  clock: Clock;
  log: Logger;
  ingest: Ingest;
  onState: (accountId: string, mailbox: string, status: WatchStatus) => void;
}

export class MailboxWatcher implements WatchedMailbox {
  readonly account: Account;
  readonly mailbox: string;
  readonly health: MailboxStatus;
  readonly #parts: WatcherParts;
  readonly #log: Logger;
  readonly #stopped = new AbortController();
  readonly #backoff = new Backoff();
  #loop: Promise<void> | undefined;
  /** New mail is said to be there, or a sweep was asked for. */
  #dirty = false;
  #wake: () => void = () => undefined;
  /** The server was seen to end a connection with the token that it was opened with. */
  #cutsWithToken = false;

  constructor(account: Account, mailbox: string, parts: WatcherParts) {
    this.account = account;
    this.mailbox = mailbox;
    this.#parts = parts;
    this.#log = parts.log.child({ account: account.settings.label, mailbox });
    const mode = account.settings.watch.mode === 'idle' ? 'idle' : 'poll';
    this.health = new MailboxStatus(parts.clock, mode, (status) =>
      parts.onState(account.id, mailbox, status),
    );
  }

  status(): WatchStatus {
    return this.health.view();
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Looks for new mail now, and connects now if it was waiting to. */
  sweep(): void {
    this.#dirty = true;
    this.#wake();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#wake();
    await this.#loop;
    this.health.enter('stopped');
  }

  async #run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      let connectedAt = 0;
      try {
        this.health.enter('connecting');
        const { connection, credentials } = await this.#connect();
        try {
          connectedAt = monotonicMs();
          await this.#watch(connection, credentials);
        } catch (error) {
          this.#cutsWithToken ||= endedWithToken(credentials, explain(error), this.#parts.clock.now());
          throw error;
        } finally {
          await connection.logout();
        }
      } catch (error) {
        if (this.#stopped.signal.aborted) return;
        await this.#rest(error, connectedAt === 0 ? 0 : monotonicMs() - connectedAt);
      }
    }
  }

  #connect(): Promise<{ connection: ImapConnection; credentials: Credentials }> {
    const signal = this.#stopped.signal;
    return this.#parts.accounts.signIn(this.account, async (credentials) => ({
      connection: await connectImap(this.account, credentials, { signal, qresync: true }),
      credentials,
    }));
  }

  /** Waits after a failure, as long as its kind asks for; a sweep ends the wait. */
  async #rest(error: unknown, livedMs: number): Promise<void> {
    if (!(error instanceof PosternError))
      this.#log.error(
        { error: error instanceof Error ? error.stack : String(error) },
        'a bug: watching failed with an unknown error',
      );
    this.#dirty = false; // what was said on the lost connection is no reason to connect again at once
    const wait = this.#backoff.next(error, livedMs);
    this.health.interrupted(error, wait, NEEDS_PERSON.has(codeOf(error)));
    this.#log.warn({ code: codeOf(error), wait }, `watching is interrupted: ${explain(error)}`);
    await this.#until(wait);
  }

  /** Returns when the connection is to be made anew, or watching stops. */
  async #watch(connection: ImapConnection, credentials: Credentials): Promise<void> {
    const { client } = connection;
    client.on('exists', () => {
      this.health.alive();
      this.sweep();
    });
    void connection.closed.then(() => this.#wake());
    const reader = new MailboxReader(this.account, this.mailbox, connection, {
      ...this.#parts,
      log: this.#log,
      signal: this.#stopped.signal,
      onProgress: (waiting, received) => this.health.progress(waiting, received),
      onBackfill: (progress) => this.health.backfilled(progress),
      onDue: () => this.#wake(),
    });
    await reader.attach();
    const idles = this.account.settings.watch.mode === 'idle' && client.capabilities.has('IDLE');
    this.#dirty = false;
    await reader.takeNew();
    this.health.watchesBy(idles ? 'idle' : 'poll');
    const { clock } = this.#parts;
    let sweepAt = monotonicMs() + this.sweepMs;
    let renewal = renewAt(credentials, this.#cutsWithToken);
    while (!this.#stopped.signal.aborted) {
      if (!connection.usable) throw connection.failure;
      if (this.#dirty) {
        this.#dirty = false;
        await reader.takeNew();
        sweepAt = monotonicMs() + this.sweepMs;
      } else if (clock.now() >= renewal) {
        if (await this.#hasNewerToken(credentials)) return;
        renewal = clock.now() + RENEW_AGAIN_MS;
      } else if (monotonicMs() >= sweepAt) {
        await reader.sweep();
        sweepAt = monotonicMs() + this.sweepMs;
      } else if (monotonicMs() >= reader.dueAt) {
        await reader.work();
      } else {
        if (idles) void client.idle().catch(() => undefined); // its failures close the connection
        const due = Math.min(sweepAt, reader.dueAt) - monotonicMs();
        await this.#until(Math.min(due, renewal - clock.now()));
      }
    }
  }

  /** Without a newer token the connection at hand is the best there is. */
  async #hasNewerToken(old: Credentials): Promise<boolean> {
    try {
      const now = await this.#parts.accounts.credentials(this.account);
      return old.type === 'oauth2' && now.type === 'oauth2' && now.accessToken !== old.accessToken;
    } catch (error) {
      this.#log.debug({ code: codeOf(error) }, `there is no newer token: ${explain(error)}`);
      return false;
    }
  }

  get sweepMs(): number {
    const interval = durationMs(this.account.settings.watch.interval);
    return this.account.settings.watch.mode === 'poll' ? interval : Math.min(interval, LONGEST_SWEEP_MS);
  }

  /** Waits for `ms`, or less when woken: true then. */
  async #until(ms: number): Promise<boolean> {
    if (this.#dirty) return true;
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    await pause(ms, woken.signal);
    this.#wake = () => undefined;
    return woken.signal.aborted;
  }
}
