// Signatures of mail as it leaves the outbox: what arrives, what is filed and what the ledger says is the same; and while keys
// change, no mail leaves unsigned or with a key that is not published.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mailSigner, topLines } from '../../src/outbound/dkim.ts';
import { type DomainHouse, domainHouse, HOUR, last, publish } from '../domains/house.ts';
import { startDns } from '../support/dns-server.ts';
import { type SmtpServerOptions, startSmtpServer } from '../support/smtp-server.ts';
import { verifyMails } from '../support/verify-mail.ts';
import { accountOn, contentTo, openOutpost, PASSWORD, USER } from './outbox-fixture.ts';

const users = { [USER]: PASSWORD };
const anna = 'anna@example.com';
const DOMAIN = 'example.org';

async function stage(settings: object = {}, faults: NonNullable<SmtpServerOptions['faults']> = []) {
  const dns = await startDns();
  const server = await startSmtpServer({ users, faults });
  let house: DomainHouse | undefined;
  const outpost = await openOutpost(accountOn(server, settings), {
    signs: ({ store, clock }) => {
      house = domainHouse(store, clock, dns);
      return mailSigner(house.signingKeys);
    },
  });
  const { domains, keyWatch, vault } = house as DomainHouse;
  return {
    ...{ dns, server, outpost, domains, keyWatch, vault },
    rowOf: (id: string) =>
      outpost.store.db.selectFrom('submissions').selectAll().where('id', '=', id).executeTakeFirstOrThrow(),
    [Symbol.asyncDispose]: async () => {
      await outpost[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await dns.stop();
    },
  };
}

test('a mail leaves signed above its Date; what was approved is below, and the filed copy is what left', async () => {
  for (const text of ['Hällo\n', `long ${'lörem ipsum\n'.repeat(60_000)}`]) {
    await using here = await stage();
    const { dns, server, outpost, domains } = here;
    publish(dns, last(await domains.add(DOMAIN, { ed25519: false })));
    await domains.look(DOMAIN);
    await outpost.start();
    const filed = outpost.nextFiled();
    const mail = await outpost.approve({ ...contentTo(anna), text });
    await outpost.until(mail.id, ({ state }) => state === 'sent');
    const received = server.messages().at(-1)?.raw as Buffer;
    const { signature, dated_at } = await here.rowOf(mail.id);
    assert.match(signature ?? '', /^DKIM-Signature: v=1; a=rsa-sha256;/);
    assert.ok(received.equals(Buffer.concat([topLines(signature, dated_at), mail.raw])));
    assert.ok(received.subarray(received.indexOf('\nDate: ') + 1).equals(mail.whole));
    assert.ok((await filed).raw.equals(received));
    const [verified] = await verifyMails([received], dns);
    assert.deepEqual([verified?.dkimpy[0]?.[1], verified?.mailauth[0]?.[1]], [true, true]);
  }
});

test('another attempt with the same key makes the very same lines', async () => {
  await using here = await stage({}, [{ at: 'end', does: { code: 451, text: '4.3.0 Later' }, times: 1 }]);
  const { dns, server, outpost, domains } = here;
  publish(dns, last(await domains.add(DOMAIN, { ed25519: true })));
  await domains.look(DOMAIN);
  await outpost.start();
  const mail = await outpost.approve(contentTo(anna));
  await outpost.until(mail.id, ({ state, attempts }) => state === 'queued' && attempts === 1);
  const first = await here.rowOf(mail.id);
  outpost.advance(6 * 60_000);
  await outpost.until(mail.id, ({ state }) => state === 'sent');
  assert.equal((await here.rowOf(mail.id)).signature, first.signature);
  assert.equal(server.messages().length, 1);
});

test('mail leaves unsigned where the account says so, its provider signs, or the domain has no key in use', async () => {
  for (const settings of [{ dkim: 'off' }, { provider: 'microsoft365' }, null]) {
    await using here = await stage(settings ?? {});
    const { dns, server, outpost, domains } = here;
    const key = last(await domains.add(DOMAIN, { ed25519: false }));
    if (settings) publish(dns, key);
    await domains.look(DOMAIN);
    await outpost.start();
    const mail = await outpost.approve(contentTo(anna));
    await outpost.until(mail.id, ({ state }) => state === 'sent');
    assert.ok(server.messages()[0]?.raw.equals(mail.whole));
    assert.equal((await here.rowOf(mail.id)).signature, null);
  }
});

test('a mail whose key cannot be read waits, and does not leave unsigned', async () => {
  await using here = await stage();
  const { dns, server, outpost, domains } = here;
  publish(dns, last(await domains.add(DOMAIN, { ed25519: false })));
  await domains.look(DOMAIN);
  const { db } = outpost.store;
  const { ciphertext } = await db
    .selectFrom('account_secrets')
    .select('ciphertext')
    .executeTakeFirstOrThrow();
  await db
    .updateTable('account_secrets')
    .set({ ciphertext: ciphertext.replace(/.$/, 'x') })
    .execute();
  await outpost.start();
  const mail = await outpost.approve(contentTo(anna));
  const waiting = await outpost.until(mail.id, ({ state, attempts }) => state === 'queued' && attempts === 1);
  assert.match(waiting.last_error ?? '', /does not decrypt/);
  assert.equal(server.messages().length, 0);
  await db.updateTable('account_secrets').set({ ciphertext }).execute();
  outpost.advance(10 * 60_000);
  await outpost.until(mail.id, ({ state }) => state === 'sent');
  assert.match(String(server.messages()[0]?.raw), /^DKIM-Signature:/);
});

test('keys are rotated while mail leaves: each is signed by a key that is published, and each signature holds', async () => {
  await using here = await stage();
  const { dns, server, outpost, domains, keyWatch } = here;
  publish(dns, last(await domains.add(DOMAIN, { ed25519: true })));
  for (const key of (await domains.get(DOMAIN)).keys) publish(dns, key);
  await domains.look(DOMAIN);
  await outpost.start();
  const selectors = new Set<string>();
  const ROUNDS = 5;
  const MAILS = 12;
  for (let round = 0; round < ROUNDS; round++) {
    const mails = Array.from({ length: MAILS }, () => outpost.approve(contentTo(anna)));
    const rotated = domains.rotate(DOMAIN, { algorithm: 'rsa' }).then(async (view) => {
      publish(dns, last(view));
      await keyWatch.look();
      outpost.advance(2 * HOUR);
      await keyWatch.look();
    });
    for (const { id } of await Promise.all(mails)) await outpost.until(id, ({ state }) => state === 'sent');
    await rotated;
    // What is retired by now may go from the DNS.
    for (const key of (await domains.get(DOMAIN)).keys) {
      if (key.state === 'retired') dns.remove(key.record.name);
      if (key.state === 'active' && key.algorithm === 'rsa') selectors.add(key.selector);
    }
  }
  assert.equal(selectors.size, ROUNDS);
  const mails = server.messages().map(({ raw }) => raw);
  assert.equal(mails.length, ROUNDS * MAILS);
  const used = new Set<string>();
  for (const { dkimpy, mailauth } of await verifyMails(mails, dns)) {
    assert.equal(dkimpy.length, 2);
    for (const [selector, verdict] of [...dkimpy, ...mailauth]) {
      assert.equal(verdict, true, selector);
      used.add(selector);
    }
  }
  assert.ok(used.size > 3, [...used].join(' '));
});
