import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  accountLimits,
  type Bucket,
  bucketAt,
  domainLimits,
  type Limit,
  recipientLimits,
  roomAt,
  SPANS,
} from './limits.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const now = Date.UTC(2026, 10, 22, 14, 5);
const usual = { isBulk: false, startedAt: null, now };
const gmail = { messages_per_minute: null, messages_per_day: null, recipients_per_day: 500 };
const textsOf = (limits: readonly Limit[]) => limits.map(({ text }) => text);

test('what the account says goes before what its provider says, and null takes a limit away', () => {
  assert.deepEqual(textsOf(accountLimits({}, gmail, usual)), ['500 recipients a day on this account']);
  const own = { limits: { per_hour: 20, recipients_per_day: 2000 } };
  assert.deepEqual(textsOf(accountLimits(own, gmail, usual)), [
    '20 mails an hour on this account',
    '2000 recipients a day on this account',
  ]);
  assert.deepEqual(accountLimits({ limits: { recipients_per_day: null } }, gmail, usual), []);
  assert.deepEqual(accountLimits({}, null, usual), []);
});

test('a broadcast leaves a tenth of each limit to the others', () => {
  const limits = { limits: { per_minute: 1, per_day: 500 } };
  const [minute, day] = accountLimits(limits, null, { ...usual, isBulk: true });
  assert.deepEqual([minute?.max, day?.max], [1, 450]);
});

test('a domain by its name goes before what holds for any', () => {
  const limits = {
    limits: { recipient_domain: { per_hour: 50 }, domains: { 'gmail.com': { per_minute: 3 } } },
  };
  assert.deepEqual(textsOf(domainLimits(limits, 'gmail.com')), ['3 mails a minute to gmail.com']);
  assert.deepEqual(textsOf(domainLimits(limits, 'example.org')), ['50 mails an hour to example.org']);
  assert.deepEqual(recipientLimits(limits, 'anna@example.org'), []);
});

test('a warm-up grows from day to day and is over at its end', () => {
  const plan = { warm_up: { start: 50, factor: 1.5, until: 5000 } };
  const onDay = (day: number) =>
    accountLimits(plan, null, { ...usual, startedAt: now - day * DAY })[0]?.max ?? null;
  assert.deepEqual([0, 1, 2, 3, 11].map(onDay), [50, 75, 112, 168, 4324]);
  assert.equal(onDay(12), null);
  const [first] = accountLimits(plan, null, usual);
  assert.equal(first?.growsAt, now + DAY);
  assert.equal(first?.text, '50 mails on day 1 of the warm-up of this account');
});

const perDay: Limit = { span: 'day', unit: 'mails', max: 10, text: '' };
const bucket = (at: number, mails: number): Bucket => ({ at: bucketAt('day', at), mails, recipients: mails });

test('a window slides: there is room again when what left first has left it', () => {
  const left = [bucket(now - 20 * HOUR, 4), bucket(now - 10 * HOUR, 3), bucket(now, 3)];
  const freed = (hours: number) =>
    bucketAt('day', now - hours * HOUR) + SPANS.day.bucketMs + SPANS.day.windowMs;
  assert.equal(roomAt(perDay, left.slice(1), 4, now), now);
  assert.equal(roomAt(perDay, left, 1, now), freed(20));
  assert.equal(roomAt(perDay, left, 4, now), freed(20));
  assert.equal(roomAt(perDay, left, 5, now), freed(10));
  assert.equal(
    roomAt(perDay, [bucket(now - 25 * HOUR, 10)], 1, now),
    now,
    'what left long ago does not count',
  );
});

test('in no window does more leave than the limit says', () => {
  const limit: Limit = { span: 'minute', unit: 'mails', max: 7, text: '' };
  const sent: number[] = [];
  const buckets: Bucket[] = [];
  for (let at = now; at < now + 600_000; at += 700) {
    if (roomAt(limit, buckets, 1, at) > at) continue;
    sent.push(at);
    const [last] = buckets.slice(-1);
    if (last?.at === bucketAt('minute', at)) last.mails++;
    else buckets.push({ at: bucketAt('minute', at), mails: 1, recipients: 1 });
  }
  for (const from of sent)
    assert.ok(sent.filter((at) => at >= from && at < from + 60_000).length <= 7, 'a full minute');
  assert.ok(sent.length >= 60, `${sent.length} of 70 that the limit allows in ten minutes`);
});

test('what is more than a limit by itself leaves when nothing else did', () => {
  assert.equal(roomAt(perDay, [], 25, now), now);
  assert.ok(roomAt(perDay, [bucket(now, 1)], 25, now) > now);
});

test('after the clock was set back nobody waits until it is again what it was', () => {
  const year = 365 * 24 * HOUR;
  const full = (at: number) => [bucket(at, perDay.max)];
  assert.equal(roomAt(perDay, full(now + year), 1, now), now, 'it was wrong by a year');
  const soon = roomAt(perDay, full(now + HOUR), 1, now);
  assert.ok(soon > now && soon < now + 26 * HOUR, 'what was counted an hour ahead has left all the same');
});
