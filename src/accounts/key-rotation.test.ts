import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { systemClock } from '../kernel/clock.ts';
import { silentLogger } from '../kernel/logger.ts';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import { newMasterKey, secretFile } from './key-files.ts';
import { KeyRotation } from './key-rotation.ts';
import { keysFromSettings, keysInFiles, type MasterKeys } from './master-keys.ts';
import { Vault } from './vault.ts';

let folder: string;
const stores: Store[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-vault-'));
  secretFile(keyPath(), newMasterKey);
});
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  await rm(folder, { recursive: true, force: true });
});

const keyPath = (): string => join(folder, 'master.key');

/** What a process has: its own view of the keys, its own connection to the one ledger. */
async function startProcess(keys: MasterKeys = keysInFiles(keyPath())) {
  const store = await openSqlite(join(folder, 'ledger.sqlite'));
  stores.push(store);
  const vault = new Vault(keys);
  const rotation = new KeyRotation({ store, vault, clock: systemClock, log: silentLogger });
  const put = (id: string, secret: string) => store.write((tx) => vault.put(tx, id, 'password', secret));
  const get = (id: string) => vault.get(store.db, id, 'password');
  return { store, vault, rotation, put, get };
}

describe('two processes on one ledger', () => {
  it('one reads what the other has rotated, and wraps with the new key itself', async () => {
    const [a, b] = [await startProcess(), await startProcess()];
    await a.put('acc_1', 'one');
    assert.equal(await b.get('acc_1'), 'one');
    const { toId } = await a.rotation.rotate({ dataKeys: false });
    assert.equal(await b.get('acc_1'), 'one');
    await b.put('acc_2', 'two');
    assert.equal(await (await startProcess()).get('acc_2'), 'two');
    assert.deepEqual((await b.rotation.status()).keys, [{ id: toId, held: true, accounts: 2 }]);
  });

  it('a new account of a process that has not heard of the rotation is not left under the old key', async () => {
    const [a, b] = [await startProcess(), await startProcess()];
    await b.put('acc_1', 'one'); // b holds the old key alone in its memory
    await a.rotation.rotate({ dataKeys: true });
    await b.put('acc_2', 'two');
    assert.equal(await (await startProcess()).get('acc_2'), 'two');
  });

  it('a rotation that is asked for twice at once happens once', async () => {
    const a = await startProcess();
    await a.put('acc_1', 'one');
    const [first, second] = await Promise.all([
      a.rotation.rotate({ dataKeys: false }),
      a.rotation.rotate({ dataKeys: false }),
    ]);
    assert.equal(first.id, second.id);
    assert.deepEqual([first.state, second.state], ['done', 'done']);
  });
});

