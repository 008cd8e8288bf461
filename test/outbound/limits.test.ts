// Limits of how fast an account sends: what is over one waits, says why, and leaves in its turn; nothing of it fails.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { SubmissionView } from '../../src/contracts/draft.ts';
import { Cadence, type Hold, type Reservation } from '../../src/outbound/cadence.ts';
import { bucketAt } from '../../src/outbound/limits.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import { startFakeSmtp } from '../support/fake-smtp.ts';
import { startSmtpServer, type TestSmtpServer } from '../support/smtp-server.ts';
import { eventually } from '../support/waiting.ts';
import { type Approved, accountOn, contentTo, openOutpost, PASSWORD, USER } from './outbox-fixture.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const users = { [USER]: PASSWORD };
const arrived = (server: TestSmtpServer): (string | undefined)[] =>
  server.messages().map(({ recipients }) => recipients[0]?.split('@')[0]);

test('what is over a limit waits and says why, and leaves in its turn once there is room', async () => {
  await using server = await startSmtpServer({ users });
  await using outpost = await openOutpost(accountOn(server, { limits: { per_minute: 3 } }));
  const mails: Approved[] = [];
  for (let i = 1; i <= 8; i++) mails.push(await outpost.approve(contentTo(`a${i}@example.com`)));
  await outpost.start();
  await server.waitFor(3);
  const held = async () => (await outpost.submissions.list({ state: 'queued', limit: 9 })).reverse();
  const isHeld = (view: SubmissionView) => (view.next_attempt_at ?? 0) > Date.now() + 30_000;
  await eventually(async () => (await held()).length === 5 && (await held()).every(isHeld));
  for (const { waits_for: reason, attempts, last_error } of await held()) {
    assert.match(reason ?? '', /^Waits: 3 mails a minute on this account\. Next at 2/);
    assert.deepEqual([attempts, last_error], [0, null]);
  }
  outpost.advance(70_000);
  await server.waitFor(6);
  outpost.advance(70_000);
  await server.waitFor(8);
  assert.deepEqual(arrived(server).sort(), ['a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7', 'a8']);
  const [last] = mails.slice(-1);
  const sent = await outpost.until(last?.id ?? '', ({ state }) => state === 'sent');
  assert.equal(sent.waits_for, null);
});

test('mail to a domain that has had enough waits, and holds up no other', async () => {
  await using server = await startSmtpServer({ users });
  const limits = { domains: { 'slow.example': { per_hour: 2 } }, recipient: { per_day: 1 } };
  await using outpost = await openOutpost(accountOn(server, { limits }));
  await outpost.start();
  const to = async (address: string) => (await outpost.approve(contentTo(address))).id;
  const slow = [await to('a1@slow.example'), await to('a2@SLOW.example'), await to('a3@slow.example')];
  const others = [await to('b1@example.com'), await to('b2@example.com')];
  for (const id of others) await outpost.until(id, ({ state }) => state === 'sent');
  const again = await to('b1@example.com');
  const waiting = await outpost.until(again, ({ waits_for: text }) => text !== null);
  assert.match(waiting.waits_for ?? '', /^Waits: 1 mail a day to b1@example\.com\. Next at/);
  const held = await outpost.until(slow[2] ?? '', ({ waits_for: text }) => text !== null);
  assert.match(held.waits_for ?? '', /^Waits: 2 mails an hour to slow\.example\./);
  assert.deepEqual(arrived(server).sort(), ['a1', 'a2', 'b1', 'b2']);
  outpost.advance(HOUR + 3 * MINUTE);
  await outpost.until(slow[2] ?? '', ({ state }) => state === 'sent');
  assert.equal((await outpost.submissions.get(again)).state, 'queued');
});

test('a warm-up lets a few leave on the first day and more on the next', async () => {
  await using server = await startSmtpServer({ users });
  const warm_up = { start: 2, factor: 2, until: 100 };
  await using outpost = await openOutpost(accountOn(server, { warm_up }));
  await outpost.start();
  for (let i = 1; i <= 5; i++) await outpost.approve(contentTo(`a${i}@example.com`));
  await server.waitFor(2);
  const [last] = await outpost.submissions.list({ limit: 1 });
  const held = await outpost.until(last?.id ?? '', ({ waits_for: text }) => text !== null);
  assert.match(held.waits_for ?? '', /^Waits: 2 mails on day 1 of the warm-up of this account\./);
  outpost.advance(25 * HOUR);
  await server.waitFor(5);
});

test('a person goes before agents, and a broadcast holds up neither', async () => {
  await using server = await startSmtpServer({ users });
  await using outpost = await openOutpost(accountOn(server));
  for (let i = 0; i < 60; i++) await outpost.approve(contentTo(`bulk${i}@example.com`), { priority: 'bulk' });
  for (let i = 0; i < 20; i++)
    await outpost.approve(contentTo(`agent${i}@example.com`), { priority: 'agent' });
  await outpost.approve(contentTo('person@example.com'));
  await outpost.start();
  await server.waitFor(81);
  const place = (name: string) => arrived(server).indexOf(name);
  assert.ok(place('person') < 13, `the person's mail was number ${place('person') + 1}`);
  const lastAgent = Math.max(...Array.from({ length: 20 }, (_, i) => place(`agent${i}`)));
  assert.ok(lastAgent < 70, `the last of the agents' was number ${lastAgent + 1}`);
});

