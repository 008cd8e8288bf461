// New mail is found by IDLE, by polls and by sweeps, and after every kind of interruption.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { requireService } from '../support/services.ts';
import { mail, ONLY_TOLD, openWatchHouse, plain, TELLS_SOON } from './house.ts';

describe('new mail', { skip: requireService('dovecot') }, () => {
  let dovecot: Dovecot;
  let withoutIdle: Dovecot;
  let user = '';
  let count = 0;
  before(async () => {
    dovecot = await startDovecot({ extra: TELLS_SOON });
    withoutIdle = await startDovecot({ noIdle: true });
  });
  after(async () => {
    await dovecot?.stop();
    await withoutIdle?.stop();
  });
  beforeEach(async () => {
    user = `user${++count}`;
    await dovecot.addUser(user);
    await withoutIdle.addUser(user);
  });
  const settings = (watch: object, server = dovecot) => ({
    ...plain(server),
    watch,
    auth: { type: 'basic', username: user, password: DEFAULT_PASSWORD },
  });

  it('is found because the server tells of it during IDLE', async () => {
    await using house = await openWatchHouse();
    const account = await house.add(settings(ONLY_TOLD));
    assert.equal(house.status(account).state, 'idle');
    for (const subject of ['one', 'two', 'three']) {
      await dovecot.deliver(user, mail(subject));
      await house.starts(subject);
    }
    assert.deepEqual(house.started, ['one', 'two', 'three']);
    const status = house.status(account);
    assert.deepEqual(
      [status.state, status.waiting, status.reconnects, status.last_error],
      ['idle', 0, 0, null],
    );
    assert.ok(Date.now() - (status.last_alive_at ?? 0) < 60_000);
  });

  it('is found by polls where the server has no IDLE, and where the account wants it so', async () => {
    for (const [server, mode] of [
      [withoutIdle, 'idle'],
      [dovecot, 'poll'],
    ] as const) {
      await using house = await openWatchHouse();
      const account = await house.add(settings({ mode, interval: '50ms' }, server));
      assert.equal(house.status(account).state, 'polling');
      await server.deliver(user, mail(`polled ${mode}`));
      assert.deepEqual(await house.starts(`polled ${mode}`), { [`polled ${mode}`]: 1 });
    }
  });

  it('is found at once when a sweep is asked for', async () => {
    await using house = await openWatchHouse();
    const account = await house.add(settings({ mode: 'poll', ...ONLY_TOLD }));
    await dovecot.deliver(user, mail('swept'));
    house.watchers.sweep(account.id);
    await house.starts('swept');
  });

  it('is not what was there before, unless the account says so', async () => {
    await dovecot.deliver(user, mail('old'));
    await using house = await openWatchHouse();
    await house.add(settings(ONLY_TOLD));
    await dovecot.deliver(user, mail('new'));
    assert.deepEqual(await house.starts('new'), { new: 1 });
    const auth = { auth: { type: 'basic', username: user, password: DEFAULT_PASSWORD } };
    await house.add({ ...settings({ ...ONLY_TOLD, from_zero: true }), ...auth, label: 'all' });
    assert.deepEqual(await house.starts('old'), { old: 1, new: 2 });
  });

  it('is found in several mailboxes, also in ones with names that need care', async () => {
    const mailboxes = ['INBOX', 'Sent', 'Kunden/Zürich & Bern', '"quoted" name'];
    const onTheWire = (mailbox: string) => mailbox.replace('&', '&-').replace('ü', '&APw-'); // RFC 3501 §5.1.3
    for (const mailbox of mailboxes) await dovecot.deliver(user, mail('before'), onTheWire(mailbox));
    await using house = await openWatchHouse();
    const account = await house.add(settings({ ...ONLY_TOLD, mailboxes }));
    for (const mailbox of mailboxes) await dovecot.deliver(user, mail(`in ${mailbox}`), onTheWire(mailbox));
    const expected = mailboxes.map((mailbox) => `in ${mailbox}`);
    assert.deepEqual(Object.keys(await house.starts(...expected)).sort(), expected.sort());
    assert.deepEqual(Object.keys(house.watchers.status(account.id).mailboxes), mailboxes);
  });

  it('that came while nobody watched is found at the next start, once', async () => {
    await using house = await openWatchHouse();
    await house.add(settings(ONLY_TOLD));
    await dovecot.deliver(user, mail('first'));
    await house.starts('first');
    await house.watchers.stop();
    await dovecot.deliver(user, mail('while away'));
    await house.restart();
    assert.deepEqual(await house.starts('while away'), { first: 1, 'while away': 1 });
  });

  it('is found after the server has hung up', async () => {
    await using house = await openWatchHouse();
    const account = await house.add(settings(ONLY_TOLD));
    await dovecot.kick(user);
    await house.until(() => house.status(account).state === 'backing-off');
    assert.ok(house.status(account).last_error);
    await dovecot.deliver(user, mail('after the kick'));
    assert.deepEqual(await house.starts('after the kick'), { 'after the kick': 1 });
    await house.until(() => house.status(account).state === 'idle');
    assert.equal(house.status(account).last_error, null);
    assert.equal(house.status(account).reconnects, 1);
  });

  it('is found after the server was away', async () => {
    await using house = await openWatchHouse();
    const account = await house.add(settings(ONLY_TOLD));
    await dovecot.restart(() =>
      house.until(() => house.status(account).state === 'backing-off').then(() => undefined),
    );
    await dovecot.deliver(user, mail('after the restart'));
    house.watchers.sweep(account.id); // ends the wait before the next try
    assert.deepEqual(await house.starts('after the restart'), { 'after the restart': 1 });
    assert.deepEqual(house.states.filter((state, at) => state !== house.states[at - 1]).slice(0, 3), [
      'sales/INBOX connecting',
      'sales/INBOX idle',
      'sales/INBOX backing-off',
    ]);
  });

  it('is known by what its headers say, also with three hundred recipients', async () => {
    const many = (name: string) =>
      Array.from({ length: 300 }, (_, at) => `"${name}, ${at}" <${name}${at}@example.org>`).join(',\r\n ');
    const raw = mail('to many', [`Cc: ${many('cc')}`, `Resent-To: ${many('re')}`]).replace(
      'To: sales@company.example',
      `To: ${many('to')}`,
    );
    await using house = await openWatchHouse();
    await house.add(settings(ONLY_TOLD));
    const { uid } = await dovecot.deliver(user, raw);
    await house.starts('to many');
    const metadata = await house.metadata('to many');
    assert.deepEqual([metadata.to.length, metadata.cc.length], [300, 300]);
    assert.deepEqual(metadata.to[299], { name: 'to, 299', address: 'to299@example.org' });
    assert.equal(metadata.size, (await dovecot.fetchAll(user)).find((one) => one.uid === uid)?.raw.length);
  });
});
