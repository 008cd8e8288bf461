// A person gives an account its grant: by going to the provider and coming back with a code (RFC 6749 §4.1, with PKCE,
// RFC 7636, and the check of the issuer, RFC 9207), or by typing a device code (RFC 8628).
import { createHash, randomBytes } from 'node:crypto';
import type { Bus } from '../cluster/bus.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Clock } from '../kernel/clock.ts';
import { codeOf, explain, PosternError } from '../kernel/errors.ts';
import type { OAuthStatesTable } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import type { Account, Accounts } from './accounts.ts';
import { pollDeviceCode, startDeviceCode } from './device-code.ts';
import { authorizeUrl, exchangeCode } from './oauth.ts';
import { addState, endState, findState, stateId } from './oauth-states.ts';
import type { OAuthAccount, TokenKeeper } from './token-keeper.ts';
import type { Vault } from './vault.ts';

const STATE_LIFE_MS = 10 * 60_000; // long enough for a second factor; a link that is found later is worth nothing
const STATE_BYTES = 32;
const VERIFIER_BYTES = 48; // 64 characters; RFC 7636 §4.1 asks for 43 to 128

export interface OAuthSignInParts {
  store: Store;
  vault: Vault;
  clock: Clock;
  bus: Bus;
  jobs: JobQueue;
  accounts: Accounts;
  tokens: TokenKeeper;
  /** Where the provider sends people back to: `https://…/oauth/callback`. */
  redirectUri: () => string;
}

export interface StartedSignIn {
  authorize_url: string;
  /** To be registered at the provider. */
  redirect_uri: string;
  /** Epoch milliseconds. */
  expires_at: number;
}

export interface StartedDevice {
  user_code: string;
  verification_uri: string;
  verification_uri_complete: string | null;
  expires_at: number;
}

/** What comes back from the provider in the address of the callback. */
export interface CallbackQuery {
  state?: string | undefined;
  code?: string | undefined;
  iss?: string | undefined;
  error?: string | undefined;
}

export class OAuthSignIn {
  readonly #parts: OAuthSignInParts;

  constructor(parts: OAuthSignInParts) {
    this.#parts = parts;
  }

  /** Begins a sign-in in a browser. @throws PosternError `oauth_flow_other` for an account that signs in otherwise */
  async start(account: Account): Promise<StartedSignIn> {
    const { store, vault, clock, tokens } = this.#parts;
    const client = await tokens.client(oauthAccount(account, ['authorization_code', 'refresh_token']));
    if (client.endpoints.authorizeUrl === null) throw flowError(account, 'has no authorize_url');
    const state = randomBytes(STATE_BYTES).toString('base64url');
    const verifier = randomBytes(VERIFIER_BYTES).toString('base64url');
    const redirectUri = this.#parts.redirectUri();
    const row = this.#row(account, { id: stateId(state), kind: 'code', redirect_uri: redirectUri });
    await store.write((tx) => addState(tx, vault, row, verifier));
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    const loginHint = usernameOf(account);
    return {
      authorize_url: authorizeUrl(client, { redirectUri, state, challenge, loginHint }),
      redirect_uri: redirectUri,
      expires_at: clock.now() + STATE_LIFE_MS,
    };
  }

