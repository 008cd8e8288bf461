// The ledger's side of OAuth2 grants: who may ask the provider now, which tokens count, and what failed. A request has a
// fence, a number that grows; tokens are kept if their fence is above that of those at hand, so that an answer which
// comes late (its process slept, its lease ran out) never replaces a newer one.
import type { GrantState } from '../contracts/sign-in.ts';
import { isGone } from '../kernel/owner.ts';
import type { OAuthGrantsTable } from '../store/schema.ts';
import type { Reader, Tx } from '../store/store.ts';
import type { TokenSet } from './oauth-answers.ts';
import type { Vault } from './vault.ts';

/** Longer than the time limit of a request, so that a live process never loses its lease. */
export const REFRESH_LEASE_MS = 45_000;

export const ACCESS_TOKEN = 'access_token';
export const REFRESH_TOKEN = 'refresh_token';
export const CLIENT_SECRET = 'client_secret';

export async function readGrant(db: Reader, accountId: string): Promise<OAuthGrantsTable | null> {
  const row = await db
    .selectFrom('oauth_grants')
    .selectAll()
    .where('account_id', '=', accountId)
    .executeTakeFirst();
  return row ?? null;
}

/** Begins a grant anew, as for a new account. Answers to requests that are still on their way do not count any more. */
export async function beginGrant(tx: Tx, accountId: string, state: GrantState, now: number): Promise<void> {
  const before = await readGrant(tx, accountId);
  const fence = (before?.fence ?? 0) + 1;
  await removeGrant(tx, accountId);
  await tx
    .insertInto('oauth_grants')
    .values({
      account_id: accountId,
      state,
      reason: null,
      issued_at: null,
      expires_at: null,
      refresh_at: null,
      token_fence: fence,
      fence,
      lease_owner: null,
      lease_until: null,
      interrupted_at: null,
      failures: 0,
      next_attempt_at: null,
      last_error: null,
      updated_at: now,
    })
    .execute();
}

export async function removeGrant(tx: Tx, accountId: string): Promise<void> {
  await tx.deleteFrom('oauth_grants').where('account_id', '=', accountId).execute();
}

/** Whether another process asks the provider at this moment. */
export function isLeased(grant: OAuthGrantsTable, self: string, now: number): boolean {
  const { lease_owner: owner, lease_until: until } = grant;
  return owner !== null && owner !== self && until !== null && until > now && !isGone(owner);
}

/**
 * Takes the right to ask the provider; nobody else may have it (`isLeased`). A holder that is found dead leaves a note:
 * the provider may have answered it, and nobody has heard the answer.
 * @returns the fence of the request
 */
export async function takeLease(
  tx: Tx,
  grant: OAuthGrantsTable,
  owner: string,
  now: number,
): Promise<number> {
  const fence = grant.fence + 1;
  await tx
    .updateTable('oauth_grants')
    .set({
      fence,
      lease_owner: owner,
      lease_until: now + REFRESH_LEASE_MS,
      interrupted_at:
        grant.lease_owner === null ? grant.interrupted_at : (grant.lease_until ?? now) - REFRESH_LEASE_MS,
      updated_at: now,
    })
    .where('account_id', '=', grant.account_id)
    .execute();
  return fence;
}

/**
 * Keeps a set of tokens, in one transaction with what says how long they live.
 * @param fence null: a person has just signed in, which counts more than any request before it
 * @param refreshAt epoch milliseconds
 * @returns false where a newer set is at hand, or the account is gone
 */
export async function keepTokens(
  tx: Tx,
  vault: Vault,
  accountId: string,
  tokens: TokenSet,
  fence: number | null,
  refreshAt: number,
  now: number,
): Promise<boolean> {
  const grant = await readGrant(tx, accountId);
  if (!grant) return false;
  const own = fence ?? grant.fence + 1;
  if (own <= grant.token_fence) return false;
  await vault.put(tx, accountId, ACCESS_TOKEN, tokens.accessToken);
  if (tokens.refreshToken !== null) await vault.put(tx, accountId, REFRESH_TOKEN, tokens.refreshToken);
  const isLatest = own >= grant.fence;
  await tx
    .updateTable('oauth_grants')
    .set({
      state: 'ok',
      reason: null,
      issued_at: tokens.issuedAt,
      expires_at: tokens.expiresAt,
      refresh_at: refreshAt,
      token_fence: own,
      fence: Math.max(own, grant.fence),
      failures: 0,
      next_attempt_at: null,
      last_error: null,
      interrupted_at: null,
      updated_at: now,
      // A later request holds the lease that is there now.
      ...(isLatest ? { lease_owner: null, lease_until: null } : {}),
    })
    .where('account_id', '=', accountId)
    .execute();
  return true;
}

export interface FailedAttempt {
  fence: number;
  /** One line, without secrets. */
  error: string;
  nextAttemptAt: number;
  /** A person has to sign in again, and why; null: it may pass by itself. */
  reason: string | null;
}

/**
 * Writes a failure down and gives the lease back.
 * @returns the state before; null where a later request or newer tokens have made the failure meaningless
 */
export async function failAttempt(
  tx: Tx,
  accountId: string,
  failed: FailedAttempt,
  now: number,
): Promise<GrantState | null> {
  const grant = await readGrant(tx, accountId);
  if (!grant || grant.fence !== failed.fence || grant.token_fence >= failed.fence) return null;
  await tx
    .updateTable('oauth_grants')
    .set({
      ...(failed.reason === null ? {} : { state: 'needs_sign_in', reason: failed.reason }),
      failures: grant.failures + 1,
      next_attempt_at: failed.nextAttemptAt,
      last_error: failed.error,
      lease_owner: null,
      lease_until: null,
      updated_at: now,
    })
    .where('account_id', '=', accountId)
    .execute();
  return grant.state as GrantState;
}
