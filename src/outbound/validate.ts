// The test of an account's SMTP server, step by step: an answer that a person understands, never an exception.
import type { Account } from '../accounts/accounts.ts';
import type { SignInCheck } from '../contracts/check.ts';
import type { SignIn } from '../imap/validate.ts';
import type { PosternError } from '../kernel/errors.ts';
import { asPosternError, Checks, checkResult, type Found } from '../network/checks.ts';
import { shakeHands } from '../network/handshake.ts';
import { smtpFeatures } from './features.ts';
import { openSmtp, type SmtpConnection } from './smtp.ts';

export async function checkSmtp(
  account: Pick<Account, 'settings'>,
  signIn: SignIn,
  signal?: AbortSignal,
): Promise<SignInCheck> {
  const { smtp, require_tls: requireTls, timeout_ms: timeoutMs } = account.settings;
  const { steps, failure } = await shakeHands('SMTP', smtp, { requireTls, timeoutMs, signal });
  const success = { message: '', capabilities: [] as string[] };
  if (failure) return checkResult(steps, failure, success);
  const checks = new Checks();
  const done = (reason: PosternError | null) => checkResult([...steps, ...checks.steps], reason, success);
  let connection: SmtpConnection | undefined;
  try {
    await checks.step(
      'sign_in',
      async () => {
        const username = await signIn(async (credentials) => {
          connection = await openSmtp(account, credentials, signal);
          return credentials.username;
        });
        success.message = connection?.signedIn
          ? `Signed in to SMTP as ${username}.`
          : 'Connected to SMTP; the server asks nobody to sign in.';
        return { message: success.message, details: { username: connection?.signedIn ? username : null } };
      },
      asPosternError,
    );
    success.capabilities = connection?.capabilities ?? [];
    await checks.step(
      'capabilities',
      async () => saidOf(success.capabilities, account.settings.max_message_bytes),
      asPosternError,
    );
    return done(null);
  } catch (error) {
    return done(asPosternError(error));
  } finally {
    connection?.quit();
  }
}

function saidOf(capabilities: readonly string[], maxMessageBytes: number): Found {
  const { features, auth, size } = smtpFeatures(capabilities);
  const has = features.filter(({ offered }) => offered).map(({ name }) => name);
  const hints = features
    .filter(({ offered }) => !offered)
    .map(({ name, instead }) => `No ${name}: ${instead}`);
  if (size !== null && size < maxMessageBytes)
    hints.unshift(`The server takes mails of up to ${size} bytes; the account allows ${maxMessageBytes}.`);
  return {
    message: `It offers ${[...has, ...(auth.length > 0 ? [`AUTH ${auth.join(' ')}`] : [])].join(', ') || 'nothing'}.`,
    hint: hints.join(' ') || null,
    details: { capabilities, features, auth, size },
  };
}