  /**
   * Takes what the provider sent a person back with. A state is good for one try, whatever comes of it.
   * @returns the label of the account that is signed in now
   * @throws PosternError `oauth_state_unknown`, `oauth_denied`, `oauth_issuer_other`, `oauth_no_refresh_token`, and as
   *   oauth.ts `refreshTokens`
   */
  async complete(query: CallbackQuery): Promise<string> {
    const { store, vault, clock, accounts, tokens } = this.#parts;
    const id = stateId(query.state ?? '');
    const found = await store.write(async (tx) => {
      const waiting = await findState(tx, vault, id, clock.now());
      return waiting?.row.kind === 'code' && (await endState(tx, vault, waiting.row)) ? waiting : null;
    });
    if (!found) throw unknownState();
    const account = await accounts.get(found.row.account_id);
    return this.#telling(account, async () => {
      if (account.version !== found.row.account_version) throw unknownState();
      const named = oauthAccount(account, ['authorization_code', 'refresh_token']);
      const client = await tokens.client(named);
      if (query.error !== undefined) throw denied(query.error);
      requireIssuer(client.endpoints.issuer, query.iss, named.auth.issuer !== undefined);
      if (query.code === undefined || query.code === '') throw denied('no code');
      const redirectUri = found.row.redirect_uri ?? '';
      const given = await exchangeCode(client, { code: query.code, redirectUri, verifier: found.secret });
      if (given.refreshToken === null) throw noRefreshToken();
      await tokens.adopt(named, given);
    });
  }

  /** Begins a sign-in by device code; a job looks for its end. @throws PosternError as `start` and oauth.ts */
  async startDevice(account: Account): Promise<StartedDevice> {
    const { store, vault, jobs, clock, tokens } = this.#parts;
    const client = await tokens.client(oauthAccount(account, ['device_code', 'refresh_token']));
    if (client.endpoints.deviceUrl === null) throw flowError(account, 'has no device_url');
    const code = await startDeviceCode(client);
    const row = this.#row(account, {
      id: randomBytes(STATE_BYTES).toString('hex'),
      kind: 'device',
      interval_ms: code.intervalMs,
      expires_at: code.expiresAt,
    });
    await store.write(async (tx) => {
      await addState(tx, vault, row, code.deviceCode);
      await jobs.enqueue(tx, 'oauth.poll', { state_id: row.id }, { runAt: clock.now() + code.intervalMs });
    });
    return {
      user_code: code.userCode,
      verification_uri: code.verificationUri,
      verification_uri_complete: code.verificationUriComplete,
      expires_at: code.expiresAt,
    };
  }

  /** The job `oauth.poll`: looks once whether the person has typed the code, and comes back later if not. */
  async poll(id: string): Promise<void> {
    const { store, vault, clock, accounts, tokens } = this.#parts;
    const found = await findState(store.db, vault, id, clock.now());
    if (!found) return this.#endDevice(id);
    const { row, secret } = found;
    const account = await accounts.get(row.account_id);
    await this.#telling(account, async () => {
      if (account.version !== row.account_version) throw unknownState();
      const named = oauthAccount(account, ['device_code', 'refresh_token']);
      const interval = row.interval_ms ?? 0;
      const looked = await pollDeviceCode(await tokens.client(named), secret, interval).catch(
        (error: unknown) => {
          // RFC 8628 §3.5: after a connection that timed out, more slowly.
          if (codeOf(error) === 'oauth_unavailable') return { againAfterMs: interval * 2 };
          throw error;
        },
      );
      if ('againAfterMs' in looked) return this.#pollAgain(row, looked.againAfterMs);
      if (looked.tokens.refreshToken === null) throw noRefreshToken();
      await tokens.adopt(named, looked.tokens);
      await this.#endDevice(id);
    }).catch(async (error: unknown) => {
      if (!(error instanceof PosternError)) throw error;
      await this.#endDevice(id); // it has been told
    });
  }

  async #pollAgain(row: OAuthStatesTable, afterMs: number): Promise<void> {
    const { store, jobs, clock } = this.#parts;
    await store.write(async (tx) => {
      await tx.updateTable('oauth_states').set({ interval_ms: afterMs }).where('id', '=', row.id).execute();
      await jobs.enqueue(tx, 'oauth.poll', { state_id: row.id }, { runAt: clock.now() + afterMs });
    });
  }

  async #endDevice(id: string): Promise<void> {
    const { store, vault } = this.#parts;
    await store.write(async (tx) => {
      const row = await tx.selectFrom('oauth_states').selectAll().where('id', '=', id).executeTakeFirst();
      if (row) await endState(tx, vault, row);
    });
  }

  /** Whoever waits for the end of a sign-in hears of a failure too. */
  async #telling(account: Account, work: () => Promise<void>): Promise<string> {
    try {
      await work();
      return account.settings.label;
    } catch (error) {
      const data = { account_id: account.id, sign_in: 'failed', reason: explain(error) };
      this.#parts.bus.publish('account.changed', data);
      throw error;
    }
  }

  #row(
    account: Account,
    given: Pick<OAuthStatesTable, 'id' | 'kind'> & Partial<OAuthStatesTable>,
  ): OAuthStatesTable {
    const now = this.#parts.clock.now();
    return {
      account_id: account.id,
      account_version: account.version,
      redirect_uri: null,
      interval_ms: null,
      created_at: now,
      expires_at: now + STATE_LIFE_MS,
      ...given,
    };
  }
}

/** @throws PosternError `oauth_flow_other` */
function oauthAccount({ id, settings, auth }: Account, flows: readonly string[]): OAuthAccount {
  if (auth.type === 'oauth2' && flows.includes(auth.flow)) return { id, label: settings.label, auth };
  const how = auth.type === 'basic' ? 'a password' : `the flow ${auth.flow}`;
  throw flowError({ settings }, `signs in by ${how}`);
}

const flowError = ({ settings }: Pick<Account, 'settings'>, why: string): PosternError =>
  new PosternError('oauth_flow_other', `The account ${settings.label} ${why}.`, {
    hint: 'Change auth with `postern account update`, or use the way that belongs to its flow.',
  });

const usernameOf = ({ auth, settings }: Account): string => auth.username ?? settings.address;

/**
 * RFC 9207 §2.4. Without a known issuer nothing can be compared: the state is bound to one account and its endpoints.
 * @param isDemanded the account names the issuer itself, so that an answer without one is refused as well
 */
function requireIssuer(expected: string | null, got: string | undefined, isDemanded: boolean): void {
  if (expected === null || (got === undefined && !isDemanded) || got === expected) return;
  throw new PosternError(
    'oauth_issuer_other',
    'The answer comes from another issuer than the account names.',
    {
      hint: 'Begin again; where this stays, check authorize_url and issuer of the account.',
    },
  );
}

const unknownState = (): PosternError =>
  new PosternError('oauth_state_unknown', 'This sign-in is not known, was used already, or took too long.', {
    hint: 'Begin again with `postern account sign-in`.',
  });

const denied = (error: string): PosternError =>
  new PosternError(
    'oauth_denied',
    `The provider gave no consent (${/^[a-z_ ]{1,60}$/.test(error) ? error : 'unknown error'}).`,
    { hint: 'Begin again, and consent with the mailbox’s own login.' },
  );

const noRefreshToken = (): PosternError =>
  new PosternError(
    'oauth_no_refresh_token',
    'The provider gave no refresh token: access would end within the hour.',
    {
      hint: 'Ask for lasting access by its scope (often offline_access), and see that the client may have it.',
    },
  );
