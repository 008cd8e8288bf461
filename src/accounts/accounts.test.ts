// Accounts: their settings change piece by piece, their secrets go in and come out for a connection only.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { accountInput } from '../contracts/account.ts';
import { PosternError } from '../kernel/errors.ts';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import { type Account, Accounts, type BasicRecord } from './accounts.ts';
import { Vault } from './vault.ts';

const CANARY = 'canary-hunter2';
let folder: string;
let store: Store;
let accounts: Accounts;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-accounts-'));
  store = await openSqlite(join(folder, 'ledger.sqlite'));
  accounts = new Accounts({
    store,
    vault: new Vault(Buffer.alloc(32, 1)),
    clock: { now: () => 1_000 },
    resolveSecret: (reference) => {
      if (reference === 'env:GONE') throw new PosternError('secret_missing', 'GONE is not set.');
      return `what ${reference} names`;
    },
  });
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const input = (label: string, auth: object = { password: CANARY }) =>
  accountInput.parse({
    label,
    address: `${label}@company.example`,
    imap: { host: 'imap.company.example', port: 993, security: 'tls' },
    smtp: { host: 'smtp.company.example', port: 465, security: 'tls' },
    auth: { type: 'basic', username: label, ...auth },
  });

async function passwordOf(account: Account): Promise<string> {
  const credentials = await accounts.credentials(account);
  assert.equal(credentials.type, 'basic');
  return (credentials as { password: string }).password;
}

describe('an account', () => {
  it('never shows its password, and gives it for a connection', async () => {
    const account = await accounts.add(input('sales'));
    const shown = JSON.stringify([account, await accounts.get(account.id), await accounts.list()]);
    assert.ok(!shown.includes(CANARY));
    assert.deepEqual(await accounts.credentials(account), {
      type: 'basic',
      username: 'sales',
      password: CANARY,
    });
  });

  it('reads a password that is named by reference each time it is needed, and keeps none', async () => {
    const account = await accounts.add(input('sales', { password_secret_ref: 'env:MAIL_PASSWORD' }));
    assert.equal(await passwordOf(account), 'what env:MAIL_PASSWORD names');
    assert.equal((account.auth as BasicRecord).password_secret_ref, 'env:MAIL_PASSWORD');
    assert.deepEqual(await store.db.selectFrom('account_secrets').selectAll().execute(), []);
    const gone = await accounts.add(input('gone', { password_secret_ref: 'env:GONE' }));
    await assert.rejects(accounts.credentials(gone), { code: 'secret_missing' });
  });

  it('forgets its stored password when a reference takes its place', async () => {
    const { id } = await accounts.add(input('sales'));
    const auth = { type: 'basic' as const, username: 'sales', password_secret_ref: 'file:/run/secrets/x' };
    const changed = await accounts.patch(id, { auth });
    assert.deepEqual(await store.db.selectFrom('account_secrets').selectAll().execute(), []);
    assert.equal(await passwordOf(changed), 'what file:/run/secrets/x names');
  });

  it('says what is missing when its password was lost', async () => {
    const account = await accounts.add(input('sales'));
    await store.db.deleteFrom('account_secrets').execute();
    await assert.rejects(accounts.credentials(account), {
      code: 'secret_missing',
      message: /sales has no password/,
    });
  });

  it('changes only what a patch names, takes away what it sets to null, and refuses what does not fit', async () => {
    const { id } = await accounts.add({ ...input('sales'), from: 'Sales <sales@company.example>' });
    const changed = await accounts.patch(id, { watch: { mode: 'poll' }, from: null });
    assert.equal(changed.settings.watch.mode, 'poll');
    assert.deepEqual(changed.settings.watch.mailboxes, ['INBOX']);
    assert.equal(changed.settings.from, undefined);
    assert.equal(changed.version, 2);
    for (const patch of [{ imap: { port: 0 } }, { imap: null }, { unknown: 1 }, { label: 'acc_1' }]) {
      await assert.rejects(accounts.patch(id, patch), { name: 'ZodError' });
    }
    assert.equal((await accounts.get(id)).version, 2);
  });

  it('does not take its stored password to another server', async () => {
    const { id } = await accounts.add(input('sales'));
    await assert.rejects(accounts.patch(id, { imap: { host: 'imap.thief.example' } }), {
      code: 'password_needed',
    });
    await accounts.patch(id, { imap: { port: 1993 } });
    const auth = { type: 'basic' as const, username: 'sales', password: 'another' };
    const moved = await accounts.patch(id, { imap: { host: 'imap.new.example' }, auth });
    assert.equal(await passwordOf(moved), 'another');
  });

  it('is found by its id and by its label, which is its own', async () => {
    const sales = await accounts.add(input('sales'));
    const support = await accounts.add(input('support'));
    assert.equal((await accounts.find('sales')).id, sales.id);
    assert.equal((await accounts.find(support.id)).id, support.id);
    await assert.rejects(accounts.add(input('sales')), { code: 'account_label_taken' });
    await assert.rejects(accounts.patch(support.id, { label: 'sales' }), { code: 'account_label_taken' });
    await assert.rejects(accounts.find('nobody'), { code: 'not_found' });
    assert.deepEqual(
      (await accounts.list()).map(({ settings }) => settings.label),
      ['sales', 'support'],
    );
  });

  it('that is removed leaves no secret, no key and no checkpoint behind', async () => {
    const { id } = await accounts.add(input('sales'));
    await accounts.remove(id);
    for (const table of ['accounts', 'account_secrets', 'account_keys', 'mailboxes'] as const)
      assert.deepEqual(await store.db.selectFrom(table).selectAll().execute(), [], table);
    await assert.rejects(accounts.remove(id), { code: 'not_found' });
    await assert.rejects(accounts.get(id), { code: 'not_found' });
  });

  it('tells of every change after it is durable, and of none that failed', async () => {
    const heard: string[] = [];
    const stop = accounts.onChange((id) => heard.push(id));
    const { id } = await accounts.add(input('sales'));
    await accounts.patch(id, { active: false });
    await assert.rejects(accounts.patch(id, { label: '' }));
    await accounts.remove(id);
    stop();
    await accounts.add(input('other'));
    assert.deepEqual(heard, [id, id, id]);
  });
});
