// A real OAuth2 server for tests (oidc-provider): consent in a browser, device codes, client credentials, short tokens,
// refresh tokens that rotate and whose reuse ends the grant, introspection for mail servers, and failures on demand.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type AdapterPayload, Provider } from 'oidc-provider';
import { OAuthStore } from './oauth-store.ts';

export const CLIENT = { id: 'postern', secret: 'canary-of-the-client-5309' } as const;
/** The client that mail servers ask with whether a token is good. */
const ASKING = { id: 'mail-server', secret: 'asks' } as const;
const SCOPES = ['openid', 'offline_access', 'mail'];
const REFRESH_TOKEN_SECONDS = 24 * 3600;

/** What happens to requests for tokens: all is well; they fail; they are never answered; the connection breaks. */
export type TokenEndpointMood = 'well' | 'error' | 'hang' | 'down';

export interface OAuthServerOptions {
  /** The life of access tokens; 10 where absent. */
  accessTokenSeconds?: number;
}

export interface TokenRequest {
  at: number;
  user: string | null;
  ok: boolean;
  /** The error code of a refusal. */
  error: string | null;
}

export async function startOAuthServer(options: OAuthServerOptions = {}): Promise<OAuthServer> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return new OAuthServer(server, issuer, options.accessTokenSeconds ?? 10);
}

export class OAuthServer {
  readonly issuer: string;
  mood: TokenEndpointMood = 'well';
  /** Requests for tokens that were answered by the server itself, oldest first. */
  readonly requests: TokenRequest[] = [];
  /** What mail servers were told about the tokens that they were shown. */
  readonly shown = { active: 0, inactive: 0 };
  /** Called with each request for tokens before it is answered, and after. */
  onRequest: (stage: 'asked' | 'answered') => void = () => undefined;
  readonly #server: Server;
  readonly #provider: Provider;
  readonly #entries = new Map<string, AdapterPayload>();
  /** Whose refresh token it is, also after it was used up. */
  readonly #owners = new Map<string, string>();

  constructor(server: Server, issuer: string, accessTokenSeconds: number) {
    this.issuer = issuer;
    this.#server = server;
    this.#provider = this.#makeProvider(issuer, accessTokenSeconds);
    const answer = this.#provider.callback();
    server.on('request', (req: IncomingMessage, res: ServerResponse) => {
      if (req.method === 'POST' && req.url === '/token') return this.#token(req, res, answer);
      if (req.url === '/token/introspection') this.#count(res);
      void answer(req, res);
    });
  }

  /** The URLs of `auth` of an account. */
  get endpoints() {
    return {
      authorize_url: `${this.issuer}/auth`,
      token_url: `${this.issuer}/token`,
      device_url: `${this.issuer}/device/auth`,
      issuer: this.issuer,
      scopes: SCOPES,
    };
  }

  /** For Dovecot's `introspection_url`. */
  get introspectionUrl(): string {
    return `${this.issuer.replace('://', `://${ASKING.id}:${ASKING.secret}@`)}/token/introspection`;
  }

