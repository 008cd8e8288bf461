// The suppression list: whoever is on it is found, however the address is written.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { openSqlite } from '../store/sqlite.ts';
import { Suppressions, suppress, suppressionValue } from './suppressions.ts';

const folder = mkdtempSync(join(tmpdir(), 'postern-suppressions-'));
const store = await openSqlite(join(folder, 'ledger.sqlite'));
let now = 1_000_000;
const suppressions = new Suppressions({ store, clock: { now: () => now } as never });
const add = (address: string, more: object = {}, accountId: string | null = null) =>
  suppressions.add({ address, reason: 'manual', ...more }, accountId, 'key:admin');
const among = async (addresses: string[], account = 'acc_1', list: string | null = null) => [
  ...(await suppressions.among(store.db, account, addresses, list)).keys(),
];

describe('the suppression list', () => {
  after(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });

  it('finds an address in any case of letters, and its domain in letters or in ASCII', async () => {
    await add('Anna@Bücher.example');
    const asked = [
      'anna@xn--bcher-kva.example',
      'ANNA@BÜCHER.EXAMPLE',
      'anna+news@bücher.example',
      'b@c.example',
    ];
    assert.deepEqual(await among(asked), asked.slice(0, 2));
  });

  it('stops everybody of a domain that is on it, and nobody of the domains below', async () => {
    await add('@closed.example');
    assert.deepEqual(await among(['x@CLOSED.example', 'x@sub.closed.example', 'x@notclosed.example']), [
      'x@CLOSED.example',
    ]);
  });

  it('holds for the mail of one account where it says so', async () => {
    await add('carl@one.example', {}, 'acc_1');
    assert.deepEqual(await among(['carl@one.example']), ['carl@one.example']);
    assert.deepEqual(await among(['carl@one.example'], 'acc_2'), []);
  });

  it('stops one broadcast, or all of them, and no other mail', async () => {
    await add('dora@lists.example', { list: 'weekly', reason: 'unsubscribe' });
    await add('emil@lists.example', { list: '*', reason: 'unsubscribe' });
    const both = ['dora@lists.example', 'emil@lists.example'];
    assert.deepEqual(await among(both), []);
    assert.deepEqual(await among(both, 'acc_1', 'weekly'), both);
    assert.deepEqual(await among(both, 'acc_1', 'daily'), ['emil@lists.example']);
  });

  it('stops one recipient alone for what came back of a mail, whatever stands before the @', async () => {
    for (const address of ['*@strange.example', '?@strange.example']) {
      await store.write((tx) => suppress(tx, now, { address, reason: 'hard_bounce', by: 'report' }));
      assert.deepEqual(await among([address]), [address]);
    }
    assert.deepEqual(await among(['anna@strange.example']), []);
  });

  it('ends when it says so', async () => {
    await add('fritz@soon.example', { expires_at: now + 10 });
    assert.deepEqual(await among(['fritz@soon.example']), ['fritz@soon.example']);
    now += 10;
    assert.deepEqual(await among(['fritz@soon.example']), []);
  });

  it('asks for thousands in a few statements, and finds each', async () => {
    const all = Array.from({ length: 2_000 }, (_, at) => `p${at}@many.example`);
    await suppressions.import(
      all.filter((_, at) => at % 7 === 0).map((address) => ({ address, reason: 'manual', by: 'key:admin' })),
    );
    assert.deepEqual((await among(all)).sort(), all.filter((_, at) => at % 7 === 0).sort());
  });

  it('keeps the word of a person against that of a machine', async () => {
    const { id } = await add('gina@kept.example', { note: 'asked by phone' });
    await store.write((tx) =>
      suppress(tx, now, { address: 'gina@kept.example', reason: 'hard_bounce', by: 'bounce' }),
    );
    assert.equal((await suppressions.get(id)).reason, 'manual');
  });

  it('takes *@example.org for its domain', () => {
    assert.equal(suppressionValue('*@Example.org'), '@example.org');
  });

  it('refuses what is neither an address nor a domain', () => {
    for (const wrong of ['', 'nobody', '@', 'a b@c.example', 'a@b', 'a@b.example, c@d.example'])
      assert.throws(() => suppressionValue(wrong), { code: 'suppression_invalid' }, wrong);
  });
});
