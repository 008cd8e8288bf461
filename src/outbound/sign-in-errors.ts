// Why a connection to an SMTP server could not be made or signed in, in our codes and words.
import type { Endpoint } from '../contracts/account.ts';
import { PosternError } from '../kernel/errors.ts';
import { explainNetworkError } from '../kernel/network-errors.ts';
import { oneLine, type SmtpError } from './failures.ts';

// Servers that slow down sign-ins say 535 too: their words tell it from a wrong password.
const THROTTLED = /throttl|too many|rate limit|try (?:it )?again|temporar|unavailable/i;
const WANTS_TLS = /starttls|must issue|encryption required|encrypted connection|plaintext/i;

/**
 * @param scrub takes the password out of what the server said
 * @param byToken the sign-in was one of OAuth2
 */
export function signInError(
  error: unknown,
  smtp: Endpoint,
  scrub: (text: string) => string,
  byToken = false,
): PosternError {
  if (error instanceof PosternError) return error;
  const failure = (error ?? {}) as SmtpError;
  const server = `The SMTP server ${smtp.host}:${smtp.port}`;
  const said = failure.response ? ` It said: ${oneLine(scrub(failure.response))}` : '';
  const code = failure.responseCode ?? 0;
  const make = (name: string, message: string, hint: string) =>
    new PosternError(name, message, { hint, retry: 'later', details: { host: smtp.host, port: smtp.port } });

  // The connection is not encrypted yet here, and nothing secret was said.
  if (failure.code === 'ETLS' || failure.command === 'STARTTLS') {
    return make(
      'tls_refused',
      `${server} does not offer STARTTLS.${said}`,
      'Use a server that encrypts, or security: "tls" on its TLS port, usually 465.',
    );
  }
  if (failure.code === 'EAUTH') {
    if (WANTS_TLS.test(failure.response ?? '')) {
      return make(
        'tls_refused',
        `${server} takes no password over an unencrypted connection.${said}`,
        'Use security: "starttls" or "tls".',
      );
    }
    if (code === 0 && byToken) {
      return make(
        'auth_not_offered',
        `${server} takes no sign-in with an access token (OAUTHBEARER, XOAUTH2).`,
        'Check the port, or sign in by password.',
      );
    }
    if (code >= 500 && byToken && !THROTTLED.test(failure.response ?? '')) {
      return make(
        'token_refused',
        `${server} refused the user name or the access token.${said}`,
        'Check the user name, that the consent covers sending, and that SMTP is switched on for the mailbox.',
      );
    }
    if (code >= 500 && !THROTTLED.test(failure.response ?? '')) {
      return make(
        'wrong_password',
        `${server} refused the user name or the password.${said}`,
        'Check both; many providers want an app password or OAuth2 instead of the usual password.',
      );
    }
    if (code > 0)
      return make('sign_in_deferred', `${server} asks to come back later.${said}`, 'Wait a while.');
  }
  if (failure.code === 'ETIMEDOUT') {
    return make(
      'timeout',
      `${server} did not answer in time.`,
      smtp.security === 'tls'
        ? 'Check host and port; a port that speaks STARTTLS never answers a TLS hello.'
        : 'Check host and port; a port that speaks TLS from the first byte sends no greeting: try security: "tls".',
    );
  }
  const network = explainNetworkError(error, { protocol: 'SMTP', host: smtp.host, port: smtp.port });
  if (network) return network;
  if (code > 0 || failure.code === 'EPROTOCOL') {
    return make(
      'protocol',
      `${server} did not welcome us as an SMTP server does.${said}`,
      'Check host and port.',
    );
  }
  return make(
    'connection_lost',
    `${server} closed the connection: ${oneLine(scrub(error instanceof Error ? error.message : String(error)))}.`,
    'Check port and security; it may also refuse too many connections.',
  );
}
