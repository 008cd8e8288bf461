// Connections to SMTP servers that are kept for a while, since a TLS handshake and a sign-in cost more than a mail. It
// sends nothing twice by itself: what failed is told to its caller.
import type { Account, Credentials } from '../accounts/accounts.ts';
import { presetOf } from '../accounts/providers.ts';
import type { ProviderId } from '../contracts/provider.ts';
import type { Clock } from '../kernel/clock.ts';
import { PosternError } from '../kernel/errors.ts';
import type { Part } from '../kernel/lifecycle.ts';
import { openSmtp, type SmtpConnection } from './smtp.ts';

const MAX_CONNECTIONS = 5; // for each account that says nothing else; providers refuse more
const IDLE_CLOSE_MS = 30_000; // servers close after a minute or more; being first avoids sending into a closed one
const MAX_MAILS = 100; // for each connection; some servers refuse more
const REFUSED_PAUSE_MS = 60_000; // wrong passwords in a row lock accounts at many providers

/** What the pool needs of accounts/. */
export interface AccountSource {
  get(id: string): Promise<Account>;
  signIn<T>(account: Account, connect: (credentials: Credentials) => Promise<T>): Promise<T>;
  onChange(listener: (accountId: string) => void): () => void;
}

export type OpenSmtp = typeof openSmtp;

interface Lane {
  idle: Idle[];
  /** Connections in use or being made. An idle one is taken before another is made, so all are never more than the limit. */
  inUse: number;
  waiting: Waiting[];
  refused: { version: number; until: number; error: PosternError } | undefined;
}

interface Waiting {
  isUrgent: boolean;
  /** The place of one that ended is passed on. */
  take(): void;
}

interface Idle {
  connection: SmtpConnection;
  version: number;
  timer: NodeJS.Timeout;
}

interface Use {
  signal?: AbortSignal;
  fresh?: boolean;
  isUrgent?: boolean;
}

type SmtpLimited = {
  settings: { smtp: { max_connections?: number | undefined }; provider?: ProviderId | undefined };
};

/** How many connections an account may have: as it says, or its provider, or as most servers bear. */
function limitOf({ settings: { smtp, provider } }: SmtpLimited): number {
  const preset = provider === undefined ? null : presetOf(provider).limits.smtp_connections;
  return smtp.max_connections ?? preset ?? MAX_CONNECTIONS;
}

/** A broadcast leaves one connection to whoever writes to a person. */
const shareOf = (limit: number, isUrgent: boolean): number => (isUrgent ? limit : Math.max(1, limit - 1));

export class SmtpPool implements Part {
  readonly name = 'smtp connections';
  readonly #accounts: AccountSource;
  readonly #clock: Clock;
  readonly #open: OpenSmtp;
  readonly #lanes = new Map<string, Lane>();
  readonly #limits = new Map<string, number>();
  /** By account: the SIZE that its server announced last, in octets. */
  readonly #sizes = new Map<string, number>();
  readonly #stopListening: () => void;
  #stopped = false;

  constructor(accounts: AccountSource, clock: Clock, open: OpenSmtp = openSmtp) {
    this.#accounts = accounts;
    this.#clock = clock;
    this.#open = open;
    this.#stopListening = accounts.onChange((id) => this.#closeIdle(id));
  }

