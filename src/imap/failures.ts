// What went wrong with an IMAP server, as one of our errors: a stable code, a sentence, and whether to try again.
import type { Endpoint } from '../contracts/account.ts';
import { PosternError } from '../kernel/errors.ts';
import { explainNetworkError } from '../kernel/network-errors.ts';

/** The parts of ImapFlow's errors that tell what happened. */
interface ImapFailure {
  code?: string;
  message?: string;
  authenticationFailed?: boolean;
  serverResponseCode?: string;
  responseText?: string;
  responseStatus?: string;
  mailboxMissing?: boolean;
}

/** Whether the server answered the command with NO or BAD: the connection is as good as before. */
export function isRefusal(error: unknown): boolean {
  const { responseStatus } = (error ?? {}) as ImapFailure;
  return responseStatus === 'NO' || responseStatus === 'BAD';
}

// ImapFlow 2.1 takes a throttled sign-in for a rejected one: the server's words tell them apart.
const THROTTLED =
  /throttl|too many|rate limit|try again later|temporar|unavailable|maximum number of connections|exceeded/i;

// ImapFlow's names for what a server must not do.
const TOO_LARGE = new Set(['LiteralTooLarge', 'LineTooLarge', 'ResponseTooLarge']);
const NOT_IMAP =
  /^(UnexpectedTag|InvalidResponse|ResponseProcessingFailed|ParserError\w*|MAX_IMAP_NESTING_REACHED)$/;

/** Whether a server's words are about how many connections there are; not about how fast they come. */
const isConnectionLimit = (said: string): boolean =>
  /(too many|maximum|limit).{0,40}\b(connections?|sessions?)|\b(connections?|sessions?).{0,40}(limit|exceeded)/i.test(
    said,
  ) && !/\brate\b/i.test(said);

/** A goodbye instead of an answer, because there are too many connections; null for any other goodbye. */
export function farewellOfFull(said: string, { host, port }: Endpoint): PosternError | null {
  if (!isConnectionLimit(said)) return null;
  const message = `The IMAP server ${host}:${port} asks to come back later. It said: ${oneLine(said)}`;
  return new PosternError('connection_limit', message, { retry: 'later' });
}

/**
 * @param what the command in words, for the sentence
 * @param scrub takes the password out of the server's words
 */
