// Every secret of the gateway is known by its fingerprint: those of accounts, of the settings, and of rules.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { accountInput } from '../contracts/account.ts';
import { PosternError } from '../kernel/errors.ts';
import { openSqlite } from '../store/sqlite.ts';
import { Accounts } from './accounts.ts';
import { KnownSecrets } from './known-secrets.ts';
import { keysFromSettings } from './master-keys.ts';
import { Vault } from './vault.ts';

const endpoint = { host: '127.0.0.1', port: 1, security: 'none' };
const input = (label: string, password: object) =>
  accountInput.parse({
    ...{ label, address: `${label}@company.example`, imap: endpoint, smtp: endpoint, require_tls: false },
    auth: { type: 'basic', username: label, ...password },
  });

it('finds passwords of the vault and by reference, keys of the settings and of rules, and new ones after a while', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'postern-secrets-'));
  await using store = Object.assign(await openSqlite(join(folder, 'ledger.db')), {
    async [Symbol.asyncDispose]() {
      await store.close();
      await rm(folder, { recursive: true });
    },
  });
  const key = randomBytes(32);
  const masterKeys = keysFromSettings(key);
  const vault = new Vault(masterKeys);
  const environment: Record<string, string> = { MAIL: 'by-reference-1', HOOK: 'whsec-of-a-rule' };
  const resolveSecret = (reference: string): string => {
    const value = environment[reference.slice(4)];
    if (value === undefined) throw new PosternError('secret_missing', 'missing');
    return value;
  };
  let now = 0;
  const accounts = new Accounts({ store, vault, clock: { now: () => 0 }, resolveSecret });
  await accounts.add(input('sales', { password: 'of-the-vault-1' }));
  await accounts.add(input('desk', { password_secret_ref: 'env:MAIL' }));
  await accounts.add(input('gone', { password_secret_ref: 'env:GONE' }));
  const known = new KnownSecrets({
    ...{ store, vault, masterKeys, resolveSecret, fixed: ['admin-token-1'], monotonicMs: () => now },
    referring: () => [{ run: { webhook: { url: 'https://a.example', secret_ref: ['env:HOOK'] } } }],
  });
  const holds = await known.finder();
  for (const secret of [
    'of-the-vault-1',
    'by-reference-1',
    'whsec-of-a-rule',
    'admin-token-1',
    key.toString('hex'),
  ])
    assert.ok(holds(`so: ${secret}.`), secret);
  assert.ok(!holds('Dear Ann, the pump costs 12 euros.'));
  await accounts.add(input('new', { password: 'another-one-2' }));
  now += 60_000;
  assert.ok((await known.finder())('another-one-2'));
});
