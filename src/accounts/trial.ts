// An account that nobody has saved yet, to be tested: it lives for one request, and nothing of it is written down.
import type { AccountInput } from '../contracts/account.ts';
import { PosternError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { Account, Credentials } from './accounts.ts';
import { oauthEndpoints } from './oauth-providers.ts';
import { signInRecord } from './sign-in-record.ts';

export interface Trial {
  account: Account;
  /** As `Accounts.signIn` of a saved one. @throws PosternError `secret_missing`, `oauth_sign_in_needed` */
  signIn<T>(connect: (credentials: Credentials) => Promise<T>): Promise<T>;
}

/**
 * @param resolveSecret reads `env:NAME` and `file:/path`
 * @throws PosternError `invalid_input` for an OAuth2 sign-in that can never work
 */
export function trialAccount(
  { auth, ...settings }: AccountInput,
  resolveSecret: (reference: string) => string,
): Trial {
  if (auth.type === 'oauth2') oauthEndpoints(auth);
  const account: Account = {
    id: newId('acc'), // so that nothing that is counted for one is counted for another
    version: 0,
    settings,
    auth: signInRecord(auth),
    oauth: null,
    createdAt: 0,
    updatedAt: 0,
  };
  const credentials = (): Credentials => {
    if (auth.type === 'oauth2') {
      throw new PosternError('oauth_sign_in_needed', 'Nobody has signed in by OAuth2 yet.', {
        hint: 'Everything before the sign-in was tested. Save the account and sign in; then test it again.',
      });
    }
    const password = auth.password ?? resolveSecret(auth.password_secret_ref ?? '');
    return { type: 'basic', username: auth.username, password };
  };
  return { account, signIn: async (connect) => connect(credentials()) };
}
