// The device code (RFC 8628): a person enters a short code at the provider's page on any device, while we ask the token
// endpoint from time to time. simple-oauth2 has no such grant.
import { z } from 'zod';
import { PosternError } from '../kernel/errors.ts';
import type { OAuthClient } from './oauth.ts';
import { answerError, errorAnswer, hostOf, readTokens, type TokenSet, unavailable } from './oauth-answers.ts';

const REQUEST_LIMIT_MS = 20_000;
const LARGEST_ANSWER_BYTES = 256 * 1024;
const DEFAULT_INTERVAL_S = 5; // RFC 8628 §3.2
const SLOWER_MS = 5_000; // §3.5, slow_down
const LONGEST_LIFE_S = 30 * 60; // nobody types for longer; providers give 15 minutes
const LONGEST_INTERVAL_S = 60;
const GRANT = 'urn:ietf:params:oauth:grant-type:device_code';

export interface DeviceCode {
  deviceCode: string;
  userCode: string;
  verificationUri: string;
  /** With the code already in it; null where the provider has none. */
  verificationUriComplete: string | null;
  /** Epoch milliseconds. */
  expiresAt: number;
  intervalMs: number;
}

const webPage = z.url({ protocol: /^https?$/ }).max(2048);
const deviceAnswer = z
  .object({
    device_code: z.string().min(1).max(16_384),
    user_code: z.string().regex(/^[\x20-\x7e]{1,100}$/),
    verification_uri: webPage.optional(),
    verification_url: webPage.optional(), // what Google called it before the standard
    verification_uri_complete: webPage.optional().catch(undefined),
    expires_in: z.coerce.number().positive(),
    interval: z.coerce.number().positive().optional().catch(undefined),
  })
  .refine((answer) => (answer.verification_uri ?? answer.verification_url) !== undefined);

/** Asks for a code (§3.1). @throws PosternError as oauth.ts `refreshTokens` */
export async function startDeviceCode(client: OAuthClient): Promise<DeviceCode> {
  const { deviceUrl, scopes, scopeSeparator } = client.endpoints;
  if (deviceUrl === null) throw new Error('a client without a device endpoint');
  const askedAt = client.now();
  const answer = await post(
    deviceUrl,
    client,
    scopes.length > 0 ? { scope: scopes.join(scopeSeparator) } : {},
  );
  if (answer.status !== 200) throw answerError(answer, deviceUrl, [client.secret ?? '']);
  const parsed = deviceAnswer.safeParse(answer.payload);
  if (!parsed.success) throw unavailable(deviceUrl, 'its answer is not that of a device endpoint');
  const found = parsed.data;
  return {
    deviceCode: found.device_code,
    userCode: found.user_code,
    verificationUri: (found.verification_uri ?? found.verification_url) as string,
    verificationUriComplete: found.verification_uri_complete ?? null,
    expiresAt: askedAt + Math.min(found.expires_in, LONGEST_LIFE_S) * 1000,
    intervalMs: Math.min(found.interval ?? DEFAULT_INTERVAL_S, LONGEST_INTERVAL_S) * 1000,
  };
}

/** What a look at the token endpoint brought: tokens, or after how long to look again. */
export type DevicePoll = { tokens: TokenSet } | { againAfterMs: number };

/**
 * Looks whether the person has consented (§3.4).
 * @throws PosternError `oauth_grant_refused` (denied, or too late), `oauth_client_refused`, `oauth_unavailable`
 */
export async function pollDeviceCode(
  client: OAuthClient,
  deviceCode: string,
  intervalMs: number,
): Promise<DevicePoll> {
  const { tokenUrl } = client.endpoints;
  const askedAt = client.now();
  const answer = await post(tokenUrl, client, { grant_type: GRANT, device_code: deviceCode });
  if (answer.status === 200) return { tokens: readTokens(answer.payload, tokenUrl, askedAt) };
  const parsed = errorAnswer.safeParse(answer.payload);
  switch (parsed.success ? parsed.data.error : null) {
    case 'authorization_pending':
      return { againAfterMs: intervalMs };
    case 'slow_down':
      return { againAfterMs: intervalMs + SLOWER_MS };
    case 'expired_token':
      throw new PosternError(
        'oauth_grant_refused',
        `The code of ${hostOf(tokenUrl)} was not entered in time.`,
        {
          hint: 'Begin again.',
          details: { error: 'expired_token' },
        },
      );
    default:
      throw answerError(answer, tokenUrl, [deviceCode, client.secret ?? '']);
  }
}

interface Answer {
  status: number;
  payload: unknown;
  retryAfter: string | null;
}

async function post(url: string, client: OAuthClient, fields: Record<string, string>): Promise<Answer> {
  const { clientAuth } = client.endpoints;
  const form = new URLSearchParams({ ...fields, client_id: client.id });
  const headers: Record<string, string> = { accept: 'application/json' };
  if (client.secret !== null && clientAuth === 'client_secret_basic') {
    const pair = [client.id, client.secret].map(encodeURIComponent).join(':'); // RFC 6749 §2.3.1
    headers.authorization = `Basic ${Buffer.from(pair).toString('base64')}`;
  } else if (client.secret !== null && clientAuth !== 'none') form.set('client_secret', client.secret);
  try {
    const signal = AbortSignal.timeout(REQUEST_LIMIT_MS);
    const response = await fetch(url, { method: 'POST', body: form, headers, redirect: 'error', signal });
    return {
      status: response.status,
      payload: await bodyOf(response),
      retryAfter: response.headers.get('retry-after'),
    };
  } catch (error) {
    const { name, cause } = error as Error & { cause?: { code?: string } };
    throw answerError({ cause: name === 'TimeoutError' ? 'timeout' : (cause?.code ?? 'unknown') }, url, []);
  }
}

/** The answer as JSON, or null for what is none or too long. */
async function bodyOf(response: Response): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > LARGEST_ANSWER_BYTES) return null;
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    return null;
  }
}
