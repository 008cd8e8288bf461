// What becomes of a delivery by the receiver's answers: handled, refused, tried again, or a dead letter that can be revived.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Dovecot, startDovecot } from '../support/dovecot.ts';
import { freePorts } from '../support/ports.ts';
import { requireService } from '../support/services.ts';
import { eventually } from '../support/waiting.ts';
import { type DeliveryHouse, openDeliveryHouse } from './house.ts';
import { mail } from './mails.ts';
import { startReceiver } from './receiver.ts';

const MINUTE = 60_000;

interface Mailbox {
  list(): Promise<{ uid: number; flags: string[] }[]>;
  expunge(uid: number): Promise<void>;
}

describe('a delivery', { skip: requireService('dovecot'), concurrency: 6 }, () => {
  let dovecot: Dovecot;
  let users = 0;
  before(async () => {
    dovecot = await startDovecot();
  });
  after(() => dovecot?.stop());

  /** A mailbox and a ledger of the test's own. */
  const open = async (rules: string): Promise<DeliveryHouse & Mailbox> => {
    const user = `user-${++users}`;
    await dovecot.addUser(user);
    const house = await openDeliveryHouse(dovecot, { rules, user });
    return Object.assign(house, {
      list: () => dovecot.list(user),
      expunge: (uid: number) => dovecot.expunge(user, uid),
    });
  };
  const to = (url: string, rest = ''): string => `
destinations:
  crm: { url: "${url}", allow_private: true, ${rest} }
rules: [{ name: all mail, then: [{ post: crm }] }]
`;
  const seen = async (house: Mailbox): Promise<boolean[]> =>
    (await house.list()).map(({ flags }) => flags.includes('\\Seen'));

  it('that is answered with 2xx is handled, and its mail is marked as read only where that is asked for', async () => {
    await using receiver = await startReceiver();
    await using house = await open(to(receiver.url));
    await house.arrive(mail('unmarked'));
    const [plain] = await house.all('delivered');
    assert.deepEqual([plain?.status, plain?.attempts, plain?.error], [204, 1, null]);
    assert.deepEqual(await seen(house), [false]);

    house.rules(to(receiver.url, 'mark_seen: true'));
    await house.arrive(mail('marked'));
    await house.all('delivered', 2);
    await eventually(async () => (await seen(house))[1]);
    assert.deepEqual(await seen(house), [false, true]);
  });

  for (const status of [404, 410]) {
    it(`that is answered with ${status} is handled too: refused, shown, marked as read, and not repeated`, async () => {
      await using receiver = await startReceiver();
      receiver.answers(status);
      await using house = await open(to(receiver.url, 'mark_seen: true'));
      await house.arrive(mail(`refused-${status}`));
      const [refused] = await house.all('refused');
      assert.deepEqual(
        [refused?.status, refused?.error],
        [status, `The receiver refused it with status ${status}.`],
      );
      await eventually(async () => (await seen(house))[0]);
      assert.equal((await house.jobs.deadLetters(10)).length, 0);
      assert.equal(receiver.posted.length, 1);

      receiver.answers(200);
      await house.deliveries.retry(refused?.id ?? '');
      await house.all('delivered');
      assert.equal(receiver.posted[1]?.headers['webhook-id'], receiver.posted[0]?.headers['webhook-id']);
    });
  }

  for (const status of [500, 408, 429]) {
    it(`that is answered with ${status} is tried again by the schedule, unread until then, with the same id`, async () => {
      await using receiver = await startReceiver();
      receiver.answers(status);
      await using house = await open(to(receiver.url, 'mark_seen: true'));
      await house.arrive(mail(`again-${status}`));
      const waiting = await house.until(async () => {
        const [one] = await house.deliveries.list({ state: 'queued', limit: 1 });
        return one?.status === status && one;
      });
      const wait = (waiting.next_attempt_at ?? 0) - waiting.updated_at;
      assert.ok(wait >= 4_500 && wait <= 5_500, String(wait));
      assert.deepEqual(await seen(house), [false]);

      receiver.answers(200);
      house.advance(6_000);
      const [done] = await house.all('delivered');
      assert.deepEqual([done?.attempts, done?.status, done?.error], [2, 200, null]);
      assert.equal(receiver.posted[1]?.headers['webhook-id'], receiver.posted[0]?.headers['webhook-id']);
      await eventually(async () => (await seen(house))[0]);
    });
  }

  it('waits as long as the receiver wishes by Retry-After', async () => {
    await using receiver = await startReceiver();
    receiver.answers((res) => res.writeHead(503, { 'retry-after': '3600' }).end());
    await using house = await open(to(receiver.url));
    await house.arrive(mail('wish'));
    const waiting = await house.until(async () => {
      const [one] = await house.deliveries.list({ state: 'queued', limit: 1 });
      return one?.status === 503 && one;
    });
    assert.ok((waiting.next_attempt_at ?? 0) - waiting.updated_at >= 3_600_000 - 1_000);
  });

  it('to a receiver that is not there arrives once it is', async () => {
    const [port = 0] = await freePorts(1);
    await using house = await open(to(`http://127.0.0.1:${port}`));
    await house.arrive(mail('away'));
    const waiting = await house.until(async () => {
      const [one] = await house.deliveries.list({ state: 'queued', limit: 1 });
      return one?.error ? one : null;
    });
    assert.match(waiting.error ?? '', /cannot be reached/);
    assert.equal(waiting.status, null);
    await using receiver = await startReceiver(port);
    house.advance(6_000);
    await house.all('delivered');
    assert.equal(receiver.posted.length, 1);
  });

  it('is a dead letter after its attempts, holds up no other, and has them all again when it is revived', async () => {
    await using receiver = await startReceiver();
    receiver.answers((res, { body }) => void res.writeHead(body.includes('poison') ? 500 : 200).end());
    await using house = await open(to(receiver.url, 'attempts: 2, concurrency: 1'));
    await house.arrive(mail('poison', 'poison'));
    await receiver.request(1);
    await house.arrive(mail('after it'));
    await house.all('delivered');
    house.advance(6_000);
    const [dead] = await house.all('dead');
    assert.deepEqual([dead?.attempts, dead?.status, dead?.next_attempt_at], [2, 500, null]);
    assert.match(dead?.error ?? '', /answered with status 500/);
    const [letter] = await house.jobs.deadLetters(10);
    assert.deepEqual(letter?.payload, { delivery_id: dead?.id });

    receiver.answers(200);
    await house.jobs.revive(letter?.id ?? '');
    const delivered = await house.all('delivered', 2);
    assert.equal(delivered[0]?.id, dead?.id);
    assert.equal(delivered[0]?.attempts, 3);
    assert.deepEqual(await house.jobs.deadLetters(10), []);
    await assert.rejects(house.deliveries.retry(dead?.id ?? ''), { code: 'delivery_not_failed' });
  });

  it('whose destination is gone from the rules is a dead letter, and goes on when it is back', async () => {
    await using receiver = await startReceiver();
    receiver.answers(500);
    await using house = await open(to(receiver.url));
    await house.arrive(mail('gone'));
    await house.until(async () => (await house.deliveries.list({ state: 'queued', limit: 1 }))[0]?.error);
    house.rules('rules: []');
    house.advance(6_000);
    const [dead] = await house.all('dead');
    assert.match(dead?.error ?? '', /crm is not in the rules any more/);
    receiver.answers(200);
    house.rules(to(receiver.url));
    await house.deliveries.retry(dead?.id ?? '');
    await house.all('delivered');
  });

  it('follows three redirects, and is dead after four and after one to a private address', async () => {
    await using receiver = await startReceiver();
    receiver.answers((res, { path }) => {
      const left = Number(path.slice(1));
      if (path === '/inside') res.writeHead(302, { location: 'http://169.254.169.254/latest' });
      else if (left > 0) res.writeHead(302, { location: `/${left - 1}` });
      res.end();
    });
    const paths = { three: '/3', four: '/4', inside: '/inside' };
    const named = Object.keys(paths).map(
      (name) => `{ name: ${name}, when: { subject: ${name} }, then: [{ post: ${name} }] }`,
    );
    const destinations = Object.entries(paths).map(
      ([name, path]) => `${name}: { url: "${receiver.url}${path}", allow_private: true }`,
    );
    await using house = await open(
      `destinations: { ${destinations.join(', ')} }\nrules: [${named.join(', ')}]`,
    );
    for (const name of Object.keys(paths)) await house.arrive(mail(`redirect-${name}`, name));
    const [followed] = await house.all('delivered');
    assert.equal(followed?.destination, 'three');
    const bodies = receiver.posted.filter(({ body }) => body.includes('redirect-three'));
    assert.deepEqual(
      bodies.map(({ method, path }) => `${method} ${path}`),
      ['POST /3', 'POST /2', 'POST /1', 'POST /0'],
    );
    const dead = await house.all('dead', 2);
    const errors = Object.fromEntries(dead.map(({ destination, error }) => [destination, error]));
    assert.match(errors.four ?? '', /redirects more than 3 times/);
    assert.match(errors.inside ?? '', /169\.254\.169\.254 is not allowed/);
  });

  it('to a private address is refused where that is not allowed', async () => {
    await using receiver = await startReceiver();
    const tls = receiver.url.replace('http:', 'https:');
    await using house = await open(`rules: [{ name: all, then: [{ post: { url: "${tls}" } }] }]`);
    await house.arrive(mail('private'));
    const [dead] = await house.all('dead');
    assert.match(dead?.error ?? '', /is not allowed.*inside a network.*allow_private/);
    assert.equal(dead?.destination, 'all#1');
    assert.equal(receiver.posted.length, 0);
  });

  it('that hangs holds up neither another destination nor more than its share of its own', async () => {
    await using hanging = await startReceiver();
    hanging.answers(() => undefined);
    await using quick = await startReceiver();
    await using house = await open(`
destinations:
  slow: { url: "${hanging.url}", allow_private: true, timeout: 5m, concurrency: 2 }
  quick: { url: "${quick.url}", allow_private: true }
rules: [{ name: all, then: [{ post: slow }, { post: quick }] }]
`);
    for (let at = 1; at <= 5; at++) await house.arrive(mail(`hang-${at}`));
    await quick.request(5);
    await house.all('delivered', 5);
    await hanging.request(2);
    assert.equal((await house.deliveries.list({ state: 'delivering', limit: 10 })).length, 2);
    assert.equal(hanging.posted.length, 2);
  });

  it('to a receiver that never answers ends at its time limit and is tried again', async () => {
    await using receiver = await startReceiver();
    receiver.answers(() => undefined);
    await using house = await open(to(receiver.url, 'timeout: 200ms'));
    await house.arrive(mail('silent'));
    const waiting = await house.until(async () => {
      const [one] = await house.deliveries.list({ state: 'queued', limit: 1 });
      return one?.error ? one : null;
    });
    assert.match(waiting.error ?? '', /did not answer within 200 ms/);
  });

  it('of a mail that is deleted is a dead letter after half an hour', async () => {
    await using receiver = await startReceiver();
    receiver.answers(500);
    await using house = await open(to(receiver.url));
    await house.arrive(mail('deleted'));
    await house.until(async () => (await house.deliveries.list({ state: 'queued', limit: 1 }))[0]?.error);
    for (const { uid } of await house.list()) await house.expunge(uid);
    for (const [at, minutes] of [1, 6, 36].entries()) {
      house.advance(minutes * MINUTE);
      await house.until(async () => {
        const [one] = await house.deliveries.list({ limit: 1 });
        return one?.attempts === at + 2 && one.state !== 'delivering';
      });
    }
    const [dead] = await house.all('dead');
    assert.match(dead?.error ?? '', /moved or deleted/);
  });

  it('is one for a mail, a rule and a destination, also from two rules and for a copy of the mail', async () => {
    await using receiver = await startReceiver();
    await using house = await open(`
destinations:
  crm: { url: "${receiver.url}", allow_private: true }
rules:
  - { name: one, then: [{ post: crm }, { post: crm }] }
  - { name: two, then: [{ post: crm }] }
`);
    await house.arrive(mail('copied'));
    await house.all('delivered', 2);
    await house.arrive(mail('copied'));
    await house.arrive(mail('another'));
    const all = await house.all('delivered', 4);
    assert.deepEqual(all.map(({ rule }) => rule).sort(), ['one', 'one', 'two', 'two']);
    assert.equal(receiver.posted.length, 4);
  });
});
