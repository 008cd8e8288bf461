import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { json, startTokenEndpoint, type TokenEndpoint } from '../../test/support/token-endpoint.ts';
import { accountAuth } from '../contracts/sign-in.ts';
import { codeOf } from '../kernel/errors.ts';
import { pollDeviceCode, startDeviceCode } from './device-code.ts';
import { authorizeUrl, type OAuthClient } from './oauth.ts';
import { oauthEndpoints } from './oauth-providers.ts';
import { refreshTime, waitForPerson, waitForProvider } from './refresh-times.ts';

const failing = (code: string) => (error: unknown) => codeOf(error) === code;

describe('what is asked of a provider', () => {
  const clientOf = (auth: Parameters<typeof oauthEndpoints>[0]): OAuthClient => ({
    id: 'postern',
    secret: null,
    endpoints: oauthEndpoints(auth),
    now: Date.now,
  });
  const request = {
    redirectUri: 'https://p.example/oauth/callback',
    state: 's',
    challenge: 'c',
    loginHint: 'a@b',
  };

  it('is a code with PKCE, a state and lasting access', () => {
    const gmail = new URL(authorizeUrl(clientOf({ provider: 'gmail', flow: 'authorization_code' }), request));
    assert.equal(gmail.origin + gmail.pathname, 'https://accounts.google.com/o/oauth2/v2/auth');
    assert.deepEqual(Object.fromEntries(gmail.searchParams), {
      response_type: 'code',
      client_id: 'postern',
      redirect_uri: 'https://p.example/oauth/callback',
      scope: 'https://mail.google.com/',
      access_type: 'offline',
      prompt: 'consent',
      state: 's',
      code_challenge: 'c',
      code_challenge_method: 'S256',
      login_hint: 'a@b',
    });
  });

  it('goes to the tenant of Microsoft that is named, and with commas to Zoho', () => {
    const tenant = oauthEndpoints({
      provider: 'microsoft',
      flow: 'client_credentials',
      tenant: 'contoso.example',
    });
    assert.equal(tenant.tokenUrl, 'https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token');
    assert.deepEqual(tenant.scopes, ['https://outlook.office365.com/.default']);
    const zoho = new URL(authorizeUrl(clientOf({ provider: 'zoho', flow: 'authorization_code' }), request));
    assert.match(zoho.searchParams.get('scope') ?? '', /^[^ ]+,[^ ]+/);
  });

  it('keeps what the configured address says itself, and never lets it replace our fields', () => {
    const url = 'https://login.example/authorize?policy=mail&state=theirs';
    const auth = { provider: 'own', flow: 'authorization_code', authorize_url: url } as const;
    const made = new URL(
      authorizeUrl(clientOf({ ...auth, token_url: 'https://login.example/token' }), request),
    );
    assert.equal(made.searchParams.get('policy'), 'mail');
    assert.deepEqual(made.searchParams.getAll('state'), ['s']);
  });

  it('is refused where something is missing, by the field', () => {
    for (const [auth, field] of [
      [{ provider: 'own', flow: 'authorization_code' }, /auth\.token_url/],
      [
        { provider: 'own', flow: 'authorization_code', token_url: 'https://x.example/t' },
        /auth\.authorize_url/,
      ],
      [{ provider: 'gmail', flow: 'device_code' }, /auth\.device_url/],
      [{ provider: 'gmail', flow: 'client_credentials' }, /auth\.flow/],
      [{ provider: 'microsoft', flow: 'client_credentials' }, /auth\.tenant/],
    ] as [Parameters<typeof oauthEndpoints>[0], RegExp][])
      assert.throws(() => oauthEndpoints(auth), { code: 'invalid_input', message: field });
  });

  it('never goes over an unencrypted line, but to this machine itself', () => {
    const auth = { type: 'oauth2', provider: 'own', client_id: 'x' };
    for (const [url, fits] of [
      ['https://login.example/token', true],
      ['http://127.0.0.1:8080/token', true],
      ['http://[::1]:8080/token', true],
      ['http://localhost/token', true],
      ['http://login.example/token', false],
      ['http://127.0.0.1.evil.example/token', false],
      ['https://user:secret@login.example/token', false],
      ['ftp://login.example/token', false],
    ] as [string, boolean][])
      assert.equal(accountAuth.safeParse({ ...auth, token_url: url }).success, fits, url);
  });
});

