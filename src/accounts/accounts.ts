// Mailbox accounts: their settings in the ledger, their secrets in the vault.
import {
  type AccountAuth,
  type AccountInput,
  type AccountPatch,
  type AccountSettings,
  accountSettings,
} from '../contracts/account.ts';
import type { OAuth2Record } from '../contracts/sign-in.ts';
import type { Clock } from '../kernel/clock.ts';
import { codeOf, notFound, PosternError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { keptQuery } from '../store/kept-query.ts';
import type { AccountsTable } from '../store/schema.ts';
import type { Store, Tx } from '../store/store.ts';
import type { Credentials, OAuthCredentials } from './credentials.ts';
import { removeGrant } from './grants.ts';
import { settingsOf } from './known-settings.ts';
import { oauthEndpoints } from './oauth-providers.ts';
import { dropStates } from './oauth-states.ts';
import { type OAuthStatus, oauthStatuses, replaceSignIn, signInRecord } from './sign-in-record.ts';
import type { TokenKeeper } from './token-keeper.ts';
import type { Vault } from './vault.ts';

export type { Credentials, OAuthCredentials };

export interface Account {
  id: string;
  /** Grows with every change. */
  version: number;
  settings: AccountSettings;
  auth: BasicRecord | OAuth2Record;
  /** Where an OAuth2 sign-in stands; null for a password. */
  oauth: OAuthStatus | null;
  createdAt: number;
  updatedAt: number;
}

export interface BasicRecord {
  type: 'basic';
  username: string;
  password_secret_ref: string | null;
}

export interface AccountsParts {
  store: Store;
  vault: Vault;
  clock: Clock;
  /** Reads `env:NAME` and `file:/path`. */
  resolveSecret: (reference: string) => string;
  /** Who keeps tokens; without it no account can sign in by OAuth2. */
  tokens?: Pick<TokenKeeper, 'accessToken'>;
}

const PASSWORD = 'password';
const rowOf = keptQuery((db, id: string) => db.selectFrom('accounts').selectAll().where('id', '=', id));
const rowNamed = keptQuery((db, idOrLabel: string) =>
  db
    .selectFrom('accounts')
    .selectAll()
    .where((eb) => eb.or([eb('id', '=', idOrLabel), eb('label', '=', idOrLabel)])),
);

export class Accounts {
  readonly #parts: AccountsParts;
  readonly #listeners = new Set<(accountId: string) => void>();

  constructor(parts: AccountsParts) {
    this.#parts = parts;
  }

  /** @throws PosternError `account_label_taken` */
  async add(input: AccountInput): Promise<Account> {
    const { auth, ...settings } = input;
    const now = this.#parts.clock.now();
    const id = newId('acc', now);
    await this.#parts.store.write(async (tx) => {
      await this.#refuseTakenLabel(tx, settings.label, id);
      await tx
        .insertInto('accounts')
        .values({
          id,
          label: settings.label,
          active: settings.active ? 1 : 0,
          settings: JSON.stringify(settings),
          auth: JSON.stringify(signInRecord(auth)),
          version: 1,
          created_at: now,
          updated_at: now,
        })
        .execute();
      await replaceSignIn(tx, this.#parts.vault, id, auth, { keepSecrets: false }, now);
    });
    this.announce(id);
    return this.get(id);
  }

  /** @throws PosternError `not_found` */
  async get(id: string): Promise<Account> {
    const [row] = await rowOf(this.#parts.store.db, id);
    if (!row) throw notFound('account', id);
    return this.#accountOf(row);
  }

  /** By id or by label. @throws PosternError `not_found` */
  async find(idOrLabel: string): Promise<Account> {
    const [row] = await rowNamed(this.#parts.store.db, idOrLabel);
    if (!row) throw notFound('account', idOrLabel);
    return this.#accountOf(row);
  }

  async list(): Promise<Account[]> {
    const rows = await this.#parts.store.db.selectFrom('accounts').selectAll().orderBy('label').execute();
    const statuses = await oauthStatuses(this.#parts.store.db, null);
    return rows.map((row) => accountOf(row, statuses.get(row.id) ?? null));
  }

  /**
   * Changes what the patch names (RFC 7396) and validates the whole.
   * @throws ZodError for settings that do not fit, PosternError `not_found`, `account_label_taken`, and
   *   `password_needed` where a stored password would be sent to another server than it was entered for
   */
  async patch(id: string, patch: AccountPatch): Promise<Account> {
    const { auth, ...changes } = patch;
    await this.#parts.store.write(async (tx) => {
      const row = await tx.selectFrom('accounts').selectAll().where('id', '=', id).executeTakeFirst();
      if (!row) throw notFound('account', id);
      const settings = accountSettings.parse(mergePatch(JSON.parse(row.settings), changes));
      await this.#refuseTakenLabel(tx, settings.label, id);
      const moved = movedServers(settingsOf(row.settings), settings);
      if (!auth && moved.length > 0) throw secretNeeded(moved);
      await tx
        .updateTable('accounts')
        .set({
          label: settings.label,
          active: settings.active ? 1 : 0,
          settings: JSON.stringify(settings),
          ...(auth ? { auth: JSON.stringify(signInRecord(auth)) } : {}),
          version: row.version + 1,
          updated_at: this.#parts.clock.now(),
        })
        .where('id', '=', id)
        .execute();
      if (auth) {
        const before = JSON.parse(row.auth) as Account['auth'];
        const keepSecrets = moved.length === 0 && isSameClient(before, auth);
        await replaceSignIn(tx, this.#parts.vault, id, auth, { keepSecrets }, this.#parts.clock.now());
      }
    });
    this.announce(id);
    return this.get(id);
  }

  /** Removes the account and its secrets. What it did stays on record. @throws PosternError `not_found` */
  async remove(id: string): Promise<void> {
    await this.#parts.store.write(async (tx) => {
      const gone = await tx.deleteFrom('accounts').where('id', '=', id).returning('id').executeTakeFirst();
      if (!gone) throw notFound('account', id);
      await this.#parts.vault.remove(tx, id);
      await removeGrant(tx, id);
      await dropStates(tx, id);
      await tx.deleteFrom('mailboxes').where('account_id', '=', id).execute();
      await tx.deleteFrom('backfills').where('account_id', '=', id).execute();
      await tx.deleteFrom('stored_queries').where('account_id', '=', id).execute();
      const consumers = tx.selectFrom('source_consumers').select('id').where('account_id', '=', id);
      await tx.deleteFrom('source_cursors').where('consumer_id', 'in', consumers).execute();
      await tx.deleteFrom('source_deliveries').where('consumer_id', 'in', consumers).execute();
      await tx.deleteFrom('source_consumers').where('account_id', '=', id).execute();
    });
    this.announce(id);
  }

  /**
   * What to sign in with now. A token is fetched where the one at hand is about to end.
   * @param refused a token that a mail server has just refused: another one is fetched
   * @throws PosternError `secret_missing`, `secret_unreadable`, `oauth_sign_in_needed`, `oauth_unavailable`
   */
  async credentials(account: Account, refused: string | null = null): Promise<Credentials> {
    const { auth } = account;
    if (auth.type === 'oauth2') return this.#token(account, auth, refused);
    const { username, password_secret_ref: reference } = auth;
    if (reference !== null)
      return { type: 'basic', username, password: this.#parts.resolveSecret(reference) };
    const password = await this.#parts.vault.get(this.#parts.store.db, account.id, PASSWORD);
    if (password === null) {
      throw new PosternError('secret_missing', `The account ${account.settings.label} has no password.`, {
        hint: 'Enter it with `postern account update`.',
      });
    }
    return { type: 'basic', username, password };
  }

  /**
   * Connects with the account's credentials. A token that the server refuses is replaced, and tried once more: the
   * provider may have ended it before its time.
   * @throws what `credentials` and `connect` throw
   */
  async signIn<T>(account: Account, connect: (credentials: Credentials) => Promise<T>): Promise<T> {
    const credentials = await this.credentials(account);
    if (credentials.type === 'basic') return connect(credentials);
    try {
      return await connect(credentials);
    } catch (error) {
      if (codeOf(error) !== 'token_refused') throw error;
      const fresh = await this.credentials(account, credentials.accessToken);
      return connect(fresh);
    }
  }

  async #token(account: Account, auth: OAuth2Record, refused: string | null): Promise<OAuthCredentials> {
    if (!this.#parts.tokens) throw new Error('an account with OAuth2, and nobody who keeps its tokens');
    const { label, address } = account.settings;
    const token = await this.#parts.tokens.accessToken({ id: account.id, label, auth }, refused);
    const { cutsAtExpiry } = oauthEndpoints(auth);
    return { type: 'oauth2', username: auth.username ?? address, ...token, cutsAtExpiry };
  }

  /** Hears the id of every account that was added, changed or removed. Returns the way out. */
  onChange(listener: (accountId: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells those who listen; for whoever has changed the account in a transaction of their own. */
  announce(accountId: string): void {
    for (const listener of this.#listeners) listener(accountId);
  }

  async #accountOf(row: AccountsTable): Promise<Account> {
    const account = accountOf(row, null);
    if (account.auth.type !== 'oauth2') return account;
    const statuses = await oauthStatuses(this.#parts.store.db, row.id);
    return { ...account, oauth: statuses.get(row.id) ?? null };
  }

  async #refuseTakenLabel(tx: Tx, label: string, id: string): Promise<void> {
    const other = await tx
      .selectFrom('accounts')
      .select('id')
      .where('label', '=', label)
      .where('id', '<>', id)
      .executeTakeFirst();
    if (!other) return;
    throw new PosternError('account_label_taken', `There is already an account with the label ${label}.`, {
      hint: 'Choose another label.',
    });
  }
}

function accountOf(row: AccountsTable, oauth: OAuthStatus | null): Account {
  return {
    oauth,
    id: row.id,
    version: row.version,
    settings: settingsOf(row.settings),
    auth: JSON.parse(row.auth) as Account['auth'],
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

/** Whoever may change an account must not be able to read its secrets by pointing it at a server of their own. */
export function movedServers(before: AccountSettings, after: AccountSettings): ('imap' | 'smtp')[] {
  return (['imap', 'smtp'] as const).filter((protocol) => before[protocol].host !== after[protocol].host);
}

const secretNeeded = (moved: readonly string[]): PosternError =>
  new PosternError(
    'password_needed',
    `The ${moved.join(' and ')} host changes, and the stored password was entered for another server.`,
    { hint: 'Give auth with the password in the same change.' },
  );

/** Whether the secrets at hand were entered for the very endpoint that a changed sign-in would send them to. */
export function isSameClient(before: Account['auth'], after: Account['auth'] | AccountAuth): boolean {
  if (before.type !== 'oauth2' || after.type !== 'oauth2') return false;
  const [was, is] = [oauthEndpoints(before), oauthEndpoints(after)];
  return (
    was.tokenUrl === is.tokenUrl && was.deviceUrl === is.deviceUrl && before.client_id === after.client_id
  );
}

/** RFC 7396: objects merge, null removes, everything else replaces. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const merged: Record<string, unknown> = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else if (value !== undefined) merged[name] = mergePatch(merged[name], value);
  }
  return merged;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
