// A person signs accounts in: with the command line in one hand and a real browser in the other.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import type { AccountView } from '../../src/contracts/account.ts';
import { consent, newPage, startBrowser } from '../support/browser.ts';
import { type Dovecot, startDovecot } from '../support/dovecot.ts';
import { ADMIN_TOKEN, startGateway, type TestGateway } from '../support/gateway.ts';
import { CLIENT, type OAuthServer, startOAuthServer } from '../support/oauth-server.ts';
import { requireService } from '../support/services.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const USER = 'mia@company.example';
const skip = requireService('dovecot', 'openssl', 'chromium');

let provider: OAuthServer;
let dovecot: Dovecot;
let gateway: TestGateway;
let browser: Browser;

interface Ran {
  /** Resolves with what it printed so far, once that fits. */
  said(pattern: RegExp): Promise<RegExpExecArray>;
  ended: Promise<{ code: number; out: string; err: string }>;
}

function postern(args: string[], stdin = ''): Ran {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { PATH: process.env.PATH ?? '', POSTERN_URL: gateway.url, POSTERN_ADMIN_TOKEN: ADMIN_TOKEN },
  });
  child.stdin.end(stdin);
  let out = '';
  const err = text(child.stderr);
  const ended = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? -1))).then(
    async (code) => ({ code, out, err: await err }),
  );
  const looks: (() => void)[] = [];
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString('utf8');
    for (const look of looks) look();
  });
  const said = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const look = (): void => {
        const found = pattern.exec(out);
        if (found) resolve(found);
      };
      looks.push(look);
      look();
      void ended.then((end) => reject(new Error(`it ended: ${JSON.stringify(end)}`)));
    });
  return { said, ended };
}

async function addAccount(label: string, flow: string): Promise<void> {
  const { endpoints } = provider;
  const args = [
    ...['account', 'add', '--label', label, '--address', USER, '--ca', dovecot.caFile],
    ...['--imap', `127.0.0.1:${dovecot.imapPort}`, '--smtp', '127.0.0.1:1', '--security', 'starttls'],
    ...['--auth-provider', 'company', '--auth-flow', flow, '--auth-client-id', CLIENT.id],
    ...['--auth-authorize-url', endpoints.authorize_url, '--auth-token-url', endpoints.token_url],
    ...['--auth-device-url', endpoints.device_url, '--auth-issuer', endpoints.issuer],
    ...endpoints.scopes.flatMap((scope) => ['--auth-scopes', scope]),
    '--client-secret-stdin',
  ];
  const { code, err } = await postern(args, `${CLIENT.secret}\n`).ended;
  assert.equal(code, 0, err);
}

const stateOf = async (label: string): Promise<string> =>
  (await gateway.get<AccountView>(`/v1/accounts/${label}`)).status.state;

