// The one door to simple-oauth2: what is asked of a provider's token endpoint, each with a time limit, and its answers
// as typed values or as errors in which no secret stands.
import { AuthorizationCode, ClientCredentials, type ModuleOptions } from 'simple-oauth2';
import { PosternError } from '../kernel/errors.ts';
import {
  answerError,
  type ProviderFailure,
  readTokens,
  type TokenSet,
  unavailable,
} from './oauth-answers.ts';
import type { OAuthEndpoints } from './oauth-providers.ts';

const REQUEST_LIMIT_MS = 20_000; // providers answer within a second; a lease is longer than this
const LARGEST_ANSWER_BYTES = 256 * 1024; // tokens have some kB

/** The client as it is registered at the provider. */
export interface OAuthClient {
  id: string;
  /** Null: a public client. */
  secret: string | null;
  endpoints: OAuthEndpoints;
  /** Epoch milliseconds: what the life of tokens is counted from. */
  now: () => number;
}

export interface AuthorizeRequest {
  redirectUri: string;
  state: string;
  /** BASE64URL(SHA256(verifier)), RFC 7636 §4.2. */
  challenge: string;
  /** Whose mailbox it is, so that the provider offers the right login. */
  loginHint: string;
}

/** The address to which a person goes to consent (RFC 6749 §4.1.1). */
export function authorizeUrl(client: OAuthClient, request: AuthorizeRequest): string {
  const { authorizeUrl: url, scopes, scopeSeparator, authorizeFields } = client.endpoints;
  if (url === null) throw new Error('a client without an authorisation endpoint');
  const fields: Record<string, string> = {
    ...authorizeFields,
    state: request.state,
    code_challenge: request.challenge,
    code_challenge_method: 'S256',
    login_hint: request.loginHint,
  };
  const { auth, ...rest } = options(client);
  const { origin, pathname } = new URL(url);
  const made = new URL(
    new AuthorizationCode({
      ...rest,
      auth: { ...auth, authorizeHost: origin, authorizePath: pathname },
    }).authorizeURL({
      redirect_uri: request.redirectUri,
      ...(scopes.length > 0 ? { scope: scopes.join(scopeSeparator) } : {}),
      ...fields,
    }),
  );
  // What stands in the configured address itself, such as a policy of the provider, stays.
  for (const [name, value] of new URL(url).searchParams)
    if (!made.searchParams.has(name)) made.searchParams.set(name, value);
  return made.href;
}

/** Exchanges the code of a consent. @throws PosternError as `refreshTokens` */
export function exchangeCode(
  client: OAuthClient,
  given: { code: string; redirectUri: string; verifier: string },
): Promise<TokenSet> {
  const fields = { code: given.code, redirect_uri: given.redirectUri, code_verifier: given.verifier };
  return ask(client, [given.code, given.verifier], () =>
    new AuthorizationCode(options(client)).getToken(fields, HTTP),
  );
}

/**
 * New tokens for a refresh token. `refreshToken` is null where the provider did not rotate it: the old one stays.
 * @throws PosternError `oauth_grant_refused`, `oauth_client_refused` (a person has to act), `oauth_unavailable`
 */
export function refreshTokens(client: OAuthClient, refreshToken: string): Promise<TokenSet> {
  return ask(client, [refreshToken], () =>
    new AuthorizationCode(options(client)).createToken({ refresh_token: refreshToken }).refresh({}, HTTP),
  );
}

/** An application's own tokens (RFC 6749 §4.4). @throws PosternError as `refreshTokens` */
export function clientCredentials(client: OAuthClient): Promise<TokenSet> {
  const { scopes, scopeSeparator } = client.endpoints;
  return ask(client, [], () =>
    new ClientCredentials(options(client)).getToken(
      scopes.length > 0 ? { scope: scopes.join(scopeSeparator) } : {},
      HTTP,
    ),
  );
}

const HTTP = { timeout: REQUEST_LIMIT_MS, maxBytes: LARGEST_ANSWER_BYTES, redirects: false as const };

async function ask(
  client: OAuthClient,
  secrets: readonly string[],
  request: () => Promise<{ token: unknown }>,
): Promise<TokenSet> {
  const { tokenUrl } = client.endpoints;
  const askedAt = client.now();
  let timer: NodeJS.Timeout | undefined;
  // The library's limit is for the headers and for the body apart; this one is for both.
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(unavailable(tokenUrl, 'it did not answer in time')), REQUEST_LIMIT_MS);
  });
  try {
    const { token } = await Promise.race([request(), late]);
    return readTokens(token, tokenUrl, askedAt);
  } catch (error) {
    if (error instanceof PosternError || !isOfRequest(error)) throw error;
    throw answerError(failureOf(error), tokenUrl, [...secrets, client.secret ?? '']);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether the library says that a request failed, and not that it was called wrongly. */
const isOfRequest = (error: unknown): boolean => (error as { isBoom?: boolean } | null)?.isBoom === true;

/** The parts of the library's errors (Boom's) that tell what happened. */
function failureOf(error: unknown): ProviderFailure {
  const { data, message } = (error ?? {}) as {
    message?: string;
    data?: {
      isResponseError?: boolean;
      headers?: Record<string, string>;
      payload?: unknown;
      res?: { statusCode?: number };
    };
  };
  if (data?.isResponseError === true) {
    return {
      status: data.res?.statusCode ?? 0,
      payload: data.payload,
      retryAfter: data.headers?.['retry-after'] ?? null,
    };
  }
  return { cause: String((error as { code?: unknown } | null)?.code ?? message ?? 'unknown') };
}

function options({ id, secret, endpoints }: OAuthClient): ModuleOptions {
  const token = new URL(endpoints.tokenUrl);
  // A public client sends its id alone. The library would send an empty secret, which some providers refuse, so that
  // its secret's parameter is given the name and the value of the id.
  const isPublic = secret === null || endpoints.clientAuth === 'none';
  return {
    client: isPublic ? { id, secret: id, secretParamName: 'client_id' } : { id, secret },
    auth: {
      tokenHost: token.origin,
      tokenPath: token.pathname + token.search,
    },
    options: {
      authorizationMethod: !isPublic && endpoints.clientAuth === 'client_secret_basic' ? 'header' : 'body',
    },
  };
}
