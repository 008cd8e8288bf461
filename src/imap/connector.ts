// The one way to an IMAP connection of an account. It counts them: so many for each account, so many for each server where
// that is asked for, and so many at once that are still signing in there. What a server says of too many connections is
// believed for a while. Servers are counted each by itself, so that none waits for another.
import type { Account, Accounts, Credentials } from '../accounts/accounts.ts';
import { presetByImapHost, presetOf } from '../accounts/providers.ts';
import { pause } from '../kernel/clock.ts';
import { PosternError } from '../kernel/errors.ts';
import { type ConnectOptions, connectImap, type ImapConnection } from './connection.ts';
import { ConnectionBudget, type Purpose, type Release, type WaitOptions } from './connection-budget.ts';

export const USUAL_CONNECTIONS = 8; // Dovecot lets a user have 10 from one address, and people read their mail too
const LEAST_CONNECTIONS = 2; // one to watch, one for operations
const RESERVED = 1; // the pool has one connection for each account, for one operation after the other
const SIGN_INS_AT_ONCE = 16; // more gain nothing: the server's password check is what takes time
const SIGN_INS_RESERVED = 4; // an operation need not wait behind a thousand mailboxes
const HOST_SHARE_RESERVED = 0.1;
const LONGEST_QUEUE_MS = 5 * 60_000; // a thousand sign-ins to a slow server; what is later has itself to blame
const CHECK_WAIT_MS = 10_000; // a person waits, and is told what is wrong
const MAX_AGAIN = 3;
const AGAIN_MS = 250;
const LOWERED_MS = 15 * 60_000; // for the first time; then twice as long
const LONGEST_LOWERED_MS = 4 * 60 * 60_000;

export interface OpenOptions extends Omit<ConnectOptions, 'signal'> {
  purpose: Purpose;
  signal: AbortSignal;
}

/** Calls `connect` with an account's credentials, and again with fresh ones where a token was refused. */
export type SignIn = <T>(connect: (credentials: Credentials) => Promise<T>) => Promise<T>;

export interface Opened {
  connection: ImapConnection;
  credentials: Credentials;
}

export interface ConnectorOptions {
  /** Connections to one server over all accounts; null: as many as are wanted. */
  perHost?: number | null;
  signInsAtOnce?: number;
  loweredMs?: number;
}

interface Lowered {
  limit: number;
  times: number;
  /** Undefined once it is over: how often it was so is remembered. */
  timer: NodeJS.Timeout | undefined;
}

interface Host {
  signIns: ConnectionBudget;
  /** Null: nobody counts. */
  connections: ConnectionBudget | null;
  /** Watched accounts, each with who wants to know when its share changes. */
  watched: Map<string, () => void>;
}

export class ImapConnector {
  readonly #accounts: Pick<Accounts, 'signIn'>;
  readonly #perHost: number | null;
  readonly #signInsAtOnce: number;
  readonly #loweredMs: number;
  readonly #budgets = new Map<string, ConnectionBudget>();
  readonly #hosts = new Map<string, Host>();
  readonly #lowered = new Map<string, Lowered>();

  constructor(accounts: Pick<Accounts, 'signIn'>, options: ConnectorOptions = {}) {
    this.#accounts = accounts;
    this.#perHost = options.perHost ?? null;
    this.#signInsAtOnce = options.signInsAtOnce ?? SIGN_INS_AT_ONCE;
    this.#loweredMs = options.loweredMs ?? LOWERED_MS;
  }

