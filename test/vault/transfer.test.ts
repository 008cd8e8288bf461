// Accounts out and in over REST, and the rotation of the key: what comes across, what is refused, and that no secret is
// seen on the way.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { runCli } from '../../src/api/cli/cli.ts';
import { ADMIN_TOKEN, accountBody, startGateway, type TestGateway } from '../api/support.ts';

const CANARY = accountBody.auth.password;
const TOKEN = 'canary-refresh-51cc';
const PASSPHRASE = 'correct horse battery';

const oauthBody = {
  ...accountBody,
  label: 'board',
  address: 'board@company.example',
  auth: {
    type: 'oauth2',
    provider: 'gmail',
    flow: 'refresh_token',
    client_id: 'client',
    client_secret: 'canary-client-90ab',
    refresh_token: TOKEN,
  },
};

// biome-ignore lint/suspicious/noExplicitAny: answers are looked at by hand
type Json = any;

let from: TestGateway;
let to: TestGateway;
let plain: Json;
let sealed: Json;
const seen: string[] = [];

async function ask(
  gateway: TestGateway,
  path: string,
  json?: unknown,
): Promise<{ status: number; body: Json }> {
  const response = await gateway.api(path, json === undefined ? {} : { json });
  const text = await response.text();
  seen.push(text);
  return { status: response.status, body: text === '' ? null : JSON.parse(text) };
}

const secretsOf = async (gateway: TestGateway, label: string): Promise<string> => {
  const account = await gateway.rooms.accounts.find(label);
  const credentials = await gateway.rooms.accounts.credentials(account);
  return credentials.type === 'basic' ? credentials.password : '';
};

before(async () => {
  [from, to] = [await startGateway(), await startGateway()];
  for (const body of [accountBody, oauthBody])
    assert.equal((await ask(from, '/v1/accounts', body)).status, 201);
  plain = (await ask(from, '/v1/accounts/export')).body;
  const answer = await ask(from, '/v1/accounts/export', { passphrase: PASSPHRASE });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  sealed = answer.body;
});
after(async () => {
  const log = JSON.stringify([from.logged, to.logged]);
  for (const secret of [CANARY, TOKEN, 'canary-client-90ab', PASSPHRASE])
    assert.ok(!`${seen.join('\n')}${log}`.includes(secret), 'a secret was shown');
  await from.close();
  await to.close();
});

const label = (document: Json, i: number) => document.accounts[i].settings.label;

describe('an export', () => {
  it('has every account, and without a passphrase no secret', () => {
    assert.deepEqual([label(plain, 0), label(plain, 1)], ['board', 'sales']);
    assert.equal(plain.sealing, null);
    assert.ok(plain.accounts.every((account: Json) => account.secrets === undefined));
  });

  it('with a passphrase has each secret, sealed', () => {
    assert.deepEqual(Object.keys(sealed.accounts[0].secrets), ['client_secret', 'refresh_token']);
    assert.deepEqual(Object.keys(sealed.accounts[1].secrets), ['password']);
    assert.match(sealed.accounts[1].secrets.password, /^v1\./);
  });

  it('refuses a short passphrase, and an account that is not there', async () => {
    assert.equal((await ask(from, '/v1/accounts/export', { passphrase: 'short' })).status, 400);
    const unknown = { passphrase: PASSPHRASE, accounts: ['nobody'] };
    assert.equal((await ask(from, '/v1/accounts/export', unknown)).status, 404);
  });

  it('is recorded where it holds secrets', async () => {
    const { body } = await ask(from, '/v1/audit?operation=account.export_sealed&limit=1000');
    assert.ok(body.data.some((row: Json) => row.outcome === 'ok' && row.target === 'all accounts'));
  });
});

