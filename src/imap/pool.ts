// Connections for single operations: one for each account at the most, made when it is wanted, closed when it has been
// idle for a while. Watching has connections of its own, so an operation never breaks an IDLE.
import type { Account, Accounts } from '../accounts/accounts.ts';
import { PosternError } from '../kernel/errors.ts';
import type { Part } from '../kernel/lifecycle.ts';
import type { ImapConnection } from './connection.ts';
import type { ImapConnector, Opened, SignIn } from './connector.ts';

const IDLE_CLOSE_MS = 60_000; // providers count connections; a burst of mail is over within a minute
const LARGEST_MESSAGE_SPARE_BYTES = 1024 * 1024;

interface Lane {
  /** The end of the operation before: one connection does one thing at a time. */
  tail: Promise<unknown>;
  connection: ImapConnection | undefined;
  version: number;
  closeTimer: NodeJS.Timeout | undefined;
}

export interface UseOptions {
  /** For how long an idle connection is kept afterwards. */
  keepMs?: number;
}

export class ImapPool implements Part {
  readonly name = 'imap operations';
  readonly #accounts: Pick<Accounts, 'get' | 'onChange'>;
  readonly #stopListening: () => void;
  readonly #connector: Pick<ImapConnector, 'open' | 'check'>;
  readonly #lanes = new Map<string, Lane>();
  readonly #stopped = new AbortController();

  constructor(
    accounts: Pick<Accounts, 'get' | 'onChange'>,
    connector: Pick<ImapConnector, 'open' | 'check'>,
  ) {
    this.#accounts = accounts;
    this.#connector = connector;
    this.#stopListening = accounts.onChange((id) => void this.#changed(id));
  }

  /** The connection of an account that is another now ends after what is under way; of one that is gone, at once. */
  async #changed(accountId: string): Promise<void> {
    const lane = this.#lanes.get(accountId);
    if (!lane?.connection) return;
    const account = await this.#accounts.get(accountId).catch(() => undefined);
    if (account?.version === lane.version) return;
    if (account) return this.#close(accountId);
    clearTimeout(lane.closeTimer);
    lane.connection.close();
    this.#lanes.delete(accountId);
  }

  /** Runs `work` on a connection of the account, after what was asked before. A broken connection is made anew. */
  async use<T>(
    accountId: string,
    work: (connection: ImapConnection) => Promise<T>,
    { keepMs = IDLE_CLOSE_MS }: UseOptions = {},
  ): Promise<T> {
    const lane = this.#lanes.get(accountId) ?? {
      tail: Promise.resolve(),
      connection: undefined,
      version: 0,
      closeTimer: undefined,
    };
    this.#lanes.set(accountId, lane);
    const turn = lane.tail.then(async () => {
      clearTimeout(lane.closeTimer);
      const account = await this.#accounts.get(accountId);
      const connection = await this.#connectionOf(lane, account);
      try {
        return await work(connection);
      } finally {
        lane.closeTimer = setTimeout(() => void this.#close(accountId), keepMs).unref();
      }
    });
    lane.tail = turn.catch(() => undefined);
    return turn;
  }

  /** A connection of its own for a test of the account, in the place of ours where that is idle: there may be no other. */
  async check(account: Account, signIn: SignIn, signal: AbortSignal): Promise<Opened> {
    void this.#close(account.id);
    return this.#connector.check(account, signIn, signal);
  }

  async #connectionOf(lane: Lane, account: Account): Promise<ImapConnection> {
    if (lane.connection?.usable && lane.version === account.version) return lane.connection;
    await lane.connection?.logout();
    lane.connection = undefined;
    const { connection } = await this.#connector.open(account, {
      purpose: 'operation',
      signal: this.#stopped.signal,
      largestLiteralBytes: account.settings.max_message_bytes + LARGEST_MESSAGE_SPARE_BYTES,
    });
    lane.connection = connection;
    lane.version = account.version;
    return lane.connection;
  }

  async #close(accountId: string): Promise<void> {
    const lane = this.#lanes.get(accountId);
    if (!lane) return;
    lane.tail = lane.tail.then(() => lane.connection?.logout()).catch(() => undefined);
    await lane.tail;
  }

  async stop(): Promise<void> {
    this.#stopListening();
    this.#stopped.abort(new PosternError('stopping', 'Postern is stopping.', { retry: 'later' }));
    await Promise.all(
      [...this.#lanes.values()].map(async (lane) => {
        clearTimeout(lane.closeTimer);
        lane.connection?.close();
        await lane.tail;
      }),
    );
  }
}
