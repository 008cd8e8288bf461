// Fetches the tokens of all accounts ahead of their end, whether or not anybody asks for one: connections find a token
// that is good, and refresh tokens that end when nobody uses them stay alive.
import { oauth2Record } from '../contracts/sign-in.ts';
import { type Clock, pause } from '../kernel/clock.ts';
import { codeOf, explain } from '../kernel/errors.ts';
import type { Part } from '../kernel/lifecycle.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Store } from '../store/store.ts';
import type { OAuthAccount, TokenKeeper } from './token-keeper.ts';

const AT_ONCE = 20; // requests; a provider that hangs for some accounts leaves room for those of others
const SHORTEST_WAIT_MS = 100;
const AFTER_SUCCESS_MS = 1_000; // it may be another process that asks: its answer comes into the ledger
const AFTER_FAILURE_MS = 5_000; // the ledger says how long to wait, but for failures that never came to a request
const LONGEST_WAIT_MS = 15_000; // accounts that another process added are noticed after this

export interface TokenTimerParts {
  store: Store;
  clock: Clock;
  log: Logger;
  tokens: Pick<TokenKeeper, 'refresh'>;
  /** Accounts of another group are looked after by other nodes: their provider may be reached from there only. */
  nodeGroup: string | null;
}

export class TokenTimer implements Part {
  readonly name = 'tokens';
  readonly #parts: TokenTimerParts;
  readonly #stopped = new AbortController();
  readonly #busy = new Set<string>();
  /** Accounts that were looked after just now, and until when they are left alone, epoch milliseconds. */
  readonly #left = new Map<string, number>();
  #wake: () => void = () => undefined;
  #loop: Promise<void> | undefined;

  constructor(parts: TokenTimerParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#wake();
    await this.#loop;
  }

  /** Looks at all accounts now: one was added or changed. */
  wake(): void {
    this.#wake();
  }

  async #run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      const woken = new AbortController();
      this.#wake = () => woken.abort();
      const wait = await this.#look().catch((error: unknown) => {
        this.#parts.log.error({ error: explain(error) }, 'the ends of tokens could not be looked up');
        return LONGEST_WAIT_MS;
      });
      if (this.#stopped.signal.aborted) return;
      await pause(wait, woken.signal);
    }
  }

  /** Begins to refresh what is due; returns how long to wait for the next, in milliseconds. */
  async #look(): Promise<number> {
    const plan = await this.#plan();
    const now = this.#parts.clock.now();
    for (const [id, until] of this.#left) if (until <= now) this.#left.delete(id);
    let next = now + LONGEST_WAIT_MS;
    for (const { account, at } of plan) {
      if (this.#busy.has(account.id)) continue; // its end wakes us
      const when = Math.max(at, this.#left.get(account.id) ?? 0);
      // Nobody waits for it here: a provider that hangs for one account must not hold up the others.
      if (when <= now && this.#busy.size < AT_ONCE) void this.#refresh(account);
      else next = Math.min(next, when);
    }
    return Math.max(next - now, SHORTEST_WAIT_MS);
  }

  async #plan(): Promise<{ account: OAuthAccount; at: number }[]> {
    const { store, nodeGroup } = this.#parts;
    const rows = await store.db
      .selectFrom('oauth_grants')
      .innerJoin('accounts', 'accounts.id', 'oauth_grants.account_id')
      .select(['accounts.id', 'accounts.label', 'accounts.auth', 'accounts.settings'])
      .select(['oauth_grants.refresh_at', 'oauth_grants.next_attempt_at'])
      .where('accounts.active', '=', 1)
      .where('oauth_grants.state', '=', 'ok')
      .execute();
    return rows
      .filter(({ settings }) => groupOf(settings) === nodeGroup)
      .map(({ id, label, auth, refresh_at: refreshAt, next_attempt_at: nextAttemptAt }) => ({
        account: { id, label, auth: oauth2Record.parse(JSON.parse(auth)) },
        at: Math.max(refreshAt ?? 0, nextAttemptAt ?? 0),
      }));
  }

  /** Failures are in the ledger and in the log by then. */
  async #refresh(account: OAuthAccount): Promise<void> {
    const { tokens, clock, log } = this.#parts;
    this.#busy.add(account.id);
    let leaveFor = AFTER_SUCCESS_MS;
    try {
      await tokens.refresh(account);
    } catch (error) {
      leaveFor = AFTER_FAILURE_MS;
      log.debug({ account: account.label, code: codeOf(error) }, 'a token could not be fetched ahead');
    } finally {
      this.#busy.delete(account.id);
      this.#left.set(account.id, clock.now() + leaveFor);
      this.#wake();
    }
  }
}

const groupOf = (settings: string): string | null =>
  (JSON.parse(settings) as { node_group?: string }).node_group ?? null;
