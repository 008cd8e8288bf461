// Access tokens that are there when they are wanted: fetched ahead of their end, by one process at a time, and stored
// before they are used. What fails for a while is tried again; what only a person can mend says so and stops asking.
import type { Bus } from '../cluster/bus.ts';
import type { OAuth2Record } from '../contracts/sign-in.ts';
import { type Clock, pause } from '../kernel/clock.ts';
import { codeOf, explain, PosternError, retryOf } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { newOwner } from '../kernel/owner.ts';
import type { OAuthGrantsTable } from '../store/schema.ts';
import { afterCommit, type Reader, type Store, type Tx } from '../store/store.ts';
import {
  ACCESS_TOKEN,
  CLIENT_SECRET,
  failAttempt,
  isLeased,
  keepTokens,
  REFRESH_LEASE_MS,
  REFRESH_TOKEN,
  readGrant,
  takeLease,
} from './grants.ts';
import { clientCredentials, type OAuthClient, refreshTokens } from './oauth.ts';
import type { TokenSet } from './oauth-answers.ts';
import { oauthEndpoints } from './oauth-providers.ts';
import { refreshTime, waitForPerson, waitForProvider } from './refresh-times.ts';
import type { Vault } from './vault.ts';

const ENOUGH_LIFE_MS = 500; // a token with less may end on its way to the server
const LOOK_AGAIN_MS = 50; // another process asks now: its answer takes some 100 ms
const LONGEST_LOOK_AGAIN_MS = 1_000;
const PATIENCE_MS = 2_000; // a provider that hangs must not hold up what the token at hand still serves

/** What the keeper needs to know of an account. */
export interface OAuthAccount {
  id: string;
  label: string;
  auth: OAuth2Record;
}

export interface AccessToken {
  accessToken: string;
  /** Epoch milliseconds. */
  issuedAt: number;
  expiresAt: number;
}

export interface TokenKeeperParts {
  store: Store;
  vault: Vault;
  clock: Clock;
  bus: Bus;
  log: Logger;
  /** Reads `env:NAME` and `file:/path`. */
  resolveSecret: (reference: string) => string;
  /** Called in the transaction in which an account comes to need a person. */
  onNeedsPerson?: (tx: Tx, accountId: string) => Promise<void>;
  /** From 0 to 1, for jitter. */
  random?: () => number;
}

type Lease = { fence: number; refreshToken: string | null; interruptedAt: number | null };
/** `usable`: another process asks now, and meanwhile this one does. */
type Step = { token: AccessToken } | { lease: Lease } | { usable: AccessToken | null };

export class TokenKeeper {
  readonly #parts: TokenKeeperParts;
  readonly #owner = newOwner();
  /** One refresh for an account at a time in this process; between processes the ledger's lease sees to it. */
  readonly #running = new Map<string, Promise<AccessToken>>();

  constructor(parts: TokenKeeperParts) {
    this.#parts = parts;
  }

