// Secrets at rest: each opens in its own place and with its own key, or not at all.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { PosternError } from '../kernel/errors.ts';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import { Vault } from './vault.ts';

const CANARY = 'canary: hunter2 ✓';
const KEY = Buffer.alloc(32, 1);
let folder: string;
let store: Store;
let vault: Vault;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-vault-'));
  store = await openSqlite(join(folder, 'ledger.sqlite'));
  vault = new Vault(KEY);
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const put = (account: string, field: string, secret: string) =>
  store.write((tx) => vault.put(tx, account, field, secret));
const get = (account: string, field: string, from = vault) => from.get(store.db, account, field);
const refuses = (work: Promise<unknown>) =>
  assert.rejects(work, (error: PosternError) => {
    assert.equal(error.code, 'secret_unreadable');
    assert.ok(error.hint);
    assert.ok(!JSON.stringify([error.message, error.details]).includes('hunter2'));
    return true;
  });
const ciphertextOf = async (account: string, field: string): Promise<string> =>
  (
    await store.db
      .selectFrom('account_secrets')
      .select('ciphertext')
      .where('account_id', '=', account)
      .where('field', '=', field)
      .executeTakeFirstOrThrow()
  ).ciphertext;
const overwrite = (account: string, field: string, ciphertext: string) =>
  store.db
    .updateTable('account_secrets')
    .set({ ciphertext })
    .where('account_id', '=', account)
    .where('field', '=', field)
    .execute();

describe('a secret in the vault', () => {
  it('comes back as it was, also when it is replaced, empty or long, and is null where there is none', async () => {
    for (const secret of [CANARY, 'another', '', 'x'.repeat(4_096)]) {
      await put('acc_1', 'password', secret);
      assert.equal(await get('acc_1', 'password'), secret);
    }
    assert.equal(await get('acc_1', 'token'), null);
    assert.equal(await get('acc_2', 'password'), null);
  });

  it('does not stand in the ledger in any form that can be read', async () => {
    await put('acc_1', 'password', CANARY);
    await store.close();
    const bytes = await readFile(join(folder, 'ledger.sqlite'));
    for (const form of [
      CANARY,
      Buffer.from(CANARY).toString('base64'),
      Buffer.from(CANARY).toString('base64url'),
    ])
      assert.ok(!bytes.includes(form));
    assert.ok(!bytes.includes(KEY));
    store = await openSqlite(join(folder, 'ledger.sqlite'));
  });

  it('is sealed anew each time: the same secret looks different', async () => {
    await put('acc_1', 'password', CANARY);
    const first = await ciphertextOf('acc_1', 'password');
    await put('acc_1', 'password', CANARY);
    assert.notEqual(await ciphertextOf('acc_1', 'password'), first);
  });

  it('does not open when its row was moved to another field', async () => {
    await put('acc_1', 'password', CANARY);
    await put('acc_1', 'token', 'other');
    await overwrite('acc_1', 'token', await ciphertextOf('acc_1', 'password'));
    await refuses(get('acc_1', 'token'));
  });

  it('does not open when its row was moved to another account, alone or with its data key', async () => {
    await put('acc_1', 'password', CANARY);
    await put('acc_2', 'password', 'other');
    await overwrite('acc_2', 'password', await ciphertextOf('acc_1', 'password'));
    await refuses(get('acc_2', 'password'));
    const key = await store.db
      .selectFrom('account_keys')
      .select('wrapped_key')
      .where('account_id', '=', 'acc_1')
      .executeTakeFirstOrThrow();
    await store.db.updateTable('account_keys').set(key).where('account_id', '=', 'acc_2').execute();
    await refuses(get('acc_2', 'password'));
  });

  it('does not open with another master key, not even when that one is given its name', async () => {
    await put('acc_1', 'password', CANARY);
    const other = new Vault(Buffer.alloc(32, 2));
    await assert.rejects(get('acc_1', 'password', other), /another master key/);
    await store.db.updateTable('account_keys').set({ master_key_id: other.keys.current.id }).execute();
    await refuses(get('acc_1', 'password', other));
  });

  it('does not open when a bit of it was changed, or its end cut off', async () => {
    await put('acc_1', 'password', CANARY);
    const good = await ciphertextOf('acc_1', 'password');
    const [format, nonce, sealed, tag] = good.split('.') as [string, string, string, string];
    const flipped = (text: string) => {
      const bytes = Buffer.from(text, 'base64url');
      bytes[0] = (bytes[0] as number) ^ 1;
      return bytes.toString('base64url');
    };
    const damaged = [
      [format, flipped(nonce), sealed, tag],
      [format, nonce, flipped(sealed), tag],
      [format, nonce, sealed, flipped(tag)],
      [format, nonce, sealed.slice(0, -4), tag],
      [format, nonce, '', tag],
    ];
    for (const parts of damaged) {
      await overwrite('acc_1', 'password', parts.join('.'));
      await refuses(get('acc_1', 'password'));
    }
    await overwrite('acc_1', 'password', good);
    assert.equal(await get('acc_1', 'password'), CANARY);
  });

  it('is an error, and never its own text, when it does not have the form of a ciphertext', async () => {
    await put('acc_1', 'password', CANARY);
    const good = await ciphertextOf('acc_1', 'password');
    const [format, nonce, sealed, tag] = good.split('.') as [string, string, string, string];
    const shapeless = [
      ...['', 'hunter2', 'v1', 'v1...', good.slice(0, -1), `${good}x`, `${good}.`, ` ${good}`, `${good}\n`],
      ...[
        `v2.${good.slice(3)}`,
        `${format}.${nonce}.${sealed}!.${tag}`,
        `${format}.${nonce}.${sealed}.${tag.slice(0, 11)}`,
      ],
    ];
    for (const text of shapeless) {
      await overwrite('acc_1', 'password', text);
      await refuses(get('acc_1', 'password'));
    }
  });

  it('that has lost its data key is an error', async () => {
    await put('acc_1', 'password', CANARY);
    await store.db.deleteFrom('account_keys').execute();
    await refuses(get('acc_1', 'password'));
  });

  it('is gone with its account, and the data key with it', async () => {
    await put('acc_1', 'password', CANARY);
    await put('acc_2', 'password', 'stays');
    await store.write((tx) => vault.remove(tx, 'acc_1'));
    assert.equal(await get('acc_1', 'password'), null);
    assert.equal(await get('acc_2', 'password'), 'stays');
    assert.equal((await store.db.selectFrom('account_keys').selectAll().execute()).length, 1);
  });
});

it('a vault takes no master key of another size', () => {
  for (const size of [0, 16, 31, 33])
    assert.throws(() => new Vault(Buffer.alloc(size)), { code: 'master_key_invalid' });
});
