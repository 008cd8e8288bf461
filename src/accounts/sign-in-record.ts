// How an account signs in, as the ledger keeps it: the settings in its row, the secrets in the vault, and for OAuth2 the
// state of its grant.
import type { AccountAuth } from '../contracts/account.ts';
import type { GrantState, OAuth2Auth, OAuth2Record } from '../contracts/sign-in.ts';
import type { OAuthGrantsTable } from '../store/schema.ts';
import type { Reader, Tx } from '../store/store.ts';
import { ACCESS_TOKEN, beginGrant, CLIENT_SECRET, REFRESH_TOKEN, readGrant, removeGrant } from './grants.ts';
import { oauthEndpoints } from './oauth-providers.ts';
import type { Vault } from './vault.ts';

const PASSWORD = 'password';

export interface OAuthStatus {
  state: GrantState;
  reason: string | null;
  /** Epoch milliseconds; null before the first token. */
  tokenExpiresAt: number | null;
  lastError: string | null;
  hasClientSecret: boolean;
  hasRefreshToken: boolean;
}

/** What is kept outside of the vault. */
export function signInRecord(
  auth: AccountAuth,
): { type: 'basic'; username: string; password_secret_ref: string | null } | OAuth2Record {
  if (auth.type === 'basic')
    return { type: 'basic', username: auth.username, password_secret_ref: auth.password_secret_ref ?? null };
  const { client_secret: _secret, refresh_token: _token, ...record } = auth;
  return record;
}

/**
 * Stores the secrets of a sign-in and begins its grant.
 * @param keepSecrets OAuth2 secrets that are not given stay; otherwise all that were there before go
 * @throws PosternError `invalid_input` for an OAuth2 sign-in that can never work
 */
export async function replaceSignIn(
  tx: Tx,
  vault: Vault,
  accountId: string,
  auth: AccountAuth,
  { keepSecrets }: { keepSecrets: boolean },
  now: number,
): Promise<void> {
  const stays = (field: string): boolean =>
    keepSecrets && (field === REFRESH_TOKEN || (field === CLIENT_SECRET && !namesSecret(auth)));
  for (const field of [PASSWORD, CLIENT_SECRET, REFRESH_TOKEN, ACCESS_TOKEN])
    if (!stays(field)) await vault.remove(tx, accountId, field);
  if (auth.type === 'basic') {
    if (auth.password !== undefined) await vault.put(tx, accountId, PASSWORD, auth.password);
    await removeGrant(tx, accountId);
    return;
  }
  oauthEndpoints(auth); // throws for what is incomplete
  if (auth.client_secret !== undefined) await vault.put(tx, accountId, CLIENT_SECRET, auth.client_secret);
  if (auth.refresh_token !== undefined) await vault.put(tx, accountId, REFRESH_TOKEN, auth.refresh_token);
  await beginGrant(tx, accountId, await firstState(tx, accountId, auth), now);
}

/** `ok` where tokens can be fetched without a person: the first one is, at once. */
async function firstState(tx: Tx, accountId: string, auth: OAuth2Auth): Promise<GrantState> {
  if (auth.flow === 'client_credentials') return 'ok';
  return (await heldSecrets(tx, accountId)).some(({ field }) => field === REFRESH_TOKEN) ? 'ok' : 'new';
}

const namesSecret = (auth: AccountAuth): boolean =>
  auth.type === 'oauth2' && (auth.client_secret !== undefined || auth.client_secret_ref !== undefined);

/** The OAuth2 state of accounts by their ids; of one, or (null) of all that have any. */
export async function oauthStatuses(db: Reader, accountId: string | null): Promise<Map<string, OAuthStatus>> {
  const grants = accountId === null ? await allGrants(db) : [await readGrant(db, accountId)];
  const held = await heldSecrets(db, accountId);
  const holds = (id: string, field: string) =>
    held.some((secret) => secret.account_id === id && secret.field === field);
  return new Map(
    grants
      .filter((grant) => grant !== null)
      .map((grant) => [
        grant.account_id,
        {
          state: grant.state as GrantState,
          reason: grant.reason,
          tokenExpiresAt: grant.expires_at,
          lastError: grant.last_error,
          hasClientSecret: holds(grant.account_id, CLIENT_SECRET),
          hasRefreshToken: holds(grant.account_id, REFRESH_TOKEN),
        },
      ]),
  );
}

const allGrants = (db: Reader): Promise<OAuthGrantsTable[]> =>
  db.selectFrom('oauth_grants').selectAll().execute();

/** Which OAuth2 secrets there are; not the secrets. */
function heldSecrets(db: Reader, accountId: string | null): Promise<{ account_id: string; field: string }[]> {
  let query = db
    .selectFrom('account_secrets')
    .select(['account_id', 'field'])
    .where('field', 'in', [CLIENT_SECRET, REFRESH_TOKEN]);
  if (accountId !== null) query = query.where('account_id', '=', accountId);
  return query.execute();
}
