// Where to ask which provider for tokens, and for what. Facts of the well-known ones; any other by its URLs.
import type { OAuth2Record, OAuthFlow } from '../contracts/sign-in.ts';
import { PosternError } from '../kernel/errors.ts';

export interface OAuthProvider {
  authorizeUrl: string;
  tokenUrl: string;
  /** Null: the provider has no device code that may read mail. */
  deviceUrl: string | null;
  /** Null: it does not say, or says another for each tenant. */
  issuer: string | null;
  /** What a person consents to. */
  scopes: readonly string[];
  /** What an application asks for itself; null where the provider has no such access to mail. */
  applicationScopes: readonly string[] | null;
  scopeSeparator: ' ' | ',';
  /** Further fields of the authorisation request, such as what makes it give a refresh token. */
  authorizeFields: Readonly<Record<string, string>>;
  /** Its mail servers end a connection when the token ends that it was opened with. */
  cutsAtExpiry: boolean;
}

const TENANT = '{tenant}';
const MICROSOFT = `https://login.microsoftonline.com/${TENANT}/oauth2/v2.0`;

export const oauthProviders = {
  gmail: {
    authorizeUrl: 'https://accounts.google.com/o/oauth2/v2/auth',
    tokenUrl: 'https://oauth2.googleapis.com/token',
    deviceUrl: null, // it exists, but not for the scope of mail
    issuer: 'https://accounts.google.com',
    scopes: ['https://mail.google.com/'],
    applicationScopes: null,
    scopeSeparator: ' ',
    authorizeFields: { access_type: 'offline', prompt: 'consent' }, // a refresh token comes with a fresh consent only
    cutsAtExpiry: true,
  },
  microsoft: {
    authorizeUrl: `${MICROSOFT}/authorize`,
    tokenUrl: `${MICROSOFT}/token`,
    deviceUrl: `${MICROSOFT}/devicecode`,
    issuer: null,
    scopes: [
      'https://outlook.office.com/IMAP.AccessAsUser.All',
      'https://outlook.office.com/SMTP.Send',
      'offline_access',
    ],
    applicationScopes: ['https://outlook.office365.com/.default'],
    scopeSeparator: ' ',
    authorizeFields: { prompt: 'select_account' },
    cutsAtExpiry: true,
  },
  yahoo: {
    authorizeUrl: 'https://api.login.yahoo.com/oauth2/request_auth',
    tokenUrl: 'https://api.login.yahoo.com/oauth2/get_token',
    deviceUrl: null,
    issuer: 'https://api.login.yahoo.com',
    scopes: ['mail-w'],
    applicationScopes: null,
    scopeSeparator: ' ',
    authorizeFields: {},
    cutsAtExpiry: false,
  },
  // Its data centres have hosts of their own (accounts.zoho.eu, …): name their URLs for accounts there.
  zoho: {
    authorizeUrl: 'https://accounts.zoho.com/oauth/v2/auth',
    tokenUrl: 'https://accounts.zoho.com/oauth/v2/token',
    deviceUrl: null,
    issuer: null,
    scopes: ['ZohoMail.messages.ALL', 'ZohoMail.folders.ALL', 'ZohoMail.accounts.READ'],
    applicationScopes: null,
    scopeSeparator: ',',
    authorizeFields: { access_type: 'offline', prompt: 'consent' },
    cutsAtExpiry: false,
  },
} as const satisfies Record<string, OAuthProvider>;

/** Everything that a request for tokens needs besides the secrets. */
export interface OAuthEndpoints {
  authorizeUrl: string | null;
  tokenUrl: string;
  deviceUrl: string | null;
  issuer: string | null;
  scopes: readonly string[];
  scopeSeparator: string;
  authorizeFields: Readonly<Record<string, string>>;
  cutsAtExpiry: boolean;
  clientAuth: 'client_secret_post' | 'client_secret_basic' | 'none' | null;
}

type Endpoints = Omit<OAuth2Record, 'type' | 'client_id' | 'username' | 'client_secret_ref'>;

/** @throws PosternError `invalid_input` that names the field that is missing */
export function oauthEndpoints(auth: Endpoints): OAuthEndpoints {
  const known: OAuthProvider | undefined = Object.hasOwn(oauthProviders, auth.provider)
    ? oauthProviders[auth.provider as keyof typeof oauthProviders]
    : undefined;
  const filled = (url: string | null | undefined): string | null =>
    url?.replace(TENANT, auth.tenant ?? 'common') ?? null;
  const tokenUrl = auth.token_url ?? filled(known?.tokenUrl);
  const authorizeUrl = auth.authorize_url ?? filled(known?.authorizeUrl);
  const deviceUrl = auth.device_url ?? filled(known?.deviceUrl);
  if (tokenUrl === null) throw missing('token_url', `the provider ${auth.provider} is not a known one`);
  if (auth.flow === 'authorization_code' && authorizeUrl === null)
    throw missing('authorize_url', `the provider ${auth.provider} is not a known one`);
  if (auth.flow === 'device_code' && deviceUrl === null)
    throw missing('device_url', `${auth.provider} has no device code for mail; use flow authorization_code`);
  if (
    auth.provider === 'microsoft' &&
    auth.flow === 'client_credentials' &&
    auth.tenant === undefined &&
    !auth.token_url
  )
    throw missing('tenant', 'access as an application belongs to one tenant');
  return {
    authorizeUrl,
    tokenUrl,
    deviceUrl,
    // An issuer belongs to the URLs that it was written down for.
    issuer: auth.issuer ?? (auth.authorize_url === undefined ? (known?.issuer ?? null) : null),
    scopes: auth.scopes ?? scopesOf(known, auth.flow),
    scopeSeparator: known?.scopeSeparator ?? ' ',
    // OpenID Connect Core §11: lasting access is given with a fresh consent only.
    authorizeFields:
      known?.authorizeFields ?? (auth.scopes?.includes('offline_access') ? { prompt: 'consent' } : {}),
    cutsAtExpiry: known?.cutsAtExpiry ?? false,
    clientAuth: auth.client_auth ?? null,
  };
}

function scopesOf(known: OAuthProvider | undefined, flow: OAuthFlow): readonly string[] {
  if (!known) return [];
  if (flow !== 'client_credentials') return known.scopes;
  if (known.applicationScopes) return known.applicationScopes;
  throw missing('flow', 'this provider gives an application no access of its own to mail');
}

/** In the shape of an input error, so that every door shows it at its field. */
function missing(field: string, why: string): PosternError {
  const message = field === 'flow' ? why : `is needed: ${why}`;
  return new PosternError('invalid_input', `The input is not right: auth.${field}: ${message}.`, {
    details: { errors: [{ path: `auth.${field}`, message }] },
  });
}
