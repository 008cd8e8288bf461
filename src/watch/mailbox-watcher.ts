// Watches one mailbox on a connection of its own: connect, catch up, IDLE or poll, sweep, and again after any failure.
// It always says which of these it is at, since when, and why.
import type { Account, Accounts, Credentials } from '../accounts/accounts.ts';
import type { ImapConnection } from '../imap/connection.ts';
import type { ImapConnector } from '../imap/connector.ts';
import { type Clock, monotonicMs, pause } from '../kernel/clock.ts';
import { durationMs } from '../kernel/duration.ts';
import { explain } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Store } from '../store/store.ts';
import { Backoff } from './backoff.ts';
import type { Ingest } from './ingest.ts';
import { needsPerson, tellInterruption } from './interruption.ts';
import { MailboxReader } from './mailbox-reader.ts';
import type { MailboxStatus } from './mailbox-status.ts';
import { endedWithToken, hasNewerToken, RENEW_AGAIN_MS, renewAt } from './renewal.ts';

const LONGEST_SWEEP_MS = 5 * 60_000;
const IDLE_AGAIN_MS = 1_000;

export interface WatcherParts {
  accounts: Pick<Accounts, 'credentials'>;
  connector: Pick<ImapConnector, 'open'>;
  store: Store;
  clock: Clock;
  log: Logger;
  ingest: Ingest;
}

export class MailboxWatcher {
  readonly #account: Account;
  readonly #mailbox: string;
  readonly #health: MailboxStatus;
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

  constructor(account: Account, mailbox: string, health: MailboxStatus, parts: WatcherParts) {
    this.#account = account;
    this.#mailbox = mailbox;
    this.#health = health;
    this.#parts = parts;
    this.#log = parts.log.child({ account: account.settings.label, mailbox });
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
  }

  async #run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      let connectedAt = 0;
      try {
        this.#health.enter('connecting');
        const { connection, credentials } = await this.#parts.connector.open(this.#account, {
          purpose: 'watch',
          signal: this.#stopped.signal,
          qresync: true,
        });
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

  /** Waits after a failure, as long as its kind asks for; a sweep ends the wait. */
  async #rest(error: unknown, livedMs: number): Promise<void> {
    this.#dirty = false; // what was said on the lost connection is no reason to connect again at once
    const wait = this.#backoff.next(error, livedMs);
    this.#health.interrupted(error, wait, needsPerson(error));
    tellInterruption(this.#log, error, wait);
    await this.#until(wait);
  }

  /** Returns when the connection is to be made anew, or watching stops. */
  async #watch(connection: ImapConnection, credentials: Credentials): Promise<void> {
    const { client } = connection;
    client.on('exists', () => {
      this.#health.alive();
      this.sweep();
    });
    void connection.closed.then(() => this.#wake());
    const reader = new MailboxReader(this.#account, this.#mailbox, connection, {
      ...this.#parts,
      log: this.#log,
      signal: this.#stopped.signal,
      onProgress: (waiting, received) => this.#health.progress(waiting, received),
      onBackfill: (progress) => this.#health.backfilled(progress),
      onDue: () => this.#wake(),
    });
    await reader.attach();
    const idles = client.capabilities.has('IDLE');
    this.#dirty = false;
    await reader.takeNew();
    this.#health.watchesBy(idles ? 'idle' : 'poll');
    const { clock } = this.#parts;
    const sweepMs = ownSweepMs(this.#account);
    let sweepAt = monotonicMs() + sweepMs;
    let renewal = renewAt(credentials, this.#cutsWithToken);
    while (!this.#stopped.signal.aborted) {
      if (!connection.usable) throw connection.failure;
      if (this.#dirty) {
        this.#dirty = false;
        await reader.takeNew();
        sweepAt = monotonicMs() + sweepMs;
      } else if (clock.now() >= renewal) {
        if (await hasNewerToken(this.#parts.accounts, this.#account, credentials, this.#log)) return;
        renewal = clock.now() + RENEW_AGAIN_MS;
      } else if (monotonicMs() >= sweepAt) {
        await reader.sweep();
        sweepAt = monotonicMs() + sweepMs;
      } else if (monotonicMs() >= reader.dueAt) {
        await reader.work();
      } else {
        const idle = idles ? this.#beginIdle(connection) : { over: true };
        const due = Math.min(sweepAt, reader.dueAt) - monotonicMs();
        await this.#until(Math.min(due, renewal - clock.now()));
        idle.over = true;
      }
    }
  }

  /** Begins IDLE. Some servers end it by themselves: then there is another one soon, though not in a tight loop. */
  #beginIdle({ client }: ImapConnection): { over: boolean } {
    const idle = { over: false };
    const again = (): void => {
      if (!idle.over) this.#wake();
    };
    void client
      .idle()
      .catch(() => undefined) // its failures close the connection
      .then(() => idle.over || setTimeout(again, IDLE_AGAIN_MS).unref());
    return idle;
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

/** How often a mailbox with a connection of its own is looked at, whatever the server tells. */
export function ownSweepMs({ settings: { watch } }: Account): number {
  return Math.min(durationMs(watch.interval), LONGEST_SWEEP_MS);
}
