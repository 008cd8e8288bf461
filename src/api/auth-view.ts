// How an account signs in, as it is shown: which secrets there are, and never a secret.
import type { Account } from '../accounts/accounts.ts';
import type { AccountAuthView } from '../contracts/account.ts';

export function authView({ auth, oauth }: Pick<Account, 'auth' | 'oauth'>): AccountAuthView {
  if (auth.type === 'basic') {
    return {
      type: 'basic',
      username: auth.username,
      has_password: auth.password_secret_ref === null,
      password_secret_ref: auth.password_secret_ref,
    };
  }
  return {
    ...auth,
    has_client_secret: oauth?.hasClientSecret ?? false,
    has_refresh_token: oauth?.hasRefreshToken ?? false,
    state: oauth?.state ?? 'new',
    reason: oauth?.reason ?? null,
    token_expires_at: oauth?.tokenExpiresAt ?? null,
    last_error: oauth?.lastError ?? null,
  };
}