  /**
   * A token to sign in with now, fetched where the one at hand is about to end.
   * @param refused a token that a mail server did not take: another one is fetched
   * @throws PosternError `oauth_sign_in_needed` (a person has to act), `oauth_unavailable` (later), `secret_unreadable`
   */
  async accessToken(account: OAuthAccount, refused: string | null = null): Promise<AccessToken> {
    const { store } = this.#parts;
    const grant = await readGrant(store.db, account.id);
    const stored = grant?.state === 'ok' ? await this.#tokenOf(store.db, grant) : null;
    const token = stored?.accessToken === refused ? null : stored;
    if (grant && token && this.#isFresh(grant)) return token;
    const newer = this.#newer(account, refused);
    if (!token || !this.#isUsable(token)) return newer;
    const answered = new AbortController();
    const patience = pause(PATIENCE_MS, answered.signal).then(() => (this.#isUsable(token) ? token : newer));
    return Promise.race([newer, patience]).finally(() => answered.abort());
  }

  async #newer(account: OAuthAccount, refused: string | null): Promise<AccessToken> {
    const running = this.#running.get(account.id);
    if (running) {
      const token = await running;
      if (token.accessToken !== refused) return token;
    }
    return this.refresh(account, refused);
  }

  /** Fetches tokens now, unless another process is at it or has just done so. @throws as `accessToken` */
  refresh(account: OAuthAccount, refused: string | null = null): Promise<AccessToken> {
    const running = this.#running.get(account.id);
    if (running) return running;
    const refreshing = this.#refresh(account, refused).finally(() => this.#running.delete(account.id));
    this.#running.set(account.id, refreshing);
    return refreshing;
  }

  /** Takes over the tokens of a person's consent. @throws PosternError `not_found` where the account is gone */
  async adopt(account: OAuthAccount, tokens: TokenSet): Promise<void> {
    const kept = await this.#parts.store.write((tx) => this.#keep(tx, account.id, tokens, null));
    if (!kept) throw new PosternError('not_found', `There is no account ${account.id}.`);
  }

  /** The client of an account, with its secret. @throws PosternError `secret_missing`, `secret_unreadable` */
  async client({ id, auth }: OAuthAccount): Promise<OAuthClient> {
    const { vault, store, clock, resolveSecret } = this.#parts;
    const reference = auth.client_secret_ref;
    const secret =
      reference === undefined ? await vault.get(store.db, id, CLIENT_SECRET) : resolveSecret(reference);
    return { id: auth.client_id, secret, endpoints: oauthEndpoints(auth), now: () => clock.now() };
  }

  /** Fulfils when no request is on its way: a stop must not lose an answer with a rotated refresh token. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#running.values());
  }

  async #refresh(account: OAuthAccount, refused: string | null): Promise<AccessToken> {
    const { store, clock } = this.#parts;
    const patience = clock.now() + 2 * REFRESH_LEASE_MS;
    for (let wait = LOOK_AGAIN_MS; ; wait = Math.min(2 * wait, LONGEST_LOOK_AGAIN_MS)) {
      const step = await store.write((tx) => this.#step(tx, account, refused));
      if ('token' in step) return step.token;
      if ('lease' in step) {
        const token = await this.#ask(account, step.lease);
        if (token) return token;
        continue; // the next step sees what has become of it: newer tokens, an older one that still does, or an error
      }
      if (step.usable) return step.usable;
      if (clock.now() > patience) {
        throw new PosternError(
          'oauth_unavailable',
          'Another process has been fetching a token for too long.',
          {
            retry: 'later',
          },
        );
      }
      await pause(wait);
    }
  }

  /** What to do now, decided in one transaction so that two processes never decide the same. */
  async #step(tx: Tx, account: OAuthAccount, refused: string | null): Promise<Step> {
    const { clock, vault } = this.#parts;
    const now = clock.now();
    const grant = await readGrant(tx, account.id);
    if (!grant || grant.state === 'new') throw signInNeeded(account.label, null);
    const stored = await this.#tokenOf(tx, grant);
    const token = stored !== null && stored.accessToken !== refused ? stored : null;
    if (token && this.#isFresh(grant)) return { token };
    const usable = token && grant.state === 'ok' && this.#isUsable(token) ? token : null;
    if (isLeased(grant, this.#owner, now)) return { usable };
    if (grant.next_attempt_at !== null && grant.next_attempt_at > now) {
      if (usable) return { token: usable };
      if (grant.state === 'needs_sign_in') throw signInNeeded(account.label, grant.reason);
      throw new PosternError('oauth_unavailable', grant.last_error ?? 'There is no token now.', {
        retry: { afterMs: grant.next_attempt_at - now },
      });
    }
    const refreshToken = await vault.get(tx, account.id, REFRESH_TOKEN);
    if (refreshToken === null && account.auth.flow !== 'client_credentials')
      throw signInNeeded(account.label, grant.reason);
    const fence = await takeLease(tx, grant, this.#owner, now);
    const interruptedAt = (await readGrant(tx, account.id))?.interrupted_at ?? null;
    return { lease: { fence, refreshToken, interruptedAt } };
  }

  /** One request, and its end in the ledger. Null where it brought nothing that counts. */
  async #ask(account: OAuthAccount, lease: Lease): Promise<AccessToken | null> {
    const { store, log } = this.#parts;
    let tokens: TokenSet;
    try {
      const client = await this.client(account);
      tokens = await (account.auth.flow === 'client_credentials'
        ? clientCredentials(client)
        : refreshTokens(client, lease.refreshToken ?? ''));
    } catch (error) {
      if (!(error instanceof PosternError))
        log.error({ error: String(error) }, 'a bug: fetching a token failed');
      await this.#fail(account, lease, error);
      return null;
    }
    const kept = await store.write((tx) => this.#keep(tx, account.id, tokens, lease.fence));
    return kept ? tokens : null;
  }

  async #keep(tx: Tx, accountId: string, tokens: TokenSet, fence: number | null): Promise<boolean> {
    const { vault, clock, bus, random = Math.random } = this.#parts;
    const before = (await readGrant(tx, accountId))?.state;
    const refreshAt = refreshTime(tokens, random());
    const kept = await keepTokens(tx, vault, accountId, tokens, fence, refreshAt, clock.now());
    if (kept && (before !== 'ok' || fence === null)) {
      const data = { account_id: accountId, sign_in: 'ok' };
      afterCommit(tx, () => bus.publish('account.changed', data));
    }
    return kept;
  }

  async #fail(account: OAuthAccount, lease: Lease, error: unknown): Promise<void> {
    const { store, clock, bus, log, onNeedsPerson, random = Math.random } = this.#parts;
    const reason = NEEDS_PERSON.has(codeOf(error)) ? reasonOf(error, lease.interruptedAt) : null;
    log.warn({ account: account.label, code: codeOf(error) }, `no new token: ${explain(error)}`);
    await store.write(async (tx) => {
      const now = clock.now();
      const failures = ((await readGrant(tx, account.id))?.failures ?? 0) + 1;
      const wait =
        reason === null
          ? waitForProvider(failures, retryOf(error), random())
          : waitForPerson(failures, random());
      const failed = { fence: lease.fence, error: explain(error), nextAttemptAt: now + wait, reason };
      const before = await failAttempt(tx, account.id, failed, now);
      if (before === null || before === 'needs_sign_in' || reason === null) return;
      await onNeedsPerson?.(tx, account.id);
      const data = { account_id: account.id, sign_in: 'needed', reason };
      afterCommit(tx, () => bus.publish('account.changed', data));
    });
  }

  #isFresh(grant: OAuthGrantsTable): boolean {
    return grant.state === 'ok' && grant.refresh_at !== null && grant.refresh_at > this.#parts.clock.now();
  }

  #isUsable({ expiresAt }: AccessToken): boolean {
    return expiresAt - ENOUGH_LIFE_MS > this.#parts.clock.now();
  }

  async #tokenOf(db: Reader, grant: OAuthGrantsTable): Promise<AccessToken | null> {
    if (grant.expires_at === null || grant.issued_at === null) return null;
    const accessToken = await this.#parts.vault.get(db, grant.account_id, ACCESS_TOKEN);
    return accessToken === null
      ? null
      : { accessToken, issuedAt: grant.issued_at, expiresAt: grant.expires_at };
  }
}

/** Failures that do not pass by themselves. */
const NEEDS_PERSON = new Set([
  'oauth_grant_refused',
  'oauth_client_refused',
  'secret_missing',
  'secret_unreadable',
  'invalid_input',
]);

/** In one sentence or two, for a person. */
function reasonOf(error: unknown, interruptedAt: number | null): string {
  if (interruptedAt === null || codeOf(error) !== 'oauth_grant_refused') return explain(error);
  const when = new Date(interruptedAt).toISOString();
  return (
    `A refresh was interrupted at ${when}, after its request had left: where the provider had answered with a new ` +
    `refresh token, that one is lost. ${explain(error)}`
  );
}

function signInNeeded(label: string, reason: string | null): PosternError {
  return new PosternError(
    'oauth_sign_in_needed',
    reason === null
      ? `Nobody has signed in to the account ${label} yet.`
      : `The account ${label} has to be signed in again. ${reason}`,
    {
      hint: `Sign in with \`postern account sign-in ${label}\`, or give new credentials with \`account update\`.`,
    },
  );
}
