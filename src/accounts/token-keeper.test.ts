import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { json, startTokenEndpoint, type TokenEndpoint } from '../../test/support/token-endpoint.ts';
import type { Bus } from '../cluster/bus.ts';
import { memoryBus } from '../cluster/memory.ts';
import type { AccountInput } from '../contracts/account.ts';
import { accountInput } from '../contracts/account.ts';
import { codeOf, PosternError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import { type Account, Accounts } from './accounts.ts';
import { readGrant, takeLease } from './grants.ts';
import { TokenKeeper } from './token-keeper.ts';
import { TokenTimer } from './token-timer.ts';
import { Vault } from './vault.ts';

const CANARY = 'canary-client-secret-77';

let folder: string;
let endpoint: TokenEndpoint;
let now: number;
let masterKey: Buffer;
let logged: string[];
let first: Node;

/** A process of a gateway, as far as tokens go. */
interface Node {
  store: Store;
  accounts: Accounts;
  keeper: TokenKeeper;
  bus: Bus;
  notices: string[];
}

const clock = { now: () => now };
const log: Logger = {
  debug: (...words) => void logged.push(JSON.stringify(words)),
  info: (...words) => void logged.push(JSON.stringify(words)),
  warn: (...words) => void logged.push(JSON.stringify(words)),
  error: (...words) => void logged.push(JSON.stringify(words)),
  child: () => log,
};

/** Several on one ledger: real processes with files of their own are the matter of the proofs. */
async function startNode(onLedger?: Store): Promise<Node> {
  const store = onLedger ?? (await openSqlite(join(folder, 'ledger.sqlite')));
  const vault = new Vault(masterKey);
  const bus = memoryBus(clock);
  const notices: string[] = [];
  const keeper = new TokenKeeper({
    store,
    vault,
    clock,
    bus,
    log,
    resolveSecret: (reference) => `from ${reference}`,
    onNeedsPerson: async (_tx, id) => void notices.push(id),
    random: () => 0.5,
  });
  const accounts = new Accounts({ store, vault, clock, resolveSecret: () => 'unused', tokens: keeper });
  return { store, accounts, keeper, bus, notices };
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-tokens-'));
  endpoint = await startTokenEndpoint();
  now = Date.now();
  masterKey = randomBytes(32);
  logged = [];
  first = await startNode();
});
afterEach(async () => {
  await first.store.close();
  await endpoint.close();
  await rm(folder, { recursive: true, force: true });
});

function input(auth: object = {}): AccountInput {
  return accountInput.parse({
    label: 'sales',
    address: 'sales@company.example',
    imap: { host: 'imap.company.example', port: 993, security: 'tls' },
    smtp: { host: 'smtp.company.example', port: 465, security: 'tls' },
    auth: {
      type: 'oauth2',
      provider: 'company',
      flow: 'refresh_token',
      client_id: 'postern',
      client_secret: CANARY,
      refresh_token: 'refresh-0',
      authorize_url: 'https://login.company.example/authorize',
      token_url: endpoint.url,
      ...auth,
    },
  });
}

async function tokenOf({ accounts }: Node, account: Account, refused: string | null = null): Promise<string> {
  const credentials = await accounts.credentials(account, refused);
  assert.equal(credentials.type, 'oauth2');
  return credentials.type === 'oauth2' ? credentials.accessToken : '';
}

const failing = (code: string) => (error: unknown) => {
  assert.equal(codeOf(error), code, String(error));
  return true;
};