describe('signing in', { skip }, () => {
  before(async () => {
    provider = await startOAuthServer({ accessTokenSeconds: 60 });
    const oauth = { introspectionUrl: provider.introspectionUrl };
    dovecot = await startDovecot({ users: { [USER]: 'never used' }, oauth });
    gateway = await startGateway();
    browser = await startBrowser();
  });
  after(async () => {
    await browser?.close();
    await gateway?.[Symbol.asyncDispose]();
    await dovecot?.stop();
    await provider?.stop();
  });

  it('in a browser: the account is watched as soon as the person has consented', async () => {
    await addAccount('mia', 'authorization_code');
    await gateway.until(async () => (await stateOf('mia')) === 'needs-sign-in');
    const signIn = postern(['account', 'sign-in', 'mia']);
    const [, url = ''] = await signIn.said(/^ {2}(http\S+)$/m);
    const asked = new URL(url).searchParams;
    assert.equal(asked.get('code_challenge_method'), 'S256');
    assert.equal(asked.get('prompt'), 'consent');
    const page = await newPage(browser);
    await page.goto(url);
    await consent(page, USER);
    await page.getByRole('heading', { name: 'Signed in' }).waitFor();
    const landed = new URL(page.url());
    assert.equal(landed.origin, gateway.url);
    assert.deepEqual(await signIn.ended.then(({ code, err }) => [code, err]), [0, '']);
    await gateway.until(async () => (await stateOf('mia')) === 'idle');

    const again = await fetch(landed);
    assert.equal(again.status, 400);
    assert.match(await again.text(), /was used already/);
    assert.doesNotMatch(gateway.log(), new RegExp(`${CLIENT.secret}|${landed.searchParams.get('code')}`));
  });

  it('in a browser: a person who says no is told so, and so is the terminal', async () => {
    const signIn = postern(['account', 'sign-in', 'mia']);
    const [, url = ''] = await signIn.said(/^ {2}(http\S+)$/m);
    const page = await newPage(browser);
    await page.goto(url);
    await page.getByText('Cancel').click();
    await page.getByRole('heading', { name: 'Not signed in' }).waitFor();
    const { code, err } = await signIn.ended;
    assert.equal(code, 1);
    assert.match(err, /access_denied/);
    assert.equal(await stateOf('mia'), 'idle', 'the sign-in before still counts');
  });

  it('by a device code', async () => {
    await addAccount('device', 'device_code');
    const signIn = postern(['account', 'sign-in', 'device']);
    const [, url = ''] = await signIn.said(/^Or open (http\S+)$/m);
    const page = await newPage(browser);
    await page.goto(url);
    await page.click('button[type=submit]');
    await consent(page, USER);
    const { code, err } = await signIn.ended;
    assert.equal(code, 0, err);
    await gateway.until(async () => (await stateOf('device')) === 'idle');
  });
});

describe('a callback', { skip }, () => {
  before(async () => {
    provider = await startOAuthServer();
    const oauth = { introspectionUrl: provider.introspectionUrl };
    dovecot = await startDovecot({ users: { [USER]: 'never used' }, oauth });
    gateway = await startGateway();
    await addAccount('mia', 'authorization_code');
  });
  after(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await dovecot?.stop();
    await provider?.stop();
  });

  const start = async (): Promise<string> => {
    const { body } = await gateway.request<{ authorize_url: string }>('POST', '/v1/accounts/mia/oauth/start');
    return new URL(body.authorize_url).searchParams.get('state') ?? '';
  };
  const callback = async (query: Record<string, string>): Promise<[number, string]> => {
    const response = await fetch(`${gateway.url}/oauth/callback?${new URLSearchParams(query)}`);
    return [response.status, await response.text()];
  };

  it('with a state that nobody gave out is refused, and asks the provider nothing', async () => {
    for (const query of [{}, { state: '' }, { state: 'made-up', code: 'x' }] as Record<string, string>[]) {
      const [status, page] = await callback(query);
      assert.equal(status, 400);
      assert.match(page, /not known/);
    }
    assert.equal(provider.requests.length, 0);
  });

  it('from another issuer, or from none where one is named, is refused, and its state is used up', async () => {
    for (const iss of [{ iss: 'https://evil.example' }, {}]) {
      const state = await start();
      const [status, page] = await callback({ state, code: 'x', ...iss } as Record<string, string>);
      assert.equal(status, 400);
      assert.match(page, /another issuer/);
      assert.match((await callback({ state, code: 'x', iss: provider.issuer }))[1], /not known/);
    }
    assert.equal(provider.requests.length, 0);
  });

  it('with a code that the provider does not know is refused, and says why without markup of others', async () => {
    const [status, page] = await callback({ state: await start(), code: '<b>x', iss: provider.issuer });
    assert.equal(status, 422);
    assert.match(page, /invalid_grant/);
    assert.doesNotMatch(page, /<b>/);
    const [, denied] = await callback({ state: await start(), error: '<script>', iss: provider.issuer });
    assert.doesNotMatch(denied, /<script>/);
  });

  it('for an account that was changed meanwhile is refused', async () => {
    const state = await start();
    await gateway.request('PATCH', '/v1/accounts/mia', { timeout_ms: 20_000 });
    assert.equal((await callback({ state, code: 'x', iss: provider.issuer }))[0], 400);
  });

  it('is answered for by the operator alone: starting needs a key', async () => {
    const response = await fetch(`${gateway.url}/v1/accounts/mia/oauth/start`, { method: 'POST' });
    assert.equal(response.status, 401);
  });
});
