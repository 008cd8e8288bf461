// A process that rotates the keys of a domain is killed again and again: there is always one key that signs, its record is
// published, and private halves are there for exactly the keys that need them.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { keysFromSettings } from '../../src/accounts/master-keys.ts';
import { Vault } from '../../src/accounts/vault.ts';
import { registerDomains } from '../../src/domains/register.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import { Random } from '../proofs/random.ts';
import { startDns } from '../support/dns-server.ts';
import { DOMAIN, publish } from './house.ts';

const KILLS = Number(process.env.KILLS ?? 6);
const SEED = Number(process.env.SEED ?? 20261121);
const LONGEST_LIFE_MS = 150; // some rotations
const CHILD_LIMIT_MS = 60_000; // it ends by itself never
const PROGRAM = join(import.meta.dirname, 'rotating-process.ts');

test(`${KILLS} kills in the middle of rotations (SEED=${SEED})`, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'postern-key-kills-'));
  const path = join(folder, 'ledger.db');
  const master = randomBytes(32);
  const dns = await startDns();
  const random = new Random(SEED);
  const room = async () => {
    const store = await openSqlite(path);
    const vault = new Vault(keysFromSettings(master, Buffer.from(master).reverse()));
    const parts = { store, vault, clock: systemClock, log: silentLogger };
    const accounts = { list: async () => [] };
    const ask = async (name: string) => [[dns.textOf(name) ?? '']];
    return { store, vault, ...registerDomains({ ...parts, accounts, ask }) };
  };
  try {
    const first = await room();
    await first.domains.add(DOMAIN, { ed25519: true });
    for (const key of (await first.domains.get(DOMAIN)).keys) publish(dns, key);
    await first.domains.look(DOMAIN);
    await first.store.close();

    const used = new Set<string>();
    for (let kill = 1; kill <= KILLS; kill++) {
      const child = spawn(process.execPath, [PROGRAM, path, dns.address, master.toString('hex'), DOMAIN], {
        stdio: ['ignore', 'pipe', 'inherit'],
        timeout: CHILD_LIMIT_MS,
        killSignal: 'SIGKILL',
      });
      const ended = once(child, 'close');
      const begun = Promise.withResolvers<void>();
      createInterface(child.stdout).on('line', (line) => {
        const [name = '', value = ''] = line.split('\t');
        dns.txt(name, value);
        begun.resolve();
      });
      await Promise.race([begun.promise, ended]);
      await delay(random.between(0, LONGEST_LIFE_MS));
      child.kill('SIGKILL');
      await ended;

      const { store, vault, domains, signingKeys } = await room();
      const { id, keys } = await domains.get(DOMAIN);
      const active = keys.filter(({ state, algorithm }) => state === 'active' && algorithm === 'ed25519');
      assert.equal(active.length, 1, `kill ${kill}: ${keys.map(({ state }) => state).join(' ')}`);
      const { name = '', value } = active[0]?.record ?? {};
      assert.equal(dns.textOf(name), value, `kill ${kill}: not published`);
      used.add(active[0]?.selector ?? '');
      assert.equal((await signingKeys.of(DOMAIN))?.keys.length, 2, `kill ${kill}`);
      for (const key of keys)
        assert.equal(
          (await vault.get(store.db, id, `dkim:${key.id}`)) !== null,
          key.state !== 'retired',
          `kill ${kill}: ${key.state}`,
        );
      const secrets = await store.db.selectFrom('account_secrets').select('field').execute();
      assert.equal(secrets.length, keys.filter(({ state }) => state !== 'retired').length, `kill ${kill}`);
      await store.close();
    }
    assert.ok(used.size > 1, 'no key ever took over');
  } finally {
    await dns.stop();
    await rm(folder, { recursive: true, force: true });
  }
});