describe('tokens', () => {
  it('are fetched once, kept, and fetched again at 80 % of their life at the latest', async () => {
    const account = await first.accounts.add(input());
    assert.equal(await tokenOf(first, account), 'access-1');
    assert.deepEqual(endpoint.requests[0]?.form, {
      grant_type: 'refresh_token',
      refresh_token: 'refresh-0',
      client_id: 'postern',
      client_secret: CANARY,
    });
    now += 3600_000 * 0.59;
    assert.equal(await tokenOf(first, account), 'access-1');
    now += 3600_000 * 0.22;
    assert.equal(await tokenOf(first, account), 'access-2');
    assert.equal(endpoint.requests[1]?.form.refresh_token, 'refresh-1', 'the rotated one is used');
    const { auth, ...rest } = await first.accounts.get(account.id);
    assert.doesNotMatch(JSON.stringify([auth, rest]), /canary|refresh-\d|access-\d/);
    assert.equal(rest.oauth?.hasRefreshToken && rest.oauth.hasClientSecret, true);
  });

  it('keep the refresh token where the provider does not rotate it', async () => {
    endpoint.rotates = false;
    const account = await first.accounts.add(input());
    await tokenOf(first, account);
    now += 3600_000;
    assert.equal(await tokenOf(first, account), 'access-2');
    assert.equal(endpoint.requests[1]?.form.refresh_token, 'refresh-0');
  });

  it('are asked for once, however many want one, in two processes on one ledger', async () => {
    const second = await startNode(first.store);
    const account = await first.accounts.add(input());
    const wanted = [first, second, first, second, first, second].map((node) => tokenOf(node, account));
    assert.deepEqual([...new Set(await Promise.all(wanted))], ['access-1']);
    assert.equal(endpoint.requests.length, 1);
    for (let round = 2; round <= 10; round++) {
      now += 3600_000;
      const both = await Promise.all([tokenOf(first, account), tokenOf(second, account)]);
      assert.deepEqual(both, [`access-${round}`, `access-${round}`]);
    }
    assert.equal(endpoint.mostAtOnce, 1);
  });

  it('are replaced once where a mail server refuses one', async () => {
    const account = await first.accounts.add(input());
    const seen: string[] = [];
    const connect = async (credentials: { type: string; accessToken?: string }): Promise<string> => {
      seen.push(credentials.accessToken ?? '');
      if (seen.length < 2) throw new PosternError('token_refused', 'no');
      return 'connected';
    };
    assert.equal(await first.accounts.signIn(account, connect), 'connected');
    assert.deepEqual(seen, ['access-1', 'access-2']);
    seen.length = 0;
    const never = async (): Promise<string> => {
      seen.push('');
      throw new PosternError('token_refused', 'no');
    };
    await assert.rejects(first.accounts.signIn(account, never), failing('token_refused'));
    assert.equal(seen.length, 2);
  });

  it('are an application’s own with client credentials', async () => {
    const auth = { flow: 'client_credentials', refresh_token: undefined, scopes: ['mail', 'send'] };
    const account = await first.accounts.add(input(auth));
    assert.equal(await tokenOf(first, account), 'access-1');
    const { form } = endpoint.requests[0] ?? {};
    assert.equal(form?.grant_type, 'client_credentials');
    assert.equal(form?.scope, 'mail send');
  });

  it('are asked for by a public client without any secret, and by Basic where the client says so', async () => {
    const open = await first.accounts.add(input({ client_secret: undefined }));
    await tokenOf(first, open);
    assert.ok(!('client_secret' in (endpoint.requests[0]?.form ?? {})));
    assert.equal(endpoint.requests[0]?.form.client_id, 'postern');
    endpoint.good = 'refresh-0';
    const basic = await first.accounts.add({
      ...input({ client_auth: 'client_secret_basic' }),
      label: 'basic',
    });
    await tokenOf(first, basic);
    const expected = Buffer.from(`postern:${CANARY}`).toString('base64');
    assert.equal(endpoint.requests[1]?.authorization, `Basic ${expected}`);
  });
});