  /**
   * Connects and signs in, when it is this account's turn. The place is free again when the connection is closed.
   * @throws PosternError with one of the codes of a sign-in test; `connection_limit` where the server or Postern's own
   *   settings allow no more connections now; `timeout` where too many others sign in at the same server
   */
  async open(account: Account, options: OpenOptions): Promise<Opened> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#open(account, options);
      } catch (error) {
        if (options.purpose === 'watch' || !isServersLimit(error) || attempt > MAX_AGAIN) throw error;
        // Watching was told to give one up; the server notices the end of a connection a little later.
        await pause(attempt * AGAIN_MS, options.signal);
      }
    }
  }

  /**
   * As an operation, for a test of an account that may not be saved: it waits its turn for seconds only, and what the
   * server says of too many connections changes nothing for the account. @throws PosternError as `open`
   */
  async check(account: Account, signIn: SignIn, signal: AbortSignal): Promise<Opened> {
    const waitMs = Math.min(account.settings.timeout_ms, CHECK_WAIT_MS);
    return this.#connect(account, { purpose: 'operation', signal }, signIn, waitMs);
  }

  /** How many connections watching may have for an account. */
  watchShare(account: Account): number {
    const own = Math.max(this.#limitOf(account) - RESERVED, 1);
    const wanted = Math.min(own, account.settings.watch.connections ?? own);
    if (this.#perHost === null) return wanted;
    const { connections, watched } = this.#hostOf(account);
    const fair = Math.floor((connections?.watchShare ?? wanted) / Math.max(watched.size, 1));
    return Math.max(Math.min(wanted, fair), 1);
  }

  /** Says that an account is watched. `onShare` is called whenever its share may have changed. Returns the way out. */
  watches(account: Account, onShare: () => void): () => void {
    const { watched } = this.#hostOf(account);
    watched.set(account.id, onShare);
    this.#tellAll(watched);
    return () => {
      if (watched.get(account.id) !== onShare) return;
      watched.delete(account.id);
      // What was learnt of the server is tried anew after a change: it may have been made for that.
      clearTimeout(this.#lowered.get(account.id)?.timer);
      this.#lowered.delete(account.id);
      this.#tidy(account);
      this.#tellAll(watched);
    };
  }

  /** Without a limit for the server no account takes anything from another. */
  #tellAll(watched: ReadonlyMap<string, () => void>): void {
    if (this.#perHost === null) return;
    for (const tell of watched.values()) tell();
  }

  async #open(account: Account, options: OpenOptions): Promise<Opened> {
    try {
      const signIn: SignIn = (connect) => this.#accounts.signIn(account, connect);
      return await this.#connect(account, options, signIn, account.settings.timeout_ms);
    } catch (error) {
      if (isServersLimit(error)) this.#lower(account);
      throw error;
    }
  }

  /** @param waitMs for how long to wait for a place, of those that are waited for */
  async #connect(
    account: Account,
    { purpose, signal, ...options }: OpenOptions,
    signIn: SignIn,
    waitMs: number,
  ): Promise<Opened> {
    const budget = this.#budgetOf(account);
    const host = this.#hostOf(account);
    const { imap, label } = account.settings;
    const where = `${imap.host}:${imap.port}`;
    const wait = (tooLate: () => PosternError, limitMs: number): WaitOptions => ({
      limitMs,
      signal,
      tooLate,
      aborted: () => new PosternError('stopping', `Stopped before ${where} was asked.`, { retry: 'later' }),
    });
    const held: Release[] = [];
    const release = (): void => {
      for (const one of held.splice(0)) one();
      this.#tidy(account);
    };
    try {
      held.push(
        await budget.acquire(
          purpose,
          wait(() => allTaken(`account ${label}`, where), waitMs),
        ),
      );
      if (host.connections)
        held.push(
          await host.connections.acquire(
            purpose,
            wait(() => allTaken('server', where), waitMs),
          ),
        );
      const limitMs = purpose === 'watch' ? LONGEST_QUEUE_MS : waitMs;
      const opened = await signIn(async (credentials) => {
        const signedIn = await host.signIns.acquire(
          purpose,
          wait(() => crowded(where, limitMs), limitMs),
        );
        try {
          return { credentials, connection: await connectImap(account, credentials, { ...options, signal }) };
        } finally {
          signedIn();
        }
      });
      void opened.connection.closed.then(release);
      return opened;
    } catch (error) {
      release();
      throw error;
    }
  }

  /** As many as there are now, for a while: the server has just said that these are all. */
  #lower(account: Account): void {
    const { id } = account;
    const before = this.#lowered.get(id);
    const now = this.#budgets.get(id)?.held ?? 0;
    const limit = Math.max(Math.min(now, this.#limitOf(account)), LEAST_CONNECTIONS);
    clearTimeout(before?.timer);
    const times = (before?.times ?? 0) + (before?.timer ? 0 : 1);
    const ms = Math.min(this.#loweredMs * 2 ** (times - 1), LONGEST_LOWERED_MS);
    const timer = setTimeout(() => this.#raise(account), ms);
    timer.unref();
    this.#lowered.set(id, { limit, times, timer });
    this.#applyLimit(account);
  }

  #raise(account: Account): void {
    const lowered = this.#lowered.get(account.id);
    if (lowered) lowered.timer = undefined;
    this.#applyLimit(account);
  }

  #applyLimit(account: Account): void {
    const budget = this.#budgets.get(account.id);
    if (budget) budget.limit = this.#limitOf(account);
    this.#hosts.get(hostOf(account))?.watched.get(account.id)?.();
  }

  #limitOf({ id, settings }: Account): number {
    const { imap, provider } = settings;
    const preset = provider === undefined ? presetByImapHost(imap.host)?.provider : presetOf(provider);
    const usual = imap.max_connections ?? preset?.limits.imap_connections ?? USUAL_CONNECTIONS;
    const lowered = this.#lowered.get(id);
    return Math.max(lowered?.timer ? Math.min(lowered.limit, usual) : usual, LEAST_CONNECTIONS);
  }

  /** Settings may have changed since it was made. */
  #budgetOf(account: Account): ConnectionBudget {
    const limit = this.#limitOf(account);
    const budget = this.#budgets.get(account.id) ?? new ConnectionBudget(limit, RESERVED);
    budget.limit = limit;
    this.#budgets.set(account.id, budget);
    return budget;
  }

  #hostOf(account: Account): Host {
    const known = this.#hosts.get(hostOf(account));
    if (known) return known;
    const signIns = new ConnectionBudget(this.#signInsAtOnce + SIGN_INS_RESERVED, SIGN_INS_RESERVED);
    const reserved = Math.max(Math.ceil((this.#perHost ?? 0) * HOST_SHARE_RESERVED), 1);
    const connections = this.#perHost === null ? null : new ConnectionBudget(this.#perHost, reserved);
    const host: Host = { signIns, connections, watched: new Map() };
    this.#hosts.set(hostOf(account), host);
    return host;
  }

  /** What nobody uses is not kept: accounts come and go. */
  #tidy(account: Account): void {
    if (this.#budgets.get(account.id)?.idle) this.#budgets.delete(account.id);
    const host = this.#hosts.get(hostOf(account));
    if (host?.watched.size === 0 && host.signIns.idle && (host.connections?.idle ?? true))
      this.#hosts.delete(hostOf(account));
  }
}

/** Whether the server said so; else it was Postern that let nobody through. */
const isServersLimit = (error: unknown): boolean =>
  error instanceof PosternError && error.code === 'connection_limit' && error.details.own !== true;

const hostOf = ({ settings: { imap } }: Account): string => `${imap.host.toLowerCase()}:${imap.port}`;

const allTaken = (whose: string, where: string): PosternError =>
  new PosternError('connection_limit', `All connections to ${where} that the ${whose} may have are taken.`, {
    retry: 'later',
    hint: 'Raise imap.max_connections of the account or POSTERN_IMAP_HOST_CONNECTIONS if the server allows more.',
    details: { own: true },
  });

const crowded = (where: string, limitMs: number): PosternError =>
  new PosternError('timeout', `So many sign in at ${where} that it was not our turn within ${limitMs} ms.`, {
    retry: 'later',
  });
