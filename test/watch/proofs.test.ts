// Proving who sent a message, with a real IMAP server: once, within bounds, and without holding up the account.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Account } from '../../src/accounts/accounts.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { ProofThread } from '../../src/mail/trust/proof-thread.ts';
import { storedTrust } from '../../src/mail/trust.ts';
import { Proofs } from '../../src/watch/proofs.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { requireService } from '../support/services.ts';
import { rsaKey, signMails } from '../support/sign-mail.ts';
import { mail, openWatchHouse, plain, TELLS_SOON, type WatchHouse } from './house.ts';

const SUBJECTS = ['once', 'large', 'gone', 'failing', 'other', 'hanging'];
const LARGEST_BYTES = 100_000;
const key = rsaKey();
const signal = new AbortController().signal;

describe('a proof', { skip: requireService('dovecot', 'dkimpy') }, () => {
  let dovecot: Dovecot;
  let house: WatchHouse;
  let account: Account;
  let proofs: Proofs;
  const thread = new ProofThread((name) => lookup(name));
  const asked: string[] = [];
  const published = async (name: string): Promise<string[][]> => {
    asked.push(name);
    if (name.includes('_domainkey')) return [[key.record]];
    throw Object.assign(new Error('nothing there'), { code: 'ENOTFOUND' });
  };
  let lookup = published;

  before(async () => {
    [dovecot, house] = await Promise.all([
      startDovecot({ users: { sales: DEFAULT_PASSWORD }, extra: TELLS_SOON }),
      openWatchHouse(),
    ]);
    account = await house.add({ ...plain(dovecot), max_message_bytes: LARGEST_BYTES });
    const raws = SUBJECTS.map((subject) =>
      subject === 'large' ? `${mail(subject)}${'And more.\r\n'.repeat(20_000)}` : mail(subject),
    );
    const signed = await signMails(
      raws.map((raw) => ({ raw, domain: 'prospect.example', selector: 's1', key })),
    );
    for (const raw of signed) await dovecot.deliver('sales', raw);
    await house.starts(...SUBJECTS);
    const { store, accounts, imap } = house;
    proofs = new Proofs({ store, accounts, imap, thread, clock: systemClock, log: house.logger });
  });
  after(async () => {
    await thread.close();
    await house?.[Symbol.asyncDispose]();
    await dovecot?.stop();
  });

  const idOf = async (subject: string): Promise<string> =>
    (
      await house.store.db
        .selectFrom('messages')
        .select('id')
        .where('subject', '=', subject)
        .executeTakeFirstOrThrow()
    ).id;
  const kept = async (subject: string) =>
    storedTrust(
      (
        await house.store.db
          .selectFrom('messages')
          .select('trust')
          .where('subject', '=', subject)
          .executeTakeFirstOrThrow()
      ).trust,
    );
  const prove = async (subject: string, isLast = false) =>
    proofs.prove(await idOf(subject), { isLast, signal });

  it('is kept in the ledger, and not looked for again', async () => {
    assert.equal((await prove('once')).level, 'verified');
    assert.deepEqual([(await kept('once')).level, (await kept('once')).checked], ['verified', true]);
    const before = asked.length;
    assert.equal((await prove('once')).level, 'verified');
    assert.equal(asked.length, before);
  });

  it('of a message that is larger than the account takes is not looked for', async () => {
    const trust = await prove('large');
    assert.deepEqual([trust.level, trust.checked], ['unverified', true]);
    assert.match(trust.reason, /could not be checked: The message has \d+ octets; the account takes 100000/);
  });

  it('of a message that is gone is worth another try, for it may be on its way; in the end there is none', async () => {
    const stored = (await dovecot.fetchAll('sales')).find(({ raw }) => String(raw).includes('Subject: gone'));
    await dovecot.expunge('sales', stored?.uid ?? 0);
    await assert.rejects(prove('gone'), { code: 'message_gone' });
    const trust = await prove('gone', true);
    assert.deepEqual([trust.level, trust.checked], ['unverified', false]);
    assert.match(trust.reason, /no longer where it was seen/);
  });

  it('is never taken as given where the DNS fails, and found once it answers', async () => {
    lookup = () => Promise.reject(Object.assign(new Error('no'), { code: 'ESERVFAIL' }));
    await assert.rejects(prove('failing'), { code: 'proof_pending', retry: 'later' });
    assert.equal((await kept('failing')).checked, false);
    const trust = await prove('failing', true);
    assert.deepEqual([trust.level, trust.checked], ['unverified', false]);
    assert.match(trust.reason, /key at s1\._domainkey\.prospect\.example could not be asked for/);
    lookup = published;
    assert.equal((await prove('failing')).level, 'verified');
  });

  it('of another message than was taken in is none', async () => {
    await house.store.db
      .updateTable('messages')
      .set({ fingerprint: 'of another' })
      .where('subject', '=', 'other')
      .execute();
    assert.match((await prove('other')).reason, /is not the one that was taken in/);
    assert.equal((await kept('other')).level, 'unverified');
  });

  it('holds no connection while a name server hangs', async () => {
    const answer = Promise.withResolvers<string[][]>();
    const wanted = Promise.withResolvers<void>();
    lookup = (name) => {
      wanted.resolve();
      return name.includes('_domainkey') ? answer.promise : published(name);
    };
    const proving = prove('hanging');
    await wanted.promise;
    assert.equal(await house.imap.use(account.id, async () => 'free'), 'free');
    answer.resolve([[key.record]]);
    assert.equal((await proving).level, 'verified');
  });
});