describe('a provider that fails for a while', () => {
  it('is spared while the token at hand is good, and asked with growing pauses after that', async () => {
    const account = await first.accounts.add(input());
    await tokenOf(first, account);
    endpoint.instead = (res) => json(res, 500, { error: 'server_error' });
    now += 3600_000 * 0.9;
    assert.equal(await tokenOf(first, account), 'access-1');
    assert.equal(endpoint.requests.length, 2);
    assert.equal(await tokenOf(first, account), 'access-1', 'no second request within the pause');
    assert.equal(endpoint.requests.length, 2);
    now += 3600_000;
    await assert.rejects(tokenOf(first, account), failing('oauth_unavailable'));
    const asked = endpoint.requests.length;
    await assert.rejects(tokenOf(first, account), failing('oauth_unavailable'));
    assert.equal(endpoint.requests.length, asked);
    assert.equal((await first.accounts.get(account.id)).oauth?.state, 'ok');
    endpoint.instead = null;
    now += 31_000;
    assert.equal(await tokenOf(first, account), 'access-2');
  });

  it('that hangs does not hold up what the token at hand still serves', async () => {
    const account = await first.accounts.add(input());
    await tokenOf(first, account);
    now += 3600_000 * 0.9;
    const { promise: asked, resolve: seen } = Promise.withResolvers<() => void>();
    endpoint.instead = (res) => seen(() => void res.destroy());
    assert.equal(await tokenOf(first, account), 'access-1');
    (await asked)();
    await first.keeper.idle();
  });

  it('is asked again when it says', async () => {
    const account = await first.accounts.add(input());
    endpoint.instead = (res) => json(res, 429, { error: 'slow' }, { 'retry-after': '120' });
    await assert.rejects(tokenOf(first, account), failing('oauth_unavailable'));
    endpoint.instead = null;
    now += 119_000;
    await assert.rejects(tokenOf(first, account), failing('oauth_unavailable'));
    now += 1_100;
    assert.equal(await tokenOf(first, account), 'access-1');
  });

  for (const [what, answer] of [
    ['no JSON', (res) => res.writeHead(200, { 'content-type': 'text/html' }).end('<p>hello')],
    ['JSON without a token', (res) => json(res, 200, { token_type: 'bearer' })],
    ['a token with a line break', (res) => json(res, 200, { access_token: 'a\r\nb', expires_in: 5 })],
    ['a connection that breaks', (res) => res.destroy()],
    ['a redirect', (res) => res.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()],
    ['a megabyte', (res) => json(res, 200, { access_token: 'x'.repeat(1024 * 1024) })],
  ] satisfies [string, TokenEndpoint['instead']][]) {
    it(`does not do harm by ${what}`, async () => {
      const account = await first.accounts.add(input());
      endpoint.instead = answer;
      await assert.rejects(tokenOf(first, account), failing('oauth_unavailable'));
      endpoint.instead = null;
      now += 31_000;
      assert.equal(await tokenOf(first, account), 'access-1');
    });
  }
});

describe('a grant that is refused', () => {
  it('needs a person within one attempt, tells once, and is tried at most once a minute', async () => {
    const account = await first.accounts.add(input());
    const events: unknown[] = [];
    first.bus.subscribe(({ type, data }) => void events.push([type, data.sign_in]));
    endpoint.good = 'revoked';
    await assert.rejects(tokenOf(first, account), failing('oauth_sign_in_needed'));
    assert.equal(endpoint.requests.length, 1);
    assert.deepEqual(events, [['account.changed', 'needed']]);
    assert.deepEqual(first.notices, [account.id]);
    const { oauth } = await first.accounts.get(account.id);
    assert.equal(oauth?.state, 'needs_sign_in');
    assert.match(oauth?.reason ?? '', /invalid_grant/);
    assert.doesNotMatch(oauth?.reason ?? '', /refresh-0/, 'what the provider echoed');
    for (let second = 0; second < 600; second++) {
      await assert.rejects(tokenOf(first, account), failing('oauth_sign_in_needed'));
      now += 1_000;
    }
    assert.ok(endpoint.requests.length <= 11, `${endpoint.requests.length} requests in ten minutes`);
    assert.ok(endpoint.requests.length >= 2);
    assert.deepEqual(first.notices, [account.id]);
  });

  it('that was refused by mistake comes back by itself', async () => {
    const account = await first.accounts.add(input());
    endpoint.instead = (res) => json(res, 400, { error: 'invalid_grant' });
    await assert.rejects(tokenOf(first, account), failing('oauth_sign_in_needed'));
    endpoint.instead = null;
    now += 75_000;
    assert.equal(await tokenOf(first, account), 'access-1');
    assert.equal((await first.accounts.get(account.id)).oauth?.state, 'ok');
  });

  it('comes back with new credentials, and an answer to an old request does not count then', async () => {
    const account = await first.accounts.add(input());
    const { promise: asked, resolve: seen } = Promise.withResolvers<void>();
    let finish = (): void => undefined;
    endpoint.instead = (res) => {
      finish = () =>
        json(res, 200, { access_token: 'too-late', refresh_token: 'too-late', expires_in: 3600 });
      seen();
    };
    const waiting = tokenOf(first, account);
    await asked;
    endpoint.instead = null;
    endpoint.good = 'brought';
    await first.accounts.patch(account.id, { auth: input({ refresh_token: 'brought' }).auth });
    finish();
    assert.equal(await waiting, 'access-1');
    assert.equal(endpoint.requests.at(-1)?.form.refresh_token, 'brought');
  });

  it('says so where the client is not known, and repeats no secret', async () => {
    endpoint.instead = (res, form) =>
      json(res, 401, {
        error: 'invalid_client',
        error_description: `${form.client_secret} is wrong\r\nX: y`,
      });
    const account = await first.accounts.add(input());
    await assert.rejects(tokenOf(first, account), failing('oauth_sign_in_needed'));
    const { oauth } = await first.accounts.get(account.id);
    assert.match(oauth?.reason ?? '', /invalid_client: \[secret\] is wrong X: y/);
    assert.doesNotMatch(JSON.stringify(logged), /canary/);
  });
});