describe('an import', () => {
  const importing = (document: Json, more: object = {}) =>
    ask(to, '/v1/accounts/import', { document, passphrase: PASSPHRASE, ...more });
  const changed = (change: (document: Json) => void): Json => {
    const copy = structuredClone(sealed);
    change(copy);
    return copy;
  };

  it('refuses a wrong passphrase, and none, and writes nothing', async () => {
    const wrong = await importing(sealed, { passphrase: 'another passphrase' });
    assert.deepEqual([wrong.status, wrong.body.code], [422, 'passphrase_wrong']);
    const none = await importing(sealed, { passphrase: undefined });
    assert.deepEqual([none.status, none.body.code], [422, 'passphrase_needed']);
    assert.deepEqual(await to.rooms.accounts.list(), []);
  });

  it('refuses a password that would go to another server than it was exported for', async () => {
    const turned = changed((document) => {
      document.accounts[1].settings.imap.host = 'thief.example';
    });
    const { status, body } = await importing(turned);
    assert.equal(status, 400);
    assert.match(body.detail, /changed after its export/);
    assert.deepEqual(await to.rooms.accounts.list(), []);
  });

  it('refuses secrets that were exchanged between accounts or fields', async () => {
    const exchanged = changed((document) => {
      const { secrets } = document.accounts[0];
      [secrets.client_secret, secrets.refresh_token] = [secrets.refresh_token, secrets.client_secret];
    });
    const { body } = await importing(exchanged);
    assert.deepEqual(
      body.errors.map((one: Json) => one.path),
      ['accounts.0.secrets.client_secret', 'accounts.0.secrets.refresh_token'],
    );
    assert.deepEqual(await to.rooms.accounts.list(), []);
  });

  it('refuses what is no export, says where, and bounds the cost of the key', async () => {
    assert.equal((await importing({ hello: 1 })).status, 400);
    const dear = changed((document) => {
      document.sealing.n = 2 ** 30;
    });
    assert.match((await importing(dear)).body.detail, /sealing\.n/);
  });

  it('takes accounts with their secrets, which sign in as before', async () => {
    const { status, body } = await importing(sealed);
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual(
      body.added.map((one: Json) => [one.label, one.missing]),
      [
        ['board', []],
        ['sales', []],
      ],
    );
    assert.equal(await secretsOf(to, 'sales'), CANARY);
    const { oauth } = await to.rooms.accounts.find('board');
    assert.deepEqual([oauth?.state, oauth?.hasRefreshToken, oauth?.hasClientSecret], ['ok', true, true]);
  });

  it('names all labels that are taken at once, and writes nothing', async () => {
    const { status, body } = await importing(sealed);
    assert.deepEqual([status, body.code], [409, 'account_label_taken']);
    assert.match(body.detail, /board, sales/);
  });

  it('replaces where it is told to: ids stay, and without secrets so do the secrets', async () => {
    const before = await to.rooms.accounts.find('sales');
    const edited = structuredClone(plain);
    edited.accounts[1].settings.timeout_ms = 4321;
    const { status, body } = await importing(edited, { replace: true, passphrase: undefined });
    assert.equal(status, 200, JSON.stringify(body));
    const account = await to.rooms.accounts.find('sales');
    assert.deepEqual([account.id, account.settings.timeout_ms], [before.id, 4321]);
    assert.ok(account.version > before.version);
    assert.equal(await secretsOf(to, 'sales'), CANARY);
  });

  it('never sends a stored password to another server', async () => {
    const turned = structuredClone(plain);
    turned.accounts[1].settings.imap.host = 'thief.example';
    const { status, body } = await importing(turned, { replace: true, passphrase: undefined });
    assert.equal(status, 400);
    assert.match(body.detail, /signs in elsewhere/);
    assert.equal((await to.rooms.accounts.find('sales')).settings.imap.host, '127.0.0.1');
  });

  it('without secrets says what is still to be entered', async () => {
    const third = await startGateway();
    const { body } = await ask(third, '/v1/accounts/import', { document: plain });
    assert.deepEqual(
      body.added.map((one: Json) => one.missing),
      [['refresh_token'], ['password']],
    );
    await third.close();
  });
});

describe('a passphrase at the terminal', () => {
  /** Types an answer when its question is there. */
  async function typing(
    answers: [question: string, typed: string][],
  ): Promise<{ code: number; out: string; err: string }> {
    const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
    let [out, err] = ['', ''];
    stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString('utf8');
      const next = answers[0];
      if (!next || !out.includes(next[0])) return;
      answers.shift();
      setImmediate(() => stdin.write(`${next[1]}\r`)); // the question is printed before anybody listens
    });
    stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString('utf8');
    });
    const code = await runCli(
      ['account', 'export', '--secrets', join(from.folder, `${answers.length}.json`)],
      {
        stdin: Object.assign(stdin, { isTTY: true, setRawMode: () => undefined }),
        stdout: Object.assign(stdout, { isTTY: true }),
        stderr,
        settings: { url: from.url, adminToken: ADMIN_TOKEN, tokenFile: '', rulesDir: from.folder },
      },
    );
    return { code, out, err };
  }

  it('is asked for twice, and not shown', async () => {
    const { code, out, err } = await typing([
      ['Passphrase: ', PASSPHRASE],
      ['Passphrase again: ', PASSPHRASE],
    ]);
    assert.equal(code, 0, err);
    assert.match(err, /2 accounts written/);
    assert.ok(!(out + err).includes(PASSPHRASE));
  });

  it('that was mistyped the second time writes nothing', async () => {
    const { code, err } = await typing([
      ['Passphrase: ', PASSPHRASE],
      ['Passphrase again: ', `${PASSPHRASE}!`],
    ]);
    assert.equal(code, 2);
    assert.match(err, /not the same/);
  });
});

describe('the rotation over REST', () => {
  it('goes to the next key of the settings, and secrets stay readable', async () => {
    const { body: was } = await ask(from, '/v1/vault');
    assert.equal(was.source, 'settings');
    const { status, body } = await ask(from, '/v1/vault/rotate', { data_keys: true });
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual(
      [body.state, body.from_key, body.to_key, body.data_keys],
      ['done', was.master_key, was.next_key, true],
    );
    const { body: is } = await ask(from, '/v1/vault');
    assert.deepEqual(is.keys, [{ key: was.next_key, held: true, accounts: 2 }]);
    assert.equal(await secretsOf(from, 'sales'), CANARY);
  });

  it('refuses a second one while the settings name no newer key', async () => {
    const { status, body } = await ask(from, '/v1/vault/rotate', {});
    assert.deepEqual([status, body.code], [422, 'master_key_next_missing']);
  });
});
