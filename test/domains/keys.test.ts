// The life of a DKIM key: made, published, seen, in use, followed by the next one, retired. Over a real name server, with the
// clock moved.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { KeyRotation } from '../../src/accounts/key-rotation.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import { startDns } from '../support/dns-server.ts';
import { DAY, DOMAIN, domainHouse, HOUR, last, publish, states } from './house.ts';

async function openHouse() {
  const folder = await mkdtemp(join(tmpdir(), 'postern-domains-'));
  const store = await openSqlite(join(folder, 'ledger.db'));
  const dns = await startDns();
  let offset = 0;
  const clock = { now: () => Date.now() + offset };
  return {
    ...domainHouse(store, clock, dns),
    ...{ store, dns, clock },
    advance: (ms: number) => {
      offset += ms;
    },
    secrets: () => store.db.selectFrom('account_secrets').select(['account_id', 'field']).execute(),
    [Symbol.asyncDispose]: async () => {
      await dns.stop();
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

test('a key signs once its record was seen, and its private half is never shown', async () => {
  await using house = await openHouse();
  const { domains, keyWatch, signingKeys, dns } = house;
  const made = await domains.add('Example.ORG.', { ed25519: true });
  assert.equal(made.name, DOMAIN);
  assert.deepEqual(states(made), ['pending', 'pending']);
  assert.deepEqual(
    made.keys.map(({ selector, algorithm, bits }) => [selector.replace(/\d{8}/, 'DAY'), algorithm, bits]),
    [
      ['postern-DAY', 'rsa', 2048],
      ['postern-DAY-ed', 'ed25519', 256],
    ],
  );
  assert.doesNotMatch(JSON.stringify(made), /PRIVATE|secret/i);
  await keyWatch.look();
  assert.equal(await signingKeys.of(DOMAIN), null, 'nothing is published');
  for (const key of made.keys) publish(dns, key);
  house.advance(2 * 60_000);
  await keyWatch.look();
  assert.deepEqual(states(await domains.get(DOMAIN)), ['active', 'active']);
  const signing = await signingKeys.of(DOMAIN);
  assert.deepEqual(
    signing?.keys.map(({ algorithm }) => algorithm),
    ['rsa', 'ed25519'],
  );
  assert.equal((await signingKeys.of(`news.${DOMAIN}`))?.domain, DOMAIN, 'of a domain below');
  assert.equal(await signingKeys.of('example.com'), null);
  for (const { field } of await house.secrets()) assert.match(field, /^dkim:dkm_/);
});

test('the next key takes over an hour after its record was seen; the one before is published for a week more', async () => {
  await using house = await openHouse();
  const { domains, keyWatch, signingKeys, dns } = house;
  const first = last(await domains.add(DOMAIN, { ed25519: false }));
  publish(dns, first);
  await domains.look(DOMAIN);
  const selector = async () => (await signingKeys.of(DOMAIN))?.keys.map((key) => key.selector);
  const next = last(await domains.rotate(DOMAIN, { algorithm: 'rsa' }));
  assert.notEqual(next.selector, first.selector);
  assert.equal(last(await domains.rotate(DOMAIN, { algorithm: 'rsa' })).id, next.id, 'it waits already');
  house.advance(2 * HOUR);
  await keyWatch.look();
  assert.deepEqual(await selector(), [first.selector], 'not published');
  assert.equal(last(await domains.get(DOMAIN)).problem, 'there is no record');
  publish(dns, next);
  house.advance(HOUR);
  await keyWatch.look();
  assert.deepEqual(await selector(), [first.selector], 'published for no time');
  dns.remove(next.record.name);
  house.advance(HOUR);
  await keyWatch.look();
  publish(dns, next);
  house.advance(HOUR);
  await keyWatch.look();
  assert.deepEqual(await selector(), [first.selector], 'it was gone in between');
  dns.trouble(next.record.name, 'servfail');
  house.advance(HOUR);
  await keyWatch.look();
  assert.deepEqual(await selector(), [first.selector], 'nobody knows');
  dns.trouble(next.record.name, null);
  house.advance(HOUR);
  await keyWatch.look();
  assert.deepEqual(await selector(), [next.selector]);
  assert.deepEqual(states(await domains.get(DOMAIN)), ['retiring', 'active']);
  house.advance(7 * DAY - HOUR);
  await keyWatch.look();
  assert.deepEqual(states(await domains.get(DOMAIN)), ['retiring', 'active']);
  assert.equal((await house.secrets()).length, 2);
  house.advance(2 * HOUR);
  await keyWatch.look();
  assert.deepEqual(states(await domains.get(DOMAIN)), ['retired', 'active']);
  assert.equal((await house.secrets()).length, 1, 'its private half is gone');
});

test('a key whose record disappears goes on signing, and it is said', async () => {
  await using house = await openHouse();
  const { domains, keyWatch, signingKeys, dns } = house;
  const key = last(await domains.add(DOMAIN, { ed25519: false }));
  publish(dns, key);
  await domains.look(DOMAIN);
  dns.remove(key.record.name);
  house.advance(DAY);
  await keyWatch.look();
  const now = last(await domains.get(DOMAIN));
  assert.equal(now.state, 'active');
  assert.equal(now.problem, 'there is no record');
  assert.ok(await signingKeys.of(DOMAIN));
});

test('several processes that look at once make one key the one that signs', async () => {
  await using house = await openHouse();
  const { domains, dns } = house;
  const rooms = [house, house.another(), house.another(), house.another()];
  publish(dns, last(await domains.add(DOMAIN, { ed25519: false })));
  for (let round = 0; round < 4; round++) {
    await Promise.all(rooms.map(({ keyWatch }) => keyWatch.look()));
    house.advance(2 * HOUR);
    await Promise.all(rooms.map(({ keyWatch }) => keyWatch.look()));
    const found = states(await domains.get(DOMAIN));
    assert.equal(found.filter((state) => state === 'active').length, 1, found.join(' '));
    for (const { signingKeys } of rooms) assert.equal((await signingKeys.of(DOMAIN))?.keys.length, 1);
    publish(dns, last(await domains.rotate(DOMAIN, { algorithm: 'rsa' })));
  }
});

test('a key that there is already is taken; what is none is refused, and not repeated', async () => {
  await using house = await openHouse();
  const { domains } = house;
  await domains.add(DOMAIN, { ed25519: false });
  await domains.removeKey(DOMAIN, last(await domains.get(DOMAIN)).selector);
  const pem = (bits: number) =>
    generateKeyPairSync('rsa', { modulusLength: bits })
      .privateKey.export({ type: 'pkcs1', format: 'pem' })
      .toString();
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString();
  const bring = (private_key: string) =>
    domains.rotate(DOMAIN, { algorithm: 'rsa', selector: 'mine', private_key });
  for (const bad of [
    pem(512),
    ec,
    'this is not a key at all, only some words that nobody should find again in the answer',
    pem(2048).slice(0, 400),
  ])
    await assert.rejects(bring(bad), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'dkim_key_invalid');
      assert.ok(!error.message.includes(bad.slice(40, 60)));
      return true;
    });
  const key = last(await bring(pem(1024)));
  assert.deepEqual([key.selector, key.bits, key.state], ['mine', 1024, 'pending']);
});

test('what is no domain to send from is refused', async () => {
  await using house = await openHouse();
  for (const text of [
    '',
    'org',
    'co.uk',
    'anna@example.org',
    'exa mple.org',
    '127.0.0.1',
    'a..b.org',
    '-a.org',
  ])
    await assert.rejects(house.domains.add(text, { ed25519: false }), { code: 'domain_invalid' }, text);
  assert.equal(
    (await house.domains.add('müller.example.org', { ed25519: false })).name,
    'xn--mller-kva.example.org',
  );
  await assert.rejects(house.domains.add('MÜLLER.example.org', { ed25519: false }), {
    code: 'domain_exists',
  });
});

test('a rotation of the master key takes the keys of domains with it; a domain that goes takes its keys along', async () => {
  await using house = await openHouse();
  const { domains, dns, signingKeys, store, clock, vault } = house;
  publish(dns, last(await domains.add(DOMAIN, { ed25519: false })));
  await domains.look(DOMAIN);
  const before = vault.keys.current.id;
  const rotation = new KeyRotation({ store, vault, clock, log: silentLogger });
  assert.equal((await rotation.rotate({ dataKeys: true })).state, 'done');
  const [row] = await store.db.selectFrom('account_keys').select('master_key_id').execute();
  assert.notEqual(row?.master_key_id, before);
  signingKeys.forget();
  assert.ok(await signingKeys.of(DOMAIN));
  await domains.remove(DOMAIN);
  assert.equal(await signingKeys.of(DOMAIN), null);
  assert.deepEqual(await house.secrets(), []);
});
