// A rotation that is killed again and again loses nothing: after each kill a process that starts then reads every secret.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { newMasterKey, secretFile } from '../../src/accounts/key-files.ts';
import { KeyRotation } from '../../src/accounts/key-rotation.ts';
import { keysInFiles } from '../../src/accounts/master-keys.ts';
import { Vault } from '../../src/accounts/vault.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { Random } from '../proofs/random.ts';

const ACCOUNTS = 300;
const KILLS = Number(process.env.KILLS ?? 12);
const SEED = Number(process.env.SEED ?? 20261120);
const LONGEST_LIFE_MS = 60; // a rotation of 300 accounts takes about this long on a quiet machine
const PROGRAM = join(import.meta.dirname, 'rotating-process.ts');

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-rotation-'));
  const { vault, store } = await openAgain(true);
  await store.write(async (tx) => {
    for (let i = 0; i < ACCOUNTS; i++) {
      await vault.put(tx, `acc_${i}`, 'password', `password ${i}`);
      if (i % 3 === 0) await vault.put(tx, `acc_${i}`, 'refresh_token', `token ${i}`);
    }
  });
  await store.close();
});
after(() => rm(folder, { recursive: true, force: true }));

/** What a process that starts now has. */
async function openAgain(first = false): Promise<{ vault: Vault; store: Store }> {
  const path = join(folder, 'master.key');
  if (first) secretFile(path, newMasterKey);
  return { vault: new Vault(keysInFiles(path)), store: await openSqlite(join(folder, 'ledger.sqlite')) };
}

async function assertAllReadable(note: string): Promise<void> {
  const { vault, store } = await openAgain();
  for (let i = 0; i < ACCOUNTS; i++) {
    assert.equal(await vault.get(store.db, `acc_${i}`, 'password'), `password ${i}`, note);
    const token = await vault.get(store.db, `acc_${i}`, 'refresh_token');
    assert.equal(token, i % 3 === 0 ? `token ${i}` : null, note);
  }
  await store.close();
}

/** Runs the process until its end, or for `lifeMs` after it begins to rotate. Returns the steps it made; null: killed. */
async function rotate(dieAt: number, mode: string, lifeMs?: number): Promise<number | null> {
  const child = spawn(process.execPath, [PROGRAM, folder, String(dieAt), mode], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  const ended = once(child, 'close');
  if (lifeMs !== undefined) {
    await Promise.race([once(child.stdout, 'data'), ended]);
    await Promise.race([delay(lifeMs), ended]);
    child.kill('SIGKILL');
  }
  const [, signal] = (await ended) as [number | null, string | null];
  if (signal === null) assert.match(out, /done after/);
  return signal === 'SIGKILL' ? null : Number(/done after (\d+)/.exec(out)?.[1]);
}

async function masterKeyIds(): Promise<string[]> {
  const { store } = await openAgain();
  const rows = await store.db.selectFrom('account_keys').select('master_key_id').distinct().execute();
  await store.close();
  return rows.map((row) => row.master_key_id);
}

describe('a rotation of the master key', () => {
  for (const mode of ['', 'data-keys']) {
    const what = mode === '' ? 'of the master key alone' : 'that renews data keys';
    it(`${what} can be killed after each of its steps`, async () => {
      const before = await readFile(join(folder, 'master.key'), 'utf8');
      // One step further in each life, so that the sum of all lives stops at every kind of step.
      const kinds = [1, 2, 3, 5, 14]; // the last: the old key is gone, and not yet noted
      for (const step of kinds) {
        assert.equal(await rotate(step, mode), null, `step ${step} was not reached`);
        await assertAllReadable(`killed after step ${step} (${what})`);
      }
      await rotate(0, mode);
      await assertAllReadable(`at the end (${what})`);
      assert.notEqual(await readFile(join(folder, 'master.key'), 'utf8'), before);
      assert.equal((await masterKeyIds()).length, 1);
      assert.ok(!existsSync(join(folder, 'master.key.next')), 'the next key is the one in use now');
    });
  }

  it('that dies between the end of the old key and the note of it is ended at the next start', async () => {
    const counted = await openAgain();
    const steps: string[] = [];
    const dying = new KeyRotation({
      ...counted,
      clock: systemClock,
      log: silentLogger,
      onStep(step) {
        steps.push(step);
        if (step === 'old key gone') throw new Error('dead');
      },
    });
    await assert.rejects(dying.rotate({ dataKeys: false }), /dead/);
    await counted.store.close();
    await assertAllReadable('after the death');
    const { vault, store } = await openAgain();
    const rotation = new KeyRotation({ store, vault, clock: systemClock, log: silentLogger });
    assert.equal((await rotation.status()).rotation?.state, 'open');
    rotation.start();
    await rotation.stop();
    const status = await rotation.status();
    assert.equal(status.rotation?.state, 'done');
    assert.equal(status.masterKeyId, status.rotation?.toId);
    assert.deepEqual(status.keys, [{ id: status.masterKeyId, held: true, accounts: ACCOUNTS }]);
    await store.close();
  });

  it('that two processes make at once ends in one key', async () => {
    await Promise.all([rotate(0, ''), rotate(0, '')]);
    await assertAllReadable('after two processes');
    assert.equal((await masterKeyIds()).length, 1);
    assert.ok(!existsSync(join(folder, 'master.key.next')));
  });

  it(`survives ${KILLS} kills at random instants (seed ${SEED})`, async () => {
    const random = new Random(SEED);
    let killed = 0;
    for (let i = 0; i < KILLS; i++) {
      const lifeMs = random.next() * LONGEST_LIFE_MS;
      const mode = random.chance(0.5) ? 'data-keys' : '';
      const { store } = await openAgain();
      const open = await store.db
        .selectFrom('vault_rotations')
        .select('data_keys')
        .where('state', '=', 'open')
        .executeTakeFirst();
      await store.close();
      const joined = open === undefined ? mode : open.data_keys === 1 ? 'data-keys' : '';
      if ((await rotate(0, joined, lifeMs)) === null) killed++;
      await assertAllReadable(`seed ${SEED}, life ${i} of ${lifeMs} ms`);
    }
    assert.ok(killed > 0, 'no life was cut off');
    const { vault, store } = await openAgain();
    const rotation = new KeyRotation({ store, vault, clock: systemClock, log: silentLogger });
    await rotation.resume();
    assert.equal((await rotation.status()).rotation?.state, 'done');
    await store.close();
    await assertAllReadable('at the end');
    const left = (await readdir(folder)).filter((name) => name.startsWith('master.key'));
    assert.deepEqual(left, ['master.key'], 'no other key lies about');
  });
});
