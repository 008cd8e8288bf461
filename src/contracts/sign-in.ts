// How an account signs in: by a password, or by OAuth2. Secrets go in and never come out.
import { z } from 'zod';

/** Where a secret is kept instead of in the vault. */
export const secretRef = z
  .string()
  .regex(/^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$/, 'write env:NAME or file:/path');

const username = z.string().min(1).max(512);

export const basicAuth = z
  .strictObject({
    type: z.literal('basic'),
    username,
    password: z.string().min(1).max(4096).optional(),
    password_secret_ref: secretRef.optional(),
  })
  .refine((auth) => (auth.password === undefined) !== (auth.password_secret_ref === undefined), {
    message: 'give either password or password_secret_ref',
    path: ['password'],
  });
export type BasicAuth = z.infer<typeof basicAuth>;

/** Tokens travel over it, so it is encrypted; a provider on this very machine may do without. */
const providerUrl = z
  .url({ protocol: /^https?$/ })
  .max(2048)
  .refine(isSafeForTokens, 'write an https URL without a user name (http only to this machine itself)');

function isSafeForTokens(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username: user, password, hash } = new URL(text);
  if (user !== '' || password !== '' || hash !== '') return false;
  return protocol === 'https:' || /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname);
}

export const oauthFlow = z.enum(['authorization_code', 'client_credentials', 'device_code', 'refresh_token']);
export type OAuthFlow = z.infer<typeof oauthFlow>;

/** VSCHAR of RFC 6749, appendix A: what client identifiers, secrets and tokens are made of. */
const visible = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .regex(/^[\x20-\x7e]+$/, 'use printable ASCII');

const oauthFields = {
  type: z.literal('oauth2'),
  /** `gmail`, `microsoft`, `yahoo`, `zoho`, or a name of your own together with the URLs. */
  provider: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'use a-z, 0-9, dots, hyphens and underscores'),
  /** refresh_token: one is brought along from elsewhere. */
  flow: oauthFlow.default('authorization_code'),
  client_id: visible(512),
  /** The mailbox to sign in to; the account's address where absent. */
  username: username.optional(),
  /** Microsoft: the directory (tenant), by its id or a domain; `common` where absent. */
  tenant: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$/, 'write a tenant id or a domain')
    .optional(),
  authorize_url: providerUrl.optional(),
  token_url: providerUrl.optional(),
  device_url: providerUrl.optional(),
  /** Whose answers are taken (RFC 9207): with it, an answer that names another issuer is refused. */
  issuer: z.url().max(2048).optional(),
  scopes: z
    .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,512}$/, 'write one scope without spaces'))
    .max(50)
    .optional(),
  /** How the client proves itself (RFC 7591 §2); `client_secret_post`, or `none` where there is no secret. */
  client_auth: z.enum(['client_secret_post', 'client_secret_basic', 'none']).optional(),
};

export const oauth2Auth = z
  .strictObject({
    ...oauthFields,
    client_secret: visible(4096).optional(),
    client_secret_ref: secretRef.optional(),
    refresh_token: visible(16_384).optional(),
  })
  .refine((auth) => auth.client_secret === undefined || auth.client_secret_ref === undefined, {
    message: 'give client_secret or client_secret_ref, not both',
    path: ['client_secret'],
  });
export type OAuth2Auth = z.infer<typeof oauth2Auth>;

export const accountAuth = z.discriminatedUnion('type', [basicAuth, oauth2Auth]);
export type AccountAuth = z.infer<typeof accountAuth>;

/** What the ledger keeps of an OAuth2 sign-in outside the vault. */
export const oauth2Record = z.object({ ...oauthFields, client_secret_ref: secretRef.optional() });
export type OAuth2Record = z.infer<typeof oauth2Record>;

/** new: nobody has signed in yet. ok: there is a grant. needs_sign_in: the provider does not take it any more. */
export const grantState = z.enum(['new', 'ok', 'needs_sign_in']);
export type GrantState = z.infer<typeof grantState>;

export const basicAuthView = z.object({
  type: z.literal('basic'),
  username: z.string(),
  has_password: z.boolean(),
  password_secret_ref: z.string().nullable(),
});

export const oauth2AuthView = oauth2Record.extend({
  has_client_secret: z.boolean(),
  has_refresh_token: z.boolean(),
  state: grantState,
  /** Why the account has to be signed in again; null while it has not. */
  reason: z.string().nullable(),
  /** When the access token at hand ends, epoch milliseconds; null before the first, and where the provider does not say. */
  token_expires_at: z.number().int().nullable(),
  /** The last failed attempt to get a token; null after one that succeeded. */
  last_error: z.string().nullable(),
});

export const accountAuthView = z.discriminatedUnion('type', [basicAuthView, oauth2AuthView]);
export type AccountAuthView = z.infer<typeof accountAuthView>;