  /** A refresh token, as after a consent of this user. */
  async refreshToken(user: string): Promise<string> {
    const client = await this.#provider.Client.find(CLIENT.id);
    if (!client) throw new Error('the client is not there');
    const grant = new this.#provider.Grant({ accountId: user, clientId: CLIENT.id });
    grant.addOIDCScope(SCOPES.join(' '));
    const grantId = await grant.save();
    const token = new this.#provider.RefreshToken({
      accountId: user,
      client,
      grantId,
      gty: 'authorization_code',
      scope: SCOPES.join(' '),
      expiresWithSession: false,
    } as unknown as ConstructorParameters<Provider['RefreshToken']>[0]);
    const value = await token.save();
    this.#owners.set(value, user);
    return value;
  }

  /** Takes back what the user consented to: no token of theirs is good any more. */
  async revoke(user: string): Promise<void> {
    const { AccessToken, RefreshToken, Grant } = this.#provider;
    for (const grantId of this.#grantsOf(user)) {
      await AccessToken.revokeByGrantId(grantId);
      await RefreshToken.revokeByGrantId(grantId);
      await (await Grant.find(grantId))?.destroy();
    }
  }

  /** Ends every access token of the user before its time; the grants stay. */
  async endAccessTokens(user: string): Promise<void> {
    for (const grantId of this.#grantsOf(user)) await this.#provider.AccessToken.revokeByGrantId(grantId);
  }

  /** Requests of one user that were answered. */
  requestsOf(user: string): TokenRequest[] {
    return this.requests.filter((request) => request.user === user);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #grantsOf(user: string): string[] {
    const isGrant = ([key, entry]: [string, AdapterPayload]) =>
      key.startsWith('Grant:') && entry.accountId === user;
    return [...this.#entries].filter(isGrant).map(([key]) => key.slice('Grant:'.length));
  }

  #count(res: ServerResponse): void {
    const end = res.end.bind(res);
    res.end = ((body: unknown, ...rest: never[]) => {
      if (typeof body === 'string') this.shown[/"active":true/.test(body) ? 'active' : 'inactive']++;
      return end(body, ...rest);
    }) as typeof res.end;
  }

  #token(req: IncomingMessage, res: ServerResponse, answer: ReturnType<Provider['callback']>): void {
    this.onRequest('asked');
    res.on('finish', () => this.onRequest('answered'));
    switch (this.mood) {
      case 'error':
        res.writeHead(500, { 'content-type': 'application/json' }).end('{"error":"server_error"}');
        return;
      case 'hang':
        return;
      case 'down':
        req.socket.destroy();
        return;
      default:
        void answer(req, res);
    }
  }

  #makeProvider(issuer: string, accessTokenSeconds: number): Provider {
    const entries = this.#entries;
    const provider = new Provider(issuer, {
      adapter: class extends OAuthStore {
        constructor(kind: string) {
          super(kind, entries);
        }
      },
      clients: [
        {
          client_id: CLIENT.id,
          client_secret: CLIENT.secret,
          application_type: 'native', // so that any port of this machine may be the one to return to
          token_endpoint_auth_method: 'client_secret_post',
          redirect_uris: ['http://127.0.0.1/oauth/callback'],
          grant_types: [
            'authorization_code',
            'refresh_token',
            'client_credentials',
            'urn:ietf:params:oauth:grant-type:device_code',
          ],
        },
        {
          client_id: ASKING.id,
          client_secret: ASKING.secret,
          redirect_uris: [],
          response_types: [],
          grant_types: [],
        },
      ],
      scopes: SCOPES,
      claims: { openid: ['sub'] },
      findAccount: (_ctx, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
      pkce: { required: () => true },
      rotateRefreshToken: true,
      issueRefreshToken: async (_ctx, client, source) =>
        client.grantTypeAllowed('refresh_token') && source.scopes.has('offline_access'),
      cookies: { keys: ['of these tests alone'] },
      features: {
        devInteractions: { enabled: true },
        introspection: { enabled: true, allowedPolicy: () => true },
        clientCredentials: { enabled: true },
        deviceFlow: { enabled: true },
      },
      ttl: {
        AccessToken: accessTokenSeconds,
        ClientCredentials: accessTokenSeconds,
        RefreshToken: REFRESH_TOKEN_SECONDS,
        Grant: REFRESH_TOKEN_SECONDS,
        Session: REFRESH_TOKEN_SECONDS,
        Interaction: 600,
        DeviceCode: 600,
        IdToken: 600,
      },
    });
    provider.on('grant.success', (ctx) => {
      const user = ctx.oidc.entities.Account?.accountId ?? null;
      const { refresh_token: token } = ctx.body as { refresh_token?: string };
      if (user !== null && token !== undefined) this.#owners.set(token, user);
      this.requests.push({ at: Date.now(), user, ok: true, error: null });
    });
    provider.on('grant.error', (ctx, error) => {
      const token = ctx.oidc.params?.refresh_token;
      const user = typeof token === 'string' ? (this.#owners.get(token) ?? null) : null;
      this.requests.push({ at: Date.now(), user, ok: false, error: error.error });
    });
    return provider;
  }
}