describe('a device code', () => {
  let endpoint: TokenEndpoint;
  let client: OAuthClient;
  beforeEach(async () => {
    endpoint = await startTokenEndpoint();
    const urls = { token_url: endpoint.url, device_url: endpoint.url };
    const endpoints = oauthEndpoints({ provider: 'own', flow: 'device_code', scopes: ['mail'], ...urls });
    client = { id: 'postern', secret: null, endpoints, now: () => 1_000_000 };
  });
  afterEach(() => endpoint.close());

  const good = {
    device_code: 'd',
    user_code: 'WDJB-MJHT',
    verification_uri: 'https://x.example/d',
    expires_in: 900,
  };

  it('is asked for, with a five-second pace where the provider names none', async () => {
    endpoint.instead = (res) => json(res, 200, good);
    const code = await startDeviceCode(client);
    assert.deepEqual(code, {
      deviceCode: 'd',
      userCode: 'WDJB-MJHT',
      verificationUri: 'https://x.example/d',
      verificationUriComplete: null,
      expiresAt: 1_900_000,
      intervalMs: 5_000,
    });
    assert.deepEqual(endpoint.requests[0]?.form, { client_id: 'postern', scope: 'mail' });
  });

  it('is not taken from an answer that would lead a person astray', async () => {
    for (const wrong of [
      { ...good, verification_uri: 'javascript:alert(1)' },
      { ...good, user_code: 'a\u001b[2J' },
      { ...good, verification_uri: undefined },
      {},
    ]) {
      endpoint.instead = (res) => json(res, 200, wrong);
      await assert.rejects(startDeviceCode(client), failing('oauth_unavailable'));
    }
  });

  it('is waited for, more slowly when the provider says so, until it is typed, refused or too old', async () => {
    const answer = (status: number, body: object): void => {
      endpoint.instead = (res) => json(res, status, body);
    };
    answer(400, { error: 'authorization_pending' });
    assert.deepEqual(await pollDeviceCode(client, 'd', 5_000), { againAfterMs: 5_000 });
    answer(400, { error: 'slow_down' });
    assert.deepEqual(await pollDeviceCode(client, 'd', 5_000), { againAfterMs: 10_000 });
    answer(400, { error: 'expired_token' });
    await assert.rejects(pollDeviceCode(client, 'd', 5_000), failing('oauth_grant_refused'));
    answer(400, { error: 'access_denied' });
    await assert.rejects(pollDeviceCode(client, 'd', 5_000), failing('oauth_grant_refused'));
    answer(503, {});
    await assert.rejects(pollDeviceCode(client, 'd', 5_000), failing('oauth_unavailable'));
    answer(200, { access_token: 'a', token_type: 'bearer', expires_in: 60, refresh_token: 'r' });
    assert.deepEqual(await pollDeviceCode(client, 'd', 5_000), {
      tokens: { accessToken: 'a', refreshToken: 'r', issuedAt: 1_000_000, expiresAt: 1_059_000 },
    });
  });
});

describe('the times of requests', () => {
  it('lie between 60 and 75 % of a token’s life', () => {
    const life = { issuedAt: 0, expiresAt: 10_000 };
    assert.deepEqual(
      [0, 1].map((random) => refreshTime(life, random)),
      [6_000, 7_500],
    );
  });

  it('grow to half a minute for a provider that is away, and from a minute to an hour for one that refuses', () => {
    const away = [1, 2, 3, 10].map((failures) => waitForProvider(failures, 'later', 0.5));
    assert.deepEqual(away, [1_000, 2_000, 4_000, 30_000]);
    const refused = [1, 2, 10].map((failures) => waitForPerson(failures, 0));
    assert.deepEqual(refused, [60_000, 240_000, 3_600_000]);
  });
});
