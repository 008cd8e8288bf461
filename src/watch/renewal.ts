// Connections that were opened with an access token: some servers end them when the token ends (Gmail and Microsoft 365
// do), so that they are better made anew a little before.
import type { Account, Accounts, Credentials } from '../accounts/accounts.ts';
import { codeOf, explain } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';

const SHARE_BEFORE = 0.1; // of the token's life; a new token is fetched at 80 % at the latest
const LONGEST_BEFORE_MS = 2 * 60_000; // of an hour's token there is no need to give more away
const AROUND_SHARE = 0.03; // an end this near to the token's end is taken for its consequence
const AROUND_LEAST_MS = 2_000;

/** How long to wait before the next look whether there is a newer token, when there should be one and is not. */
export const RENEW_AGAIN_MS = 5_000;

/**
 * When the connection is to be made anew, epoch milliseconds; infinity for never.
 * @param cuts the server was seen to end a connection with its token
 */
export function renewAt(credentials: Credentials, cuts: boolean): number {
  if (credentials.type === 'basic' || !(credentials.cutsAtExpiry || cuts)) return Number.POSITIVE_INFINITY;
  const { issuedAt, expiresAt } = credentials;
  return expiresAt - Math.min((expiresAt - issuedAt) * SHARE_BEFORE, LONGEST_BEFORE_MS);
}

/** Whether a connection that ended now ended because its token did. @param words the error's */
export function endedWithToken(credentials: Credentials, words: string, now: number): boolean {
  if (credentials.type === 'basic') return false;
  if (/token\W{0,3}(has |is )?expired|expired\W{0,3}(access )?token|session expired/i.test(words))
    return true;
  const { issuedAt, expiresAt } = credentials;
  const around = Math.max((expiresAt - issuedAt) * AROUND_SHARE, AROUND_LEAST_MS);
  return Math.abs(now - expiresAt) <= around && now - issuedAt > around;
}

/** Whether another token is at hand now. Without one the connection at hand is the best there is. */
export async function hasNewerToken(
  accounts: Pick<Accounts, 'credentials'>,
  account: Account,
  old: Credentials,
  log: Logger,
): Promise<boolean> {
  try {
    const now = await accounts.credentials(account);
    return old.type === 'oauth2' && now.type === 'oauth2' && now.accessToken !== old.accessToken;
  } catch (error) {
    log.debug({ code: codeOf(error) }, `there is no newer token: ${explain(error)}`);
    return false;
  }
}
