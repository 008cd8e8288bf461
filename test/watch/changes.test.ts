// What other clients do to mail that is known: its flags, its removal, and its move to another mailbox.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { LiveEvent } from '../../src/contracts/live-event.ts';
import { type Cyrus, startCyrus } from '../support/cyrus.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { requireService } from '../support/services.ts';
import { mail, ONLY_TOLD, openWatchHouse, plain, TELLS_SOON, type WatchHouse } from './house.ts';

const COUNTED = 'imap_capability = IMAP4rev1 LITERAL+ IDLE ENABLE UIDPLUS MOVE CONDSTORE ESEARCH';

describe('other clients', { skip: requireService('dovecot') }, () => {
  const servers: Record<string, Dovecot> = {};
  let user = '';
  let count = 0;
  before(async () => {
    servers['with QRESYNC'] = await startDovecot({ extra: TELLS_SOON });
    servers['with CONDSTORE alone'] = await startDovecot({ extra: `${TELLS_SOON}\n${COUNTED}` });
    servers['with neither'] = await startDovecot({ bareCapabilities: true, extra: TELLS_SOON });
  });
  after(async () => {
    for (const server of Object.values(servers)) await server.stop();
  });
  beforeEach(async () => {
    user = `user${++count}`;
    for (const server of Object.values(servers)) await server.addUser(user);
  });
  const settings = (server: Dovecot | Cyrus, watch: object = {}) => ({
    ...plain(server),
    watch: { ...ONLY_TOLD, ...watch },
    auth: { type: 'basic', username: user, password: DEFAULT_PASSWORD },
  });
  const places = async (house: WatchHouse) =>
    (
      await house.store.db
        .selectFrom('locations')
        .innerJoin('messages', 'messages.id', 'locations.message_id')
        .select(['subject', 'mailbox', 'flags', 'gone_at'])
        .orderBy('messages.id')
        .orderBy('mailbox')
        .execute()
    ).map(({ subject, mailbox, flags, gone_at: gone }) =>
      gone === null ? `${subject} in ${mailbox} ${flags}` : `${subject} gone from ${mailbox}`,
    );
  const become = async (house: WatchHouse, expected: string[]) => {
    let last: string[] = [];
    await house
      .until(async () => {
        last = await places(house);
        return JSON.stringify(last) === JSON.stringify(expected);
      })
      .catch(() => assert.deepEqual(last, expected));
  };

  for (const name of ['with QRESYNC', 'with CONDSTORE alone', 'with neither']) {
    it(`are followed while the mailbox is open, on a server ${name}`, async () => {
      const server = servers[name] as Dovecot;
      await server.deliver(user, mail('from before'));
      await using house = await openWatchHouse();
      await house.add(settings(server));
      const first = await server.deliver(user, mail('first'), 'INBOX', { flags: ['\\Flagged'] });
      const second = await server.deliver(user, mail('second'));
      await house.starts('first', 'second');
      await become(house, ['first in INBOX ["\\\\Flagged"]', 'second in INBOX []']);
      await server.setFlags(user, first.uid, '+FLAGS', ['\\Seen', 'Agent/Quotes']);
      await become(house, ['first in INBOX ["Agent/Quotes","\\\\Flagged","\\\\Seen"]', 'second in INBOX []']);
      await server.expunge(user, first.uid);
      await become(house, ['first gone from INBOX', 'second in INBOX []']);
      await server.deliver(user, mail('third')); // as many messages as before: it must be noticed all the same
      await house.starts('third');
      await server.setFlags(user, second.uid, 'FLAGS', ['\\Answered']);
      await become(house, ['first gone from INBOX', 'second in INBOX ["\\\\Answered"]', 'third in INBOX []']);
    });

    it(`are caught up with after a time away, on a server ${name}`, async () => {
      const server = servers[name] as Dovecot;
      await using house = await openWatchHouse();
      await house.add(settings(server));
      for (const subject of ['one', 'two', 'three', 'four']) await server.deliver(user, mail(subject));
      await house.starts('one', 'two', 'three', 'four');
      await house.watchers.stop();
      await server.setFlags(user, 1, '+FLAGS', ['\\Seen']);
      await server.expunge(user, 2);
      await server.expunge(user, 3);
      await server.deliver(user, mail('five'));
      await house.restart();
      await become(house, [
        'one in INBOX ["\\\\Seen"]',
        'two gone from INBOX',
        'three gone from INBOX',
        'four in INBOX []',
        'five in INBOX []',
      ]);
    });

    it(`may move a mail to another mailbox that is watched: it stays one message, on a server ${name}`, async () => {
      const server = servers[name] as Dovecot;
      await server.deliver(user, mail('before'), 'Archive');
      await using house = await openWatchHouse();
      await house.add(settings(server, { mailboxes: ['INBOX', 'Archive'] }));
      const { uid } = await server.deliver(user, mail('moved'));
      await house.starts('moved');
      await server.move(user, uid, 'Archive');
      await become(house, ['moved in Archive []', 'moved gone from INBOX']);
      assert.deepEqual(house.started, ['moved']);
    });
  }

  it('are caught up with after a time away, on Cyrus', { skip: requireService('cyrus') }, async () => {
    const cyrus = await startCyrus();
    try {
      const client = await cyrus.client(user);
      for (const subject of ['one', 'two', 'three'])
        await client.command('APPEND INBOX ', Buffer.from(mail(subject)));
      await using house = await openWatchHouse();
      await house.add(settings(cyrus, { from_zero: true }));
      await become(house, ['one in INBOX []', 'two in INBOX []', 'three in INBOX []']);
      await house.watchers.stop();
      await client.command('SELECT INBOX');
      await client.command('UID STORE 1 +FLAGS (\\Seen)');
      await client.command('UID STORE 2 +FLAGS (\\Deleted)');
      await client.command('UID EXPUNGE 2');
      await client.command('APPEND INBOX ', Buffer.from(mail('four')));
      await house.restart();
      await become(house, [
        'one in INBOX ["\\\\Seen"]',
        'two gone from INBOX',
        'three in INBOX []',
        'four in INBOX []',
      ]);
    } finally {
      await cyrus.stop();
    }
  });

  it('are told of by live events', async () => {
    const server = servers['with QRESYNC'] as Dovecot;
    await using house = await openWatchHouse();
    const changes: LiveEvent[] = [];
    house.bus.subscribe((event) => event.type === 'message.changed' && changes.push(event));
    await house.add(settings(server));
    await server.deliverMany(
      user,
      Array.from({ length: 300 }, (_, at) => mail(`mail ${at}`)),
    );
    await house.starts('mail 299');
    await server.setFlags(user, 1, '+FLAGS', ['\\Seen']);
    const event = await house.until(() => changes[0]);
    assert.deepEqual(
      [event.data.mailbox, event.data.uid, event.data.flags, event.data.gone],
      ['INBOX', 1, '\\Seen', false],
    );
    const client = await server.client(user);
    await client.command('SELECT INBOX');
    await client.command('UID STORE 1:300 +FLAGS.SILENT (\\Deleted)');
    await client.command('EXPUNGE');
    await house.until(async () => (await places(house)).every((place) => place.includes('gone')));
    // The flags may be learnt before the removals, or with them, and each in more than one look.
    const told = () => changes.reduce((sum, { data }) => sum + Number(data.more ?? 1), 0);
    await house.until(() => told() >= 1 + 300);
    assert.ok(told() <= 1 + 600, `${told()} changes were told of`);
  });
});
