// What was in a mailbox before it was watched: read where it is wanted, behind new mail, and on from where it was.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { AccountView } from '../../src/contracts/account.ts';
import type { Store } from '../../src/store/store.ts';
import { blocksOf } from '../docs/blocks.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { startFakeImap } from '../support/fake-imap.ts';
import { startGateway } from '../support/gateway.ts';
import { requireService } from '../support/services.ts';
import { mail, ONLY_TOLD, openWatchHouse, plain, TELLS_SOON, type WatchHouse } from './house.ts';

const DAY_MS = 86_400_000;
const OLD = 1_200; // three slices of the first size, and five batches
const MANY = 2_500; // a second or more of reading

describe('history', { skip: requireService('dovecot') }, () => {
  let dovecot: Dovecot;
  let bare: Dovecot;
  let user = '';
  let count = 0;
  before(async () => {
    dovecot = await startDovecot({ extra: TELLS_SOON });
    bare = await startDovecot({ bareCapabilities: true, extra: TELLS_SOON });
  });
  after(async () => {
    await dovecot?.stop();
    await bare?.stop();
  });
  beforeEach(async () => {
    user = `user${++count}`;
    await dovecot.addUser(user);
    await bare.addUser(user);
  });
  const settings = (watch: object = {}, server = dovecot) => ({
    ...plain(server),
    watch: { ...ONLY_TOLD, ...watch },
    auth: { type: 'basic', username: user, password: DEFAULT_PASSWORD },
  });
  const old = (number: number): string => `old ${number}`;
  const fill = (server: Dovecot, mails: number) =>
    server.deliverMany(
      user,
      Array.from({ length: mails }, (_, at) => mail(old(at))),
    );
  const ended = (house: WatchHouse) =>
    house.until(async () => {
      const row = await house.store.db.selectFrom('backfills').selectAll().executeTakeFirst();
      return row && row.ended_at !== null ? row : null;
    });
  /** A ledger whose writes wait from the moment when so many messages are in it, until they are let on. */
  const holdAt = (messages: number) => {
    const reached = Promise.withResolvers<void>();
    const on = Promise.withResolvers<void>();
    const ledger = (store: Store): Store => ({
      ...store,
      async write(work) {
        const row = await store.db
          .selectFrom('messages')
          .select((eb) => eb.fn.countAll<number>().as('count'))
          .executeTakeFirstOrThrow();
        if (row.count >= messages) {
          reached.resolve();
          await on.promise;
        }
        return store.write(work);
      },
    });
    return { ledger, reached: reached.promise, go: () => on.resolve() };
  };

  for (const kind of ['with', 'without'] as const) {
    it(`from a day on is what arrived since then, on a server ${kind} ESEARCH`, async () => {
      const server = kind === 'with' ? dovecot : bare;
      const daysAgo = (days: number) => ({ internalDate: new Date(Date.now() - days * DAY_MS) });
      // Mail that was moved here keeps its arrival: UIDs and arrivals do not go the same way.
      for (const [subject, days] of [
        ['ten', 10],
        ['forty', 40],
        ['twenty', 20],
        ['thirty-one', 30.5],
        ['twenty-nine', 29.5],
      ] as const)
        await server.deliver(user, mail(subject), 'INBOX', daysAgo(days));
      await using house = await openWatchHouse();
      const account = await house.add(settings({ since: '30d' }, server));
      const { done, total } = await ended(house);
      assert.deepEqual(house.started, ['ten', 'twenty', 'twenty-nine']);
      assert.equal(done, 3);
      assert.ok(total === 3 || total === 4, 'SEARCH knows whole days');
      await server.deliver(user, mail('new'));
      await house.starts('new');
      assert.equal(house.status(account).backfill, null);
    });
  }

  it('that is older than the day asked for is none, and it ends at once', async () => {
    await dovecot.deliver(user, mail('old'), 'INBOX', { internalDate: new Date(Date.now() - 40 * DAY_MS) });
    await using house = await openWatchHouse();
    await house.add(settings({ since: new Date(Date.now() - 7 * DAY_MS).toISOString().slice(0, 10) }));
    assert.deepEqual([(await ended(house)).total, house.started], [0, []]);
  });

  it('is read in order, while new mail passes it by', async () => {
    await fill(dovecot, OLD);
    const hold = holdAt(250);
    await using house = await openWatchHouse({ ledger: hold.ledger });
    const account = await house.add(settings({ from_zero: true }));
    assert.equal(house.status(account).state, 'idle', 'it watches for new mail already');
    await hold.reached;
    await dovecot.deliver(user, mail('new'));
    hold.go();
    await ended(house);
    const at = house.started.indexOf('new');
    assert.ok(at > 0 && at <= 500, `it came after ${at} old mails`);
    assert.deepEqual(
      house.started.filter((subject) => subject !== 'new'),
      Array.from({ length: OLD }, (_, number) => old(number)),
    );
    await house.until(() => house.status(account).backfill === null);
  });

  it('shows how far it is', async () => {
    await fill(dovecot, OLD);
    const hold = holdAt(250);
    await using house = await openWatchHouse({ ledger: hold.ledger });
    const account = await house.add(settings({ from_zero: true }));
    await hold.reached;
    assert.deepEqual(house.status(account).backfill, { done: 250, total: OLD });
    hold.go();
    const row = await ended(house);
    assert.deepEqual([row.done, row.total, row.next_uid], [OLD, OLD, OLD + 1]);
  });

  it('goes on after a kill -9 where it was, with each mail once', async () => {
    await fill(dovecot, MANY);
    await using gateway = await startGateway();
    const { status } = await gateway.request('POST', '/v1/accounts', {
      label: 'sales',
      address: 'sales@company.example',
      smtp: { host: '127.0.0.1', port: 1, security: 'none' },
      require_tls: false,
      ...settings({ from_zero: true }),
    });
    assert.equal(status, 201);
    // Read by its status: a query of SQL has a process of its own, and that takes longer than the reading.
    const before = await gateway.until(async () => {
      const { data } = await gateway.get<{ data: AccountView[] }>('/v1/accounts');
      return data[0]?.status.backfill?.done ? data[0].status.backfill : null;
    });
    await gateway.kill();
    assert.ok(before.done < MANY, 'the kill comes in the middle');
    await gateway.start();
    const through = await gateway.until(
      async () => /"messages":(\d+)[^}]*the history of the mailbox is read/.exec(gateway.log())?.[1],
    );
    assert.equal(Number(through), MANY, 'nothing of what was read before the kill is read again');
    const rows = async (query: string) =>
      (await gateway.request<{ rows: (number | string)[][] }>('POST', '/v1/sql', { query })).body.rows[0];
    const counts = 'select (select count(*) from messages), count(*), count(distinct uid) from locations';
    assert.deepEqual(await rows(counts), [MANY, MANY, MANY]);
    const [example] = blocksOf('docs/watching.md').filter(({ language }) => language === 'sql');
    const shown = await rows(example?.text ?? '');
    assert.deepEqual(shown?.slice(0, 4), ['sales', 'INBOX', MANY, MANY]);
    assert.ok(shown?.[4], 'it has ended');
  });

  it('begins anew when the mailbox is renumbered in the middle of it, and known mail is recognised', async () => {
    await fill(dovecot, OLD);
    const hold = holdAt(500);
    await using house = await openWatchHouse({ ledger: hold.ledger });
    await house.add(settings({ from_zero: true }));
    await hold.reached;
    const stopped = house.watchers.stop();
    hold.go();
    await stopped;
    const uidValidity = await dovecot.changeUidValidity(user, 'INBOX', { renumber: true });
    await house.restart();
    const row = await ended(house);
    assert.deepEqual([row.uid_validity, row.done], [String(uidValidity), OLD]);
    assert.deepEqual([house.started.length, new Set(house.started).size], [OLD, OLD]);
  });

  it('passes gaps in the numbering in few steps', async () => {
    for (const uid of [1, 400_000, 400_001, 90_000_000, 4_000_000_000]) {
      if (uid > 1) await dovecot.setNextUid(user, uid);
      await dovecot.deliver(user, mail(`at ${uid}`));
    }
    await using house = await openWatchHouse();
    await house.add(settings({ from_zero: true }));
    assert.equal((await ended(house)).done, 5);
    assert.deepEqual(house.started, ['at 1', 'at 400000', 'at 400001', 'at 90000000', 'at 4000000000']);
  });

  it('is read in each of several mailboxes that share one connection, and changes in them are followed', async () => {
    const mailboxes = ['INBOX', 'Archive', 'Sent'];
    for (const mailbox of mailboxes)
      await dovecot.deliverMany(
        user,
        Array.from({ length: 600 }, (_, at) => mail(`${mailbox} ${at}`)),
        mailbox,
      );
    await using house = await openWatchHouse();
    const account = await house.add(
      settings({ mailboxes, connections: 1, interval: '200ms', from_zero: true }),
    );
    await house.until(async () => {
      const rows = await house.store.db.selectFrom('backfills').select('ended_at').execute();
      return rows.length === 3 && rows.every(({ ended_at: at }) => at !== null);
    });
    assert.equal(new Set(house.started).size, 1_800);
    assert.equal(house.started.length, 1_800);
    await dovecot.deliver(user, mail('new'), 'Sent');
    await house.starts('new');
    await dovecot.setFlags(user, 600, '+FLAGS', ['\\Seen'], 'Archive');
    await house.until(async () =>
      (
        await house.store.db
          .selectFrom('locations')
          .select('flags')
          .where('mailbox', '=', 'Archive')
          .where('uid', '=', 600)
          .executeTakeFirst()
      )?.flags?.includes('Seen'),
    );
    assert.equal(house.status(account).backfill, null);
  });

  for (const [kind, status, lastUid] of [
    ['by STATUS', ['* STATUS INBOX (UIDNEXT 42)', 'TAG OK done'], 41],
    ['by its last message', ['* STATUS INBOX ()', 'TAG OK done'], 17],
  ] as const) {
    it(`is passed over without a list of it where SELECT does not tell the next UID, but found ${kind}`, async () => {
      const answer = (command: string, line: string) => {
        if (command === 'EXAMINE')
          return ['* 3 EXISTS', '* OK [UIDVALIDITY 1] ok', 'TAG OK [READ-ONLY] done'];
        if (command === 'STATUS') return status;
        if (/ FETCH (3|\*) /.test(line)) return ['* 3 FETCH (UID 17 FLAGS ())', 'TAG OK done'];
        return undefined;
      };
      await using fake = await startFakeImap({ answer });
      await using house = await openWatchHouse();
      await house.add({ imap: { host: '127.0.0.1', port: fake.port, security: 'none' }, watch: ONLY_TOLD });
      const row = await house.store.db.selectFrom('mailboxes').select('last_uid').executeTakeFirst();
      assert.equal(row?.last_uid, lastUid);
      assert.doesNotMatch(fake.received(), / 1:\*/);
    });
  }
});