  stop(): void {
    this.#stopped = true;
    this.#stopListening();
    for (const id of [...this.#lanes.keys()]) this.#closeIdle(id);
  }

  /**
   * Runs `work` on a connection that is signed in. It is kept afterwards unless `work` threw or closed it.
   * @param fresh do not take one that was idle, and close those
   * @param isUrgent whether it goes before those that wait and are not; it is, where nothing is said
   * @throws what `openSmtp` and accounts/ throw
   */
  async use<T>(
    account: Account,
    work: (connection: SmtpConnection) => Promise<T>,
    { signal, fresh = false, isUrgent = true }: Use = {},
  ): Promise<T> {
    const lane = this.#lane(account.id);
    this.#limits.set(account.id, limitOf(account));
    await this.#turn(lane, limitOf(account), isUrgent, signal);
    let connection: SmtpConnection | undefined;
    try {
      connection = this.#takeIdle(lane, account, fresh) ?? (await this.#connect(lane, account, signal));
      const result = await work(connection);
      this.#keep(lane, account, connection);
      return result;
    } catch (error) {
      connection?.close();
      throw error;
    } finally {
      this.#giveBack(lane, account);
    }
  }

  /** How many connections the account may have, as far as it was used. */
  limitFor(accountId: string): number {
    return this.#limits.get(accountId) ?? MAX_CONNECTIONS;
  }

  #lane(id: string): Lane {
    const known = this.#lanes.get(id);
    if (known) return known;
    const lane: Lane = { idle: [], inUse: 0, waiting: [], refused: undefined };
    this.#lanes.set(id, lane);
    return lane;
  }

  /** Waits until one of the account's connections is free. */
  async #turn(lane: Lane, limit: number, isUrgent: boolean, signal: AbortSignal | undefined): Promise<void> {
    if (lane.inUse < shareOf(limit, isUrgent)) {
      lane.inUse++;
      return;
    }
    if (signal?.aborted) throw stopping();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting = { isUrgent, take: resolve };
    const before = isUrgent ? lane.waiting.findIndex((other) => !other.isUrgent) : -1;
    lane.waiting.splice(before < 0 ? lane.waiting.length : before, 0, waiting);
    const leave = (): void => {
      const at = lane.waiting.indexOf(waiting);
      if (at < 0) return; // it has its turn already
      lane.waiting.splice(at, 1);
      reject(stopping());
    };
    signal?.addEventListener('abort', leave, { once: true });
    await promise.finally(() => signal?.removeEventListener('abort', leave));
  }

  /** The turn goes to the next that waits, so that nobody who comes just now gets before it. */
  #giveBack(lane: Lane, account: SmtpLimited & { id: string }): void {
    lane.inUse--;
    // Fewer may be allowed by now, or more.
    for (let next = lane.waiting[0]; next; next = lane.waiting[0]) {
      if (lane.inUse >= shareOf(limitOf(account), next.isUrgent)) break;
      lane.inUse++;
      lane.waiting.shift();
      next.take();
    }
    if (lane.inUse === 0 && lane.idle.length === 0 && !lane.refused) this.#lanes.delete(account.id);
  }

  #takeIdle(lane: Lane, account: Account, fresh: boolean): SmtpConnection | undefined {
    for (let idle = lane.idle.pop(); idle; idle = lane.idle.pop()) {
      clearTimeout(idle.timer);
      if (!fresh && idle.connection.usable && idle.version === account.version) return idle.connection;
      idle.connection.close();
    }
    return undefined;
  }

  async #connect(lane: Lane, account: Account, signal: AbortSignal | undefined): Promise<SmtpConnection> {
    const { refused } = lane;
    if (refused?.version === account.version && this.#clock.now() < refused.until) throw refused.error;
    lane.refused = undefined;
    try {
      const connection = await this.#accounts.signIn(account, (credentials) =>
        this.#open(account, credentials, signal),
      );
      this.#noteSize(account.id, connection.capabilities);
      return connection;
    } catch (error) {
      if (error instanceof PosternError && ['wrong_password', 'token_refused'].includes(error.code))
        lane.refused = { version: account.version, until: this.#clock.now() + REFUSED_PAUSE_MS, error };
      throw error;
    }
  }

  /** The largest mail that the account's server takes, in octets; undefined where it has not said. */
  largestTaken(accountId: string): number | undefined {
    return this.#sizes.get(accountId);
  }

  #noteSize(accountId: string, capabilities: readonly string[]): void {
    const said = capabilities
      .map((line) => /^SIZE (\d{1,15})$/i.exec(line)?.[1])
      .find((size) => size !== undefined);
    if (said === undefined) this.#sizes.delete(accountId);
    else this.#sizes.set(accountId, Number(said));
  }

  #keep(lane: Lane, account: Account, connection: SmtpConnection): void {
    if (this.#stopped || !connection.usable || connection.mails >= MAX_MAILS) {
      connection.quit();
      return;
    }
    const idle: Idle = {
      connection,
      version: account.version,
      timer: setTimeout(() => {
        lane.idle = lane.idle.filter((other) => other !== idle);
        connection.quit();
      }, IDLE_CLOSE_MS).unref(),
    };
    lane.idle.push(idle);
  }

  #closeIdle(id: string): void {
    const lane = this.#lanes.get(id);
    if (!lane) return;
    for (const { connection, timer } of lane.idle) {
      clearTimeout(timer);
      connection.quit();
    }
    lane.idle = [];
    lane.refused = undefined;
    if (lane.inUse === 0) this.#lanes.delete(id);
  }
}

const stopping = (): PosternError =>
  new PosternError('stopping', 'Stopped while waiting for a connection.', { retry: 'later' });
