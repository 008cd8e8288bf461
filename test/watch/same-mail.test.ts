// One mail starts once: after its mailbox was numbered anew, after moves and copies, and when the ledger fails on the way.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Store } from '../../src/store/store.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { requireService } from '../support/services.ts';
import { mail, ONLY_TOLD, openWatchHouse, plain, TELLS_SOON, type WatchHouse } from './house.ts';

/** As node:sqlite throws it. */
const diskFull = (): Error =>
  Object.assign(new Error('the disk is full'), { code: 'ERR_SQLITE_ERROR', errcode: 13 });
const FLOOD = 1_200; // more than two batches
const HOUR_MS = 3_600_000;

describe('a mail that was seen', { skip: requireService('dovecot') }, () => {
  let dovecot: Dovecot;
  let user = '';
  let count = 0;
  before(async () => {
    dovecot = await startDovecot({ extra: TELLS_SOON });
  });
  after(() => dovecot?.stop());
  beforeEach(async () => {
    user = `user${++count}`;
    await dovecot.addUser(user);
  });
  const settings = (watch: object = {}) => ({
    ...plain(dovecot),
    watch: { ...ONLY_TOLD, ...watch },
    auth: { type: 'basic', username: user, password: DEFAULT_PASSWORD },
  });
  const once = (...subjects: string[]) => Object.fromEntries(subjects.map((subject) => [subject, 1]));
  const locations = (house: WatchHouse) =>
    house.store.db.selectFrom('locations').selectAll().orderBy('mailbox').orderBy('uid').execute();

  for (const renumber of [false, true]) {
    it(`starts nothing again when UIDVALIDITY changes ${renumber ? 'and every mail has another UID' : 'and the UIDs stay'}`, async () => {
      await dovecot.deliver(user, mail('history'), 'INBOX', { internalDate: new Date(Date.now() - HOUR_MS) });
      await using house = await openWatchHouse();
      await house.add(settings());
      await dovecot.deliver(user, mail('one'));
      await dovecot.deliver(user, mail('two'));
      await house.starts('one', 'two');
      await house.watchers.stop();
      const uidValidity = await dovecot.changeUidValidity(user, 'INBOX', { renumber });
      await dovecot.deliver(user, mail('meanwhile'));
      await house.restart();
      assert.deepEqual(await house.starts('meanwhile'), once('one', 'two', 'meanwhile'));
      await dovecot.deliver(user, mail('afterwards'));
      assert.deepEqual(await house.starts('afterwards'), once('one', 'two', 'meanwhile', 'afterwards'));
      const found = (await locations(house)).filter((row) => row.uid_validity === String(uidValidity));
      assert.equal(found.length, 4, 'where the known mails lie now is known');
    });
  }

  it('starts nothing again when the mailbox is numbered anew while it is watched', async () => {
    await using house = await openWatchHouse();
    const account = await house.add(settings());
    await dovecot.deliver(user, mail('one'));
    await house.starts('one');
    await dovecot.changeUidValidity(user, 'INBOX', { renumber: true });
    await dovecot.deliver(user, mail('two'));
    house.watchers.sweep(account.id);
    assert.deepEqual(await house.starts('two'), once('one', 'two'));
    assert.ok(house.log.some((line) => line.includes('renumbered')));
  });

  it('starts nothing again when it is moved between two mailboxes that are watched', async () => {
    await dovecot.deliver(user, mail('before'), 'Archive');
    await using house = await openWatchHouse();
    const account = await house.add(settings({ mailboxes: ['INBOX', 'Archive'] }));
    const { uid } = await dovecot.deliver(user, mail('moved'));
    await house.starts('moved');
    await dovecot.move(user, uid, 'Archive');
    await dovecot.deliver(user, mail('behind it'), 'Archive');
    assert.deepEqual(await house.starts('behind it'), once('moved', 'behind it'));
    const places = (await locations(house)).map(({ mailbox, message_id: id }) => [mailbox, id]);
    assert.equal(places.filter(([mailbox]) => mailbox === 'Archive').length, 2);
    assert.ok(places.some(([mailbox, id]) => mailbox === 'Archive' && id === places.at(-1)?.[1]));
    assert.equal(house.status(account).waiting, 0);
  });

  it('starts nothing again when it is copied within its mailbox, or delivered to two at once', async () => {
    await using house = await openWatchHouse();
    await house.add(settings({ mailboxes: ['INBOX', 'Junk'] }));
    const { uid } = await dovecot.deliver(user, mail('copied'));
    await house.starts('copied');
    const client = await dovecot.client(user);
    await client.command('SELECT INBOX');
    await client.command(`UID COPY ${uid} INBOX`);
    const twin = mail('twin');
    await Promise.all([dovecot.deliver(user, twin), dovecot.deliver(user, twin, 'Junk')]);
    await dovecot.deliver(user, mail('last'));
    await dovecot.deliver(user, mail('last in junk'), 'Junk');
    assert.deepEqual(
      await house.starts('last', 'last in junk'),
      once('copied', 'twin', 'last', 'last in junk'),
    );
  });

  it('is one of two when another mail only looks like it', async () => {
    await using house = await openWatchHouse();
    await house.add(settings());
    const without = mail('no id').replace(/^Message-ID:.*\r\n/m, '');
    await dovecot.deliver(user, without);
    await dovecot.deliver(user, without.replace('Ann <', 'Anna <'));
    await dovecot.deliver(user, mail('last'));
    assert.equal((await house.starts('last'))['no id'], 2);
  });

  it('is in the ledger once, and none is passed over, when the ledger fails again and again', async () => {
    const subjects = Array.from({ length: FLOOD }, (_, at) => `mail ${at}`);
    await dovecot.deliverMany(
      user,
      subjects.map((subject) => mail(subject)),
    );
    let writes = 0;
    const ledger = (store: Store): Store => ({
      ...store,
      async write(work) {
        // Four in a row: nothing can be put aside either while it lasts.
        if (Math.floor(++writes / 4) % 2 === 1) throw diskFull();
        return store.write(work);
      },
    });
    await using house = await openWatchHouse({ ledger });
    const account = await house.add(settings({ from_zero: true }), false);
    await house.until(() => {
      if (house.status(account).state === 'backing-off') house.watchers.sweep(account.id); // does not wait for it
      return house.status(account).state === 'idle';
    });
    assert.deepEqual(Object.values(await house.starts(...subjects)), Array(FLOOD).fill(1));
    const { last_uid: lastUid } = await house.store.db
      .selectFrom('mailboxes')
      .select('last_uid')
      .executeTakeFirstOrThrow();
    assert.equal(lastUid, FLOOD);
    assert.ok(
      house.log.some((line) => line.includes('the disk is full')),
      'the cause is told',
    );
    assert.ok(!house.log.some((line) => line.includes('connection')), 'and nothing else is blamed');
  });

  it('that is poison ends as a dead letter with its cause, and the others go on', async () => {
    await using house = await openWatchHouse({
      onDecide: ({ metadata }) => {
        if (metadata.subject === 'poison') throw new TypeError('a rule fell over it');
      },
    });
    const account = await house.add(settings());
    await dovecot.deliverMany(
      user,
      ['one', 'poison', 'two'].map((subject) => mail(subject)),
    );
    assert.deepEqual(await house.starts('one', 'two'), once('one', 'two'));
    assert.equal(house.status(account).state, 'idle');
    assert.equal(house.status(account).reconnects, 0);
    const letter = await house.until(async () => (await house.jobs.deadLetters(10))[0]);
    assert.deepEqual(
      [letter.kind, letter.payload.uid, letter.attempts, letter.error],
      ['message.ingest', 2, 3, 'a rule fell over it'],
    );
  });
});
