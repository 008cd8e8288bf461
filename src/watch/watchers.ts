// All watchers of this node: one for each active account, made and ended as accounts change.
import { setImmediate as turn } from 'node:timers/promises';
import type { Account, Accounts } from '../accounts/accounts.ts';
import type { Bus } from '../cluster/bus.ts';
import type { WatchState, WatchStatus } from '../contracts/account.ts';
import type { ImapConnector } from '../imap/connector.ts';
import type { Clock } from '../kernel/clock.ts';
import { codeOf, explain } from '../kernel/errors.ts';
import type { Part } from '../kernel/lifecycle.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Store } from '../store/store.ts';
import { AccountWatcher } from './account-watcher.ts';
import type { Ingest } from './ingest.ts';
import type { WatchedMailbox } from './mailbox-status.ts';

export interface WatchersParts {
  accounts: Accounts;
  connector: ImapConnector;
  store: Store;
  clock: Clock;
  log: Logger;
  bus: Bus;
  ingest: Ingest;
  /** Accounts that name another group are served by other nodes. */
  nodeGroup: string | null;
}

/** Worst first: the state of an account is the worst of its mailboxes'. */
const WORST: readonly WatchState[] = [
  'needs-sign-in',
  'backing-off',
  'stopped',
  'connecting',
  'polling',
  'idle',
];

export class Watchers implements Part {
  readonly name = 'watchers';
  readonly #parts: WatchersParts;
  readonly #watched = new Map<string, AccountWatcher>();
  /** Changes are applied one after the other, so that an account never has two sets of watchers. */
  #tail: Promise<void> = Promise.resolve();
  #unsubscribe: () => void = () => undefined;
  #stopped = false;

  constructor(parts: WatchersParts) {
    this.#parts = parts;
  }

  async start(): Promise<void> {
    const stopListening = [
      this.#parts.accounts.onChange((id) => this.#change(id)),
      // A watcher that rests because nobody had signed in goes on at once.
      this.#parts.bus.subscribe(({ type, data }) => {
        if (type === 'account.changed' && data.sign_in === 'ok') this.sweep(String(data.account_id));
      }),
    ];
    this.#unsubscribe = () => {
      for (const stop of stopListening) stop();
    };
    for (const account of await this.#parts.accounts.list()) {
      // As it was read: whatever changes it from here on was heard of above, and comes after this.
      this.#change(account.id, async () => {
        await turn(); // an account at a time, so that those that watch already get their answers read
        return account;
      });
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unsubscribe();
    await this.#tail;
    await Promise.all([...this.#watched.values()].map((watcher) => watcher.stop()));
    this.#watched.clear();
  }

  status(accountId: string): { total: WatchStatus; mailboxes: Record<string, WatchStatus> } {
    const watched = this.#watched.get(accountId)?.mailboxes ?? [];
    const statuses = watched.map(({ mailbox, health }) => [mailbox, health.view()] as const);
    return { total: totalOf(statuses.map(([, status]) => status)), mailboxes: Object.fromEntries(statuses) };
  }

  /** Looks for new mail in all mailboxes of the account now. */
  sweep(accountId: string): void {
    for (const watched of this.#watched.get(accountId)?.mailboxes ?? []) watched.sweep();
  }

  /** Every mailbox that this node watches. */
  *watched(): Generator<WatchedMailbox> {
    for (const { mailboxes } of this.#watched.values()) yield* mailboxes;
  }

  /** Ends the watchers of an account, also those that hang, and begins anew. */
  renew(accountId: string): void {
    this.#change(accountId, () => this.#read(accountId), true);
  }

  #change(accountId: string, read = () => this.#read(accountId), anew = false): void {
    this.#tail = this.#tail
      .then(() => this.#apply(accountId, read, anew))
      .catch((error: unknown) =>
        this.#parts.log.error(
          { account: accountId, error: explain(error) },
          'an account could not be watched',
        ),
      );
  }

  #read(accountId: string): Promise<Account | undefined> {
    return this.#parts.accounts.get(accountId).catch((error: unknown) => {
      if (codeOf(error) === 'not_found') return undefined;
      throw error;
    });
  }

  async #apply(accountId: string, read: () => Promise<Account | undefined>, anew: boolean): Promise<void> {
    if (this.#stopped) return;
    const account = await read();
    const now = this.#watched.get(accountId);
    if (account && now?.account.version === account.version && !anew) return;
    await now?.stop();
    this.#watched.delete(accountId);
    if (!account || !this.#isOurs(account)) return;
    const { bus, ...parts } = this.#parts;
    const onState = (id: string, mailbox: string, status: WatchStatus): void =>
      bus.publish('watch.changed', {
        account_id: id,
        mailbox,
        state: status.state,
        last_error: status.last_error,
        ...(status.backfill && {
          backfill_done: status.backfill.done,
          backfill_total: status.backfill.total,
        }),
      });
    const watcher = new AccountWatcher(account, { ...parts, onState });
    this.#watched.set(accountId, watcher);
    watcher.start();
  }

  #isOurs({ settings }: Account): boolean {
    return (
      settings.active &&
      settings.watch.mode !== 'off' &&
      (settings.node_group ?? null) === this.#parts.nodeGroup
    );
  }
}

function totalOf(statuses: readonly WatchStatus[]): WatchStatus {
  const worst = [...statuses].sort((a, b) => WORST.indexOf(a.state) - WORST.indexOf(b.state))[0];
  if (!worst) return NOT_WATCHED;
  const alive = statuses.map((status) => status.last_alive_at);
  const checks = statuses.map((status) => status.checked_at);
  const mails = statuses.flatMap(({ last_message_at: at }) => at ?? []);
  const tries = statuses.flatMap(({ next_try_at: at }) => at ?? []);
  const sum = (count: (status: WatchStatus) => number) =>
    statuses.reduce((total, status) => total + count(status), 0);
  return {
    ...worst,
    last_alive_at: alive.includes(null) ? null : Math.min(...(alive as number[])),
    checked_at: checks.includes(null) ? null : Math.min(...(checks as number[])),
    alarm: statuses.find(({ alarm }) => alarm !== null)?.alarm ?? null,
    last_message_at: mails.length === 0 ? null : Math.max(...mails),
    waiting: sum(({ waiting }) => waiting),
    lag_ms: Math.max(...statuses.map(({ lag_ms: lag }) => lag)),
    received: sum(({ received }) => received),
    backfill: backfillOf(statuses),
    reconnects: sum(({ reconnects }) => reconnects),
    next_try_at: tries.length === 0 ? null : Math.min(...tries),
  };
}

function backfillOf(statuses: readonly WatchStatus[]): WatchStatus['backfill'] {
  const open = statuses.flatMap(({ backfill }) => backfill ?? []);
  if (open.length === 0) return null;
  const counted = open.every(({ total }) => total !== null);
  return {
    done: open.reduce((sum, { done }) => sum + done, 0),
    total: counted ? open.reduce((sum, { total }) => sum + (total ?? 0), 0) : null,
  };
}

/** The status of an account of which no mailbox is watched. */
export const NOT_WATCHED: WatchStatus = {
  state: 'stopped',
  since: 0,
  mode: 'idle',
  last_alive_at: null,
  checked_at: null,
  alarm: null,
  last_message_at: null,
  waiting: 0,
  lag_ms: 0,
  received: 0,
  backfill: null,
  reconnects: 0,
  next_try_at: null,
  last_error: null,
};