describe('while the key is rotated', () => {
  it('every secret can be read and written at any moment', async () => {
    const a = await startProcess();
    const ids = Array.from({ length: 150 }, (_, i) => `acc_${i}`);
    await a.store.write(async (tx) => {
      for (const id of ids) await a.vault.put(tx, id, 'password', `of ${id}`);
    });
    let isOver = false;
    const rotating = a.rotation.rotate({ dataKeys: true }).finally(() => {
      isOver = true;
    });
    let reads = 0;
    for (let i = 0; !isOver; i = (i + 7) % ids.length) {
      assert.match((await a.get(ids[i] as string)) as string, new RegExp(`of ${ids[i]}( now)?$`));
      if (reads++ % 10 === 0) await a.put(ids[i] as string, `of ${ids[i]} now`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await rotating;
    assert.ok(reads > 5, `${reads} reads came in between`);
    for (const id of ids) assert.match((await a.get(id)) as string, new RegExp(`of ${id}( now)?$`));
  });
});

describe('what a rotation leaves', () => {
  it('is a ledger that the old key opens nothing of', async () => {
    const a = await startProcess();
    const oldKey = Buffer.from(await readFile(keyPath(), 'utf8'), 'base64');
    await a.put('acc_1', 'one');
    const before = await a.store.db.selectFrom('account_secrets').selectAll().executeTakeFirstOrThrow();
    await a.rotation.rotate({ dataKeys: false });
    const kept = await a.store.db.selectFrom('account_secrets').selectAll().executeTakeFirstOrThrow();
    assert.equal(kept.ciphertext, before.ciphertext, 'the secret itself is not touched');
    const thief = new Vault(oldKey);
    await assert.rejects(thief.get(a.store.db, 'acc_1', 'password'), { code: 'secret_unreadable' });
    await a.rotation.rotate({ dataKeys: true });
    const renewed = await a.store.db.selectFrom('account_secrets').selectAll().executeTakeFirstOrThrow();
    assert.notEqual(renewed.ciphertext, before.ciphertext);
    assert.equal(await a.get('acc_1'), 'one');
  });

  it('is the old key, and the reason, where an account does not open', async () => {
    const a = await startProcess();
    await a.put('acc_1', 'one');
    await a.put('acc_2', 'two');
    const row = await a.store.db
      .selectFrom('account_keys')
      .selectAll()
      .where('account_id', '=', 'acc_1')
      .executeTakeFirstOrThrow();
    const breaking = { wrapped_key: row.wrapped_key };
    await a.store.db.updateTable('account_keys').set(breaking).where('account_id', '=', 'acc_2').execute();
    await assert.rejects(a.rotation.rotate({ dataKeys: false }), { code: 'secret_unreadable' });
    const status = await a.rotation.status();
    assert.equal(status.rotation?.state, 'open');
    assert.match(status.rotation?.error ?? '', /does not decrypt/);
    assert.equal(await a.get('acc_1'), 'one');
    // The password is entered again, and the rotation goes on.
    await a.store.write(async (tx) => {
      await a.vault.remove(tx, 'acc_2', 'password');
      await a.vault.put(tx, 'acc_2', 'password', 'two, again');
    });
    await a.rotation.resume();
    assert.equal((await a.rotation.status()).rotation?.state, 'done');
    assert.equal(await (await startProcess()).get('acc_2'), 'two, again');
  });

  it('refuses to renew data keys half way through a rotation that does not', async () => {
    const a = await startProcess();
    await a.put('acc_1', 'one');
    await a.store.db.updateTable('account_keys').set({ wrapped_key: 'broken' }).execute();
    await assert.rejects(a.rotation.rotate({ dataKeys: false }));
    await assert.rejects(a.rotation.rotate({ dataKeys: true }), { code: 'rotation_running' });
  });
});

describe('keys from the settings', () => {
  const [first, second] = [randomBytes(32), randomBytes(32)];

  it('are rotated to the next one, also over a restart with both, and then with the new one alone', async () => {
    const a = await startProcess(keysFromSettings(first, second));
    await a.put('acc_1', 'one');
    await a.rotation.rotate({ dataKeys: false });
    const both = await startProcess(keysFromSettings(first, second));
    await both.put('acc_2', 'two');
    const alone = await startProcess(keysFromSettings(second));
    assert.deepEqual([await alone.get('acc_1'), await alone.get('acc_2')], ['one', 'two']);
  });

  it('a process that was not given the next key seals nothing new after the rotation', async () => {
    const stale = await startProcess(keysFromSettings(first));
    const a = await startProcess(keysFromSettings(first, second));
    await a.put('acc_1', 'one');
    await a.rotation.rotate({ dataKeys: false });
    await assert.rejects(stale.put('acc_2', 'two'), { code: 'master_key_unknown' });
    await assert.rejects(stale.get('acc_1'), { code: 'secret_unreadable' });
  });

  it('are not rotated without a next one', async () => {
    const a = await startProcess(keysFromSettings(first));
    await assert.rejects(a.rotation.rotate({ dataKeys: false }), { code: 'master_key_next_missing' });
    assert.equal((await a.rotation.status()).rotation, null);
  });
});

describe('a ciphertext', () => {
  it('that was moved to the row of another account, or another field, does not open', async () => {
    const a = await startProcess();
    await a.put('acc_1', 'one');
    await a.put('acc_2', 'two');
    const db = a.store.db;
    const stolen = await db
      .selectFrom('account_secrets')
      .selectAll()
      .where('account_id', '=', 'acc_1')
      .executeTakeFirstOrThrow();
    const key = await db
      .selectFrom('account_keys')
      .selectAll()
      .where('account_id', '=', 'acc_1')
      .executeTakeFirstOrThrow();
    const { ciphertext } = stolen;
    await db
      .insertInto('account_secrets')
      .values({ ...stolen, field: 'client_secret' })
      .execute();
    await assert.rejects(a.vault.get(db, 'acc_1', 'client_secret'), { code: 'secret_unreadable' });
    await db.updateTable('account_secrets').set({ ciphertext }).where('account_id', '=', 'acc_2').execute();
    await assert.rejects(a.get('acc_2'), { code: 'secret_unreadable' });
    const { wrapped_key } = key;
    await db.updateTable('account_keys').set({ wrapped_key }).where('account_id', '=', 'acc_2').execute();
    await assert.rejects(a.get('acc_2'), { code: 'secret_unreadable' });
  });
});
