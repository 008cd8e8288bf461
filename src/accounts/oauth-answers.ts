// What a provider's token endpoint answers, read with suspicion: tokens as a typed value, refusals as our errors. Some
// providers echo what they were sent, so secrets are taken out of every word that goes on.
import { z } from 'zod';
import { PosternError } from '../kernel/errors.ts';

const ASSUMED_LIFE_S = 3600; // where a provider does not say; all known ones give an hour or more
const WHOLE_SECOND_MS = 1000; // providers count in whole seconds: a token may end up to one before its time
const LONGEST_LIFE_S = 366 * 24 * 3600;
const LONGEST_WAIT_MS = 10 * 60_000; // of Retry-After: an hour's token must not wait for half a day
const MAX_DESCRIPTION_CHARS = 300;
const MAX_TOKEN_CHARS = 16_384; // Microsoft's have some 3,000

export interface TokenSet {
  accessToken: string;
  /** Null: the answer named none. */
  refreshToken: string | null;
  /** Epoch milliseconds. Counted from before the request, so that it never seems to live longer than it does. */
  issuedAt: number;
  expiresAt: number;
}

/** RFC 6749 §5.1; VSCHAR also keeps line breaks out of what goes into SASL. */
const token = z
  .string()
  .min(1)
  .max(MAX_TOKEN_CHARS)
  .regex(/^[\x21-\x7e]+$/);
const tokenAnswer = z.object({
  access_token: token,
  token_type: z
    .string()
    .regex(/^bearer$/i)
    .optional(),
  expires_in: z.coerce.number().positive().optional().catch(undefined),
  // simple-oauth2 writes undefined into an answer without one; some servers say null.
  refresh_token: token.nullish(),
});

/** @param askedAt epoch milliseconds @throws PosternError `oauth_unavailable` for what is no token answer */
export function readTokens(answer: unknown, url: string, askedAt: number): TokenSet {
  const parsed = tokenAnswer.safeParse(answer);
  if (!parsed.success) {
    const where = parsed.error.issues.map((issue) => issue.path.join('.')).slice(0, 3);
    throw unavailable(url, `its answer is not that of a token endpoint (${where.join(', ')})`);
  }
  const { access_token: accessToken, refresh_token: refreshToken, expires_in: life } = parsed.data;
  const saidMs = Math.min(life ?? ASSUMED_LIFE_S, LONGEST_LIFE_S) * 1000;
  const lifeMs = Math.max(saidMs - WHOLE_SECOND_MS, saidMs / 2);
  return { accessToken, refreshToken: refreshToken ?? null, issuedAt: askedAt, expiresAt: askedAt + lifeMs };
}

/** How a request for tokens failed: by an answer, or before there was one (a code or words of the network). */
export type ProviderFailure =
  | { status: number; payload: unknown; retryAfter: string | null }
  | { cause: string };

/** RFC 6749 §5.2. */
export const errorAnswer = z.object({
  error: z.string().regex(/^[\x20-\x21\x23-\x5b\x5d-\x7e]{1,100}$/),
  error_description: z.string().optional().catch(undefined),
});

/** The grant is gone: only a person can give another (RFC 6749 §5.2, and Microsoft's and OpenID's words for it). */
const GRANT_REFUSED = new Set([
  'invalid_grant',
  'interaction_required',
  'consent_required',
  'login_required',
  'access_denied',
]);
/** What was registered or written down is wrong. */
const CLIENT_REFUSED = new Set([
  'invalid_client',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'invalid_request',
  'invalid_target',
]);

/** @param secrets what was sent and must not come back in words */
export function answerError(failure: ProviderFailure, url: string, secrets: readonly string[]): PosternError {
  if ('cause' in failure) return unavailable(url, networkWords(failure.cause));
  const { status, payload, retryAfter } = failure;
  const answer = errorAnswer.safeParse(payload);
  const code = answer.success ? answer.data.error : null;
  const isBusy = status === 429 || status >= 500;
  if (code !== null && !isBusy && (GRANT_REFUSED.has(code) || CLIENT_REFUSED.has(code))) {
    const said = describe(answer.data?.error_description, secrets);
    const isGrant = GRANT_REFUSED.has(code);
    return new PosternError(
      isGrant ? 'oauth_grant_refused' : 'oauth_client_refused',
      `${hostOf(url)} refused with ${code}${said === '' ? '.' : `: ${said}`}`,
      {
        hint: isGrant
          ? 'Sign the account in again with `postern account sign-in`.'
          : 'Check client_id, client_secret, tenant and scopes against the registration at the provider.',
        details: { error: code, status },
      },
    );
  }
  return unavailable(url, `it answered ${status}${code === null ? '' : ` (${code})`}`, waitOf(retryAfter));
}

export function unavailable(url: string, why: string, afterMs: number | null = null): PosternError {
  return new PosternError('oauth_unavailable', `${hostOf(url)} gives no token now: ${why}.`, {
    retry: afterMs === null ? 'later' : { afterMs },
  });
}

export function hostOf(url: string): string {
  return new URL(url).host;
}

/** Seconds or a date (RFC 9110 §10.2.3), in milliseconds and within reason. */
function waitOf(header: string | null): number | null {
  if (header === null) return null;
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) && ms > 0 ? Math.min(ms, LONGEST_WAIT_MS) : null;
}

function networkWords(cause: string): string {
  if (/ENOTFOUND|EAI_/.test(cause)) return 'its name cannot be looked up';
  if (/ECONNREFUSED/.test(cause)) return 'it refuses connections';
  if (/ETIMEDOUT|timeout|in time/i.test(cause)) return 'it did not answer in time';
  if (/CERT|SELF_SIGNED|UNABLE_TO/.test(cause)) return 'its certificate is not valid';
  if (/ECONNRESET|EPIPE|socket hang up|closed/i.test(cause)) return 'the connection broke';
  return 'it cannot be reached';
}

const LONG_WORD = /[A-Za-z0-9._~+/=-]{40,}/g; // what looks like a token is not repeated, whoever's it is

function describe(text: string | undefined, secrets: readonly string[]): string {
  let clean = (text ?? '').slice(0, 4 * MAX_DESCRIPTION_CHARS);
  for (const secret of secrets) {
    if (secret === '') continue;
    for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')])
      clean = clean.replaceAll(form, '[secret]');
  }
  return clean
    .replace(LONG_WORD, '[…]')
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
    .slice(0, MAX_DESCRIPTION_CHARS);
}