test('a broadcast leaves a tenth of the limit to whoever writes to a person', async () => {
  await using server = await startSmtpServer({ users });
  await using outpost = await openOutpost(accountOn(server, { limits: { per_day: 10 } }));
  await outpost.start();
  const bulk = [];
  for (let i = 0; i < 12; i++)
    bulk.push(await outpost.approve(contentTo(`bulk${i}@example.com`), { priority: 'bulk' }));
  await server.waitFor(9);
  await outpost.until(
    bulk[11]?.id ?? '',
    ({ waits_for: text }) => text?.includes('broadcasts take nine tenths') ?? false,
  );
  const person = await outpost.approve(contentTo('person@example.com'));
  await outpost.until(person.id, ({ state }) => state === 'sent');
  assert.equal(server.messages().length, 10);
});

test('limits that are raised let go what waits', async () => {
  await using server = await startSmtpServer({ users });
  await using outpost = await openOutpost(accountOn(server, { limits: { per_day: 1 } }));
  await outpost.start();
  await outpost.approve(contentTo('a1@example.com'));
  const second = await outpost.approve(contentTo('a2@example.com'));
  await outpost.until(second.id, ({ waits_for: text }) => text !== null);
  outpost.change({ limits: { per_day: 2 } });
  await outpost.until(second.id, ({ state }) => state === 'sent');
});

test('what left counts on every node and after a restart, and the last room is taken once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'postern-limits-'));
  const store = await openSqlite(join(folder, 'ledger.db'));
  let now = Date.UTC(2026, 10, 22, 14, 5);
  const node = () => new Cadence(store, { now: () => now });
  const account = accountOn(
    { host: '127.0.0.1', port: 1, ca: '' },
    { limits: { per_hour: 3, recipients_per_day: 52 } },
  );
  const ask = (cadence: Cadence, to = ['anna@example.com']) => cadence.reserve(account, false, to);
  const send = async (room: Reservation | Hold): Promise<void> => {
    assert.ok(!('until' in room), 'there is room');
    await store.write(async (tx) => room.count?.(tx));
    room.release();
  };
  try {
    const [first, second] = [node(), node()];
    await send(await ask(first));
    await send(await ask(second));
    const [mine, theirs] = [await ask(first), await ask(second)];
    await send(mine);
    await assert.rejects(send(theirs), { code: 'limit_reached' });
    const restarted = await ask(node());
    assert.ok('until' in restarted);
    assert.equal(restarted.limit, '3 mails an hour on this account');
    assert.ok(restarted.until > now + HOUR && restarted.until <= now + HOUR + 2 * MINUTE);
    now = restarted.until;
    await send(
      await ask(
        second,
        Array.from({ length: 47 }, (_, i) => `a${i}@example.com`),
      ),
    );
    const people = await ask(first, ['x@example.com', 'y@example.com', 'z@example.com']);
    assert.ok('until' in people);
    assert.equal(people.limit, '52 recipients a day on this account');
    // What is on its way and not yet counted takes room too, and gives it back where nothing left.
    const fourth = await ask(second);
    assert.ok(!('until' in fourth));
    now += HOUR;
    fourth.release();
    now += 24 * HOUR;
    const going = await Promise.all([1, 2, 3, 4].map(() => ask(first)));
    assert.equal(going.filter((room) => 'until' in room).length, 1);
  } finally {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  }
});

test('where another node takes the last room after DATA, no byte of the content leaves and no attempt counts', async () => {
  let takeRoom = async (): Promise<void> => undefined;
  await using server = await startFakeSmtp({ script: { DATA: [{ after: () => takeRoom() }, '354 go on'] } });
  await using outpost = await openOutpost(accountOn(server, { limits: { per_hour: 1 } }));
  const span = { scope: 'account', span: 'hour', bucket_at: bucketAt('hour', Date.now()) };
  takeRoom = async () => {
    const taken = { account_id: outpost.account.id, ...span, mails: 1, recipients: 1 };
    await outpost.store.db.insertInto('send_counts').values(taken).execute();
  };
  await outpost.start();
  const { id } = await outpost.approve(contentTo('anna@example.com'));
  const view = await outpost.until(id, ({ waits_for: text }) => text !== null);
  assert.match(view.waits_for ?? '', /^Waits: 1 mail an hour on this account\./);
  assert.deepEqual([view.state, view.attempts, view.attempt_log], ['queued', 0, []]);
  assert.deepEqual([server.contents(), server.taken.length], [0, 0]);
});