describe('the timer', () => {
  it('fetches tokens ahead of their end for every account, and one that hangs does not hold up the others', async () => {
    const { store, keeper } = first;
    const slow = await first.accounts.add({ ...input(), label: 'slow' });
    const { promise: asked, resolve: seen } = Promise.withResolvers<void>();
    let finish = (): void => undefined;
    endpoint.instead = (res) => {
      finish = () => void res.destroy();
      seen();
    };
    const timer = new TokenTimer({ store, clock, log, tokens: keeper, nodeGroup: null });
    timer.start();
    try {
      await asked;
      endpoint.instead = null;
      const ready = first.accounts.add({ ...input({ client_id: 'other' }), label: 'quick' });
      const quick = await ready;
      timer.wake();
      while ((await first.accounts.get(quick.id)).oauth?.tokenExpiresAt === null)
        await new Promise((resolve) => setTimeout(resolve, 20));
      assert.equal((await first.accounts.get(slow.id)).oauth?.tokenExpiresAt, null);
      assert.deepEqual(
        endpoint.requests.map(({ form }) => form.client_id),
        ['postern', 'other'],
      );
    } finally {
      finish();
      await timer.stop();
      await keeper.idle();
    }
  });

  it('leaves alone what is switched off, what waits for a person, and what another group looks after', async () => {
    const { store, keeper } = first;
    await first.accounts.add({ ...input(), label: 'off', active: false });
    await first.accounts.add({ ...input(), label: 'other', node_group: 'elsewhere' });
    await first.accounts.add({
      ...input({ flow: 'authorization_code', refresh_token: undefined }),
      label: 'new',
    });
    const asked: string[] = [];
    const tokens = {
      refresh: (account: { label: string }) => {
        asked.push(account.label);
        return keeper.refresh(account as Parameters<typeof keeper.refresh>[0]);
      },
    };
    const timer = new TokenTimer({ store, clock, log, tokens, nodeGroup: null });
    timer.start();
    await first.accounts.add({ ...input(), label: 'due' });
    timer.wake();
    while (endpoint.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await timer.stop();
    await keeper.idle();
    assert.deepEqual(asked, ['due']);
  });
});

describe('a process that dies while it asks', () => {
  it('does not hold others up, and where the provider rotated, the reason says what was lost', async () => {
    const account = await first.accounts.add(input());
    const grant = await readGrant(first.store.db, account.id);
    assert.ok(grant);
    // The lease of a process that is gone, on this host: process numbers end far below this one.
    await first.store.write((tx) => takeLease(tx, grant, `${hostname()}/4194305/x/1`, now - 1_000));
    endpoint.good = 'rotated, and nobody heard it';
    await assert.rejects(tokenOf(first, account), failing('oauth_sign_in_needed'));
    const { oauth } = await first.accounts.get(account.id);
    assert.match(oauth?.reason ?? '', /^A refresh was interrupted at \d{4}-/);
  });

  it('on another host is waited for until its lease ends', async () => {
    const account = await first.accounts.add(input());
    const grant = await readGrant(first.store.db, account.id);
    assert.ok(grant);
    await first.store.write((tx) => takeLease(tx, grant, 'elsewhere/1/x/1', now));
    const waiting = tokenOf(first, account);
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(endpoint.requests.length, 0);
    now += 46_000;
    assert.equal(await waiting, 'access-1');
  });
});