export function imapError(
  error: unknown,
  endpoint: Endpoint,
  what: string,
  scrub: (text: string) => string,
): PosternError {
  if (error instanceof PosternError) return error;
  const failure = (error ?? {}) as ImapFailure;
  const where = `${endpoint.host}:${endpoint.port}`;
  const said = failure.responseText ? ` It said: ${oneLine(scrub(failure.responseText))}` : '';
  if (
    failure.code === 'ETHROTTLE' ||
    ((failure.authenticationFailed || failure.responseStatus) && THROTTLED.test(failure.responseText ?? ''))
  ) {
    const code = isConnectionLimit(failure.responseText ?? '') ? 'connection_limit' : 'throttled';
    return new PosternError(code, `The IMAP server ${where} asks to come back later.${said}`, {
      retry: 'later',
      cause: error,
    });
  }
  if (failure.authenticationFailed) {
    const noPasswords = /Login is disabled|No matching authentication method/.test(failure.message ?? '');
    if (
      failure.serverResponseCode === 'PRIVACYREQUIRED' ||
      /plaintext|LOGINDISABLED/i.test(failure.responseText ?? '') ||
      (noPasswords && endpoint.security === 'none')
    ) {
      return tlsRefused(
        'IMAP',
        endpoint,
        `The IMAP server ${where} does not take passwords over an unencrypted connection.`,
      );
    }
    if (noPasswords)
      return new PosternError('auth_not_offered', `The IMAP server ${where} takes no passwords.`, {
        hint: 'It may want OAuth2, or passwords may have to be allowed for this mailbox at the provider.',
        cause: error,
      });
    return new PosternError(
      'wrong_password',
      `The IMAP server ${where} refused the user name or the password.${said}`,
      {
        hint: 'Check both; many providers want an app password or OAuth2 instead of the usual password.',
        cause: error,
      },
    );
  }
  if (/does not support STARTTLS/.test(failure.message ?? '')) {
    return tlsRefused('IMAP', endpoint, `The IMAP server ${where} does not offer STARTTLS.`);
  }
  if (failure.code === 'STARTTLS_INJECTION') {
    return new PosternError(
      'tls_refused',
      `The IMAP server ${where} sent data before the encryption began: somebody may be in between.`,
    );
  }
  if (
    failure.code === 'CONNECT_TIMEOUT' ||
    failure.code === 'GREETING_TIMEOUT' ||
    failure.code === 'UPGRADE_TIMEOUT' ||
    failure.code === 'ETIMEOUT'
  ) {
    return new PosternError('timeout', `The IMAP server ${where} did not answer in time (${what}).`, {
      hint:
        failure.code === 'GREETING_TIMEOUT' && endpoint.security !== 'tls'
          ? 'The port may speak TLS from the start: try security: tls.'
          : 'Check host and port.',
      retry: 'later',
      cause: error,
    });
  }
  if (TOO_LARGE.has(failure.code ?? '')) {
    return new PosternError(
      'answer_too_large',
      `The IMAP server ${where} sent more at once than Postern takes (${what}): ${oneLine(failure.message ?? '')}`,
      { retry: 'later', cause: error },
    );
  }
  if (NOT_IMAP.test(failure.code ?? '')) {
    return new PosternError(
      'protocol_violated',
      `The IMAP server ${where} answered in a way that IMAP does not know (${what}): ${oneLine(scrub(failure.message ?? ''))}`,
      { retry: 'later', cause: error },
    );
  }
  const network = explainNetworkError(error, { protocol: 'IMAP', host: endpoint.host, port: endpoint.port });
  if (network) return network;
  if (isRefusal(failure)) {
    const missing =
      failure.mailboxMissing ||
      failure.serverResponseCode === 'NONEXISTENT' ||
      /does.?n.t exist|not found|unknown mailbox/i.test(failure.responseText ?? '');
    return new PosternError(
      missing ? 'mailbox_missing' : 'imap_refused',
      `The IMAP server ${where} refused to ${what}.${said}`,
      {
        retry: 'later',
        ...(missing
          ? { hint: 'Make it, or correct its name: `postern imap mailboxes` lists those that there are.' }
          : {}),
        cause: error,
      },
    );
  }
  return new PosternError(
    'connection_lost',
    `The connection to the IMAP server ${where} broke (${what}): ${oneLine(scrub(failure.message ?? String(error)))}`,
    {
      retry: 'later',
      cause: error,
    },
  );
}

/** A failed sign-in with a token, in words that fit it. */
export function tokenRefused(error: unknown, { host, port }: Endpoint): unknown {
  const cause = error instanceof PosternError ? error.cause : undefined;
  if (cause instanceof Error && cause.message === 'Unsupported authentication mechanism') {
    return new PosternError(
      'auth_not_offered',
      `The IMAP server ${host}:${port} takes no sign-in with an access token (OAUTHBEARER, XOAUTH2).`,
      { hint: 'Check the server, or sign in by password.', retry: 'later', cause },
    );
  }
  if (!(error instanceof PosternError) || error.code !== 'wrong_password') return error;
  return new PosternError('token_refused', error.message.replace('the password', 'the access token'), {
    hint: 'Check the user name, that the consent covers this mailbox, and that IMAP is switched on for it.',
    cause: error,
  });
}

export function tlsRefused(protocol: 'IMAP' | 'SMTP', endpoint: Endpoint, message: string): PosternError {
  return new PosternError('tls_refused', message, {
    hint:
      endpoint.security === 'none'
        ? 'Use security: tls or starttls, or switch require_tls off for this account.'
        : `Use a server that encrypts ${protocol}, or security: tls on its TLS port.`,
  });
}

const LONGEST_QUOTE = 300; // characters of a server's words in an error

/** Without what moves a terminal's cursor, ends a line, or turns the direction of writing. */
const oneLine = (text: string): string =>
  text
    .slice(0, LONGEST_QUOTE * 4)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a server's words may hold anything
    .replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]+/g, ' ')
    .slice(0, LONGEST_QUOTE);
