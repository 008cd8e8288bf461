// Watches the mailboxes of one account: the first of them each on a connection of its own, as many as it may have, and
// the others together on one. What has which is decided anew when the server turns out to allow fewer connections.
import type { Account } from '../accounts/accounts.ts';
import type { WatchStatus } from '../contracts/account.ts';
import type { ImapConnector } from '../imap/connector.ts';
import { pause } from '../kernel/clock.ts';
import { durationMs } from '../kernel/duration.ts';
import { explain } from '../kernel/errors.ts';
import { MailboxStatus, type WatchedMailbox } from './mailbox-status.ts';
import { MailboxWatcher, ownSweepMs, type WatcherParts } from './mailbox-watcher.ts';
import { StatusWatcher } from './status-watcher.ts';

const STOP_LIMIT_MS = 5_000; // each of its waits can be aborted: one that does not end within this will not end

export interface AccountWatcherParts extends WatcherParts {
  connector: Pick<ImapConnector, 'open' | 'watches' | 'watchShare'>;
  onState: (accountId: string, mailbox: string, status: WatchStatus) => void;
}

export class AccountWatcher {
  readonly account: Account;
  readonly mailboxes: readonly WatchedMailbox[];
  readonly #parts: AccountWatcherParts;
  readonly #own = new Map<string, MailboxWatcher>();
  #shared: StatusWatcher | null = null;
  /** Plans are carried out one after the other. */
  #tail: Promise<void> = Promise.resolve();
  #unsubscribe: () => void = () => undefined;
  #stopped = false;

  constructor(account: Account, parts: AccountWatcherParts) {
    this.account = account;
    this.#parts = parts;
    this.mailboxes = inOrder(account).map((mailbox) => this.#watched(mailbox));
  }

  start(): void {
    this.#unsubscribe = this.#parts.connector.watches(this.account, () => this.#plan());
    this.#carryOut(); // the first time at once
  }

  /** Ends all of them, in the time that they may take. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unsubscribe();
    await within(STOP_LIMIT_MS, [
      this.#tail,
      ...this.mailboxes.map(async ({ mailbox, health }) => {
        await (this.#own.get(mailbox) ?? this.#shared)?.stop();
        health.enter('stopped');
      }),
    ]);
  }

  #watched(mailbox: string): WatchedMailbox {
    const { account } = this;
    const { mode } = account.settings.watch;
    const health = new MailboxStatus(this.#parts.clock, mode === 'poll' ? 'poll' : 'idle', (status) =>
      this.#parts.onState(account.id, mailbox, status),
    );
    const own = this.#own;
    return {
      account,
      mailbox,
      health,
      get sweepMs() {
        return own.has(mailbox) ? ownSweepMs(account) : durationMs(account.settings.watch.interval);
      },
      sweep: () => {
        const watcher = own.get(mailbox);
        if (watcher) watcher.sweep();
        else this.#shared?.sweep(mailbox);
      },
    };
  }

  #plan(): void {
    this.#tail = this.#tail
      .then(() => this.#change())
      .catch((error: unknown) =>
        this.#parts.log.error(
          { account: this.account.settings.label, error: explain(error) },
          'connections could not be shared out anew',
        ),
      );
  }

  async #change(): Promise<void> {
    const own = this.#ownOnes();
    if (this.#stopped || (own.size === this.#own.size && [...own].every((one) => this.#own.has(one)))) return;
    this.#parts.log.info(
      { account: this.account.settings.label, own: own.size, of: this.mailboxes.length },
      'connections are shared out anew',
    );
    const leaving = [...this.#own].filter(([mailbox]) => !own.has(mailbox));
    for (const [mailbox] of leaving) this.#own.delete(mailbox);
    await within(
      STOP_LIMIT_MS,
      leaving.map(([, watcher]) => watcher.stop()),
    );
    if (this.#stopped) return;
    this.#carryOut();
    // There is room now for those that were turned away.
    for (const { health, sweep } of this.mailboxes) if (health.state === 'backing-off') sweep();
  }

  /** Those whose mailboxes went to others have ended. */
  #carryOut(): void {
    const own = this.#ownOnes();
    const shared = this.mailboxes.filter(({ mailbox }) => !own.has(mailbox));
    if (shared.length > 0) {
      this.#shared ??= new StatusWatcher(this.account, this.#parts);
      this.#shared.assign(shared);
      this.#shared.start();
    } else {
      void this.#shared?.stop();
      this.#shared = null;
    }
    for (const { mailbox, health } of this.mailboxes) {
      if (!own.has(mailbox) || this.#own.has(mailbox)) continue;
      const watcher = new MailboxWatcher(this.account, mailbox, health, this.#parts);
      this.#own.set(mailbox, watcher);
      watcher.start();
    }
  }

  /** Which mailboxes get a connection of their own. */
  #ownOnes(): Set<string> {
    if (this.account.settings.watch.mode === 'poll') return new Set();
    const share = this.#parts.connector.watchShare(this.account);
    const all = this.mailboxes.map(({ mailbox }) => mailbox);
    return new Set(all.length <= share ? all : all.slice(0, share - 1));
  }
}

/** INBOX first, then in the order of the settings. */
function inOrder({ settings: { watch } }: Account): string[] {
  const isInbox = (mailbox: string): boolean => mailbox.toUpperCase() === 'INBOX';
  const mailboxes = [...new Set(watch.mailboxes)];
  return [...mailboxes.filter(isInbox), ...mailboxes.filter((mailbox) => !isInbox(mailbox))];
}

/** One that hangs is left alone: it was told to end, and the ledger's keys hold whatever it does yet. */
async function within(ms: number, ends: readonly Promise<unknown>[]): Promise<void> {
  const limit = new AbortController();
  await Promise.race([Promise.all(ends), pause(ms, limit.signal)]);
  limit.abort();
}
