// Connections to SMTP servers that are kept for a while, since a TLS handshake and a sign-in cost more than a mail. It
// sends nothing twice by itself: what failed is told to its caller.
import type { Account, Credentials } from '../accounts/accounts.ts';
import type { Clock } from '../kernel/clock.ts';
import { PosternError } from '../kernel/errors.ts';
import type { Part } from '../kernel/lifecycle.ts';
import { openSmtp, type SmtpConnection } from './smtp.ts';

const MAX_CONNECTIONS = 5; // for each account; providers refuse more
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
  waiting: (() => void)[];
  refused: { version: number; until: number; error: PosternError } | undefined;
}

interface Idle {
  connection: SmtpConnection;
  version: number;
  timer: NodeJS.Timeout;
}

export class SmtpPool implements Part {
  readonly name = 'smtp connections';
  readonly #accounts: AccountSource;
  readonly #clock: Clock;
  readonly #open: OpenSmtp;
  readonly #lanes = new Map<string, Lane>();
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
   * @throws what `openSmtp` and accounts/ throw
   */
  async use<T>(
    account: Account,
    work: (connection: SmtpConnection) => Promise<T>,
    { signal, fresh = false }: { signal?: AbortSignal; fresh?: boolean } = {},
  ): Promise<T> {
    const lane = this.#lane(account.id);
    await this.#turn(lane, signal);
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
      this.#giveBack(lane, account.id);
    }
  }

  #lane(id: string): Lane {
    const known = this.#lanes.get(id);
    if (known) return known;
    const lane: Lane = { idle: [], inUse: 0, waiting: [], refused: undefined };
    this.#lanes.set(id, lane);
    return lane;
  }

  /** Waits until one of the account's connections is free. */
  async #turn(lane: Lane, signal: AbortSignal | undefined): Promise<void> {
    while (lane.inUse >= MAX_CONNECTIONS) {
      if (signal?.aborted) throw stopping();
      const { promise, resolve } = Promise.withResolvers<void>();
      lane.waiting.push(resolve);
      signal?.addEventListener('abort', () => resolve(), { once: true });
      await promise;
    }
    lane.inUse++;
  }

  #giveBack(lane: Lane, id: string): void {
    lane.inUse--;
    lane.waiting.shift()?.();
    if (lane.inUse === 0 && lane.idle.length === 0 && !lane.refused) this.#lanes.delete(id);
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
