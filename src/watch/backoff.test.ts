// How long a broken connection rests.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { pause } from '../kernel/clock.ts';
import { PosternError } from '../kernel/errors.ts';
import { Backoff } from './backoff.ts';

const MINUTE = 60_000;
const error = (code: string) => new PosternError(code, '');
const waits = (backoff: Backoff, codes: string[], livedMs = 0) =>
  codes.map((code) => backoff.next(error(code), livedMs, () => 0.5));
const times = (count: number, code: string) => Array<string>(count).fill(code);

it('a dropped connection is made again after a second, a refused one after two, each time later up to a limit', () => {
  assert.deepEqual(waits(new Backoff(), times(4, 'connection_lost')), [1_000, 1_500, 2_250, 3_375]);
  assert.equal(waits(new Backoff(), times(20, 'timeout')).at(-1), 30_000);
  assert.deepEqual(waits(new Backoff(), times(3, 'connection_refused')), [2_000, 4_000, 8_000]);
  assert.equal(waits(new Backoff(), times(2_000, 'connection_refused')).at(-1), 10 * MINUTE);
});

it('a rejected password is tried seldom, and a throttled sign-in not soon', () => {
  assert.deepEqual(waits(new Backoff(), times(4, 'wrong_password')), [
    MINUTE,
    4 * MINUTE,
    16 * MINUTE,
    60 * MINUTE,
  ]);
  assert.deepEqual(waits(new Backoff(), times(2, 'throttled')), [MINUTE, 2 * MINUTE]);
});

it('a server that says how long to stay away is believed up to half an hour', () => {
  const asks = (afterMs: number) => new PosternError('throttled', '', { retry: { afterMs } });
  const wait = (afterMs: number) => new Backoff().next(asks(afterMs), 0, () => 0.5);
  assert.deepEqual([5_000, 10 * MINUTE, 90_000 * MINUTE].map(wait), [MINUTE, 10 * MINUTE, 30 * MINUTE]);
});

it('a server that accepts and drops is not asked more often because it lived a while, until that was five minutes', () => {
  const backoff = new Backoff();
  waits(backoff, times(10, 'connection_lost'), 4 * MINUTE);
  assert.equal(waits(backoff, ['connection_lost'], 4 * MINUTE)[0], 30_000);
  assert.equal(waits(backoff, ['connection_lost'], 5 * MINUTE)[0], 1_000);
});

it('a server that fails now in one way and now in another waits longer each time', () => {
  const found = waits(new Backoff(), [
    'connection_refused',
    'connection_lost',
    'connection_refused',
    'connection_lost',
  ]);
  assert.deepEqual(found, [2_000, 1_000, 4_000, 1_500]);
});

it('a server that refused now and then, and was reached in between, is not left alone for minutes', () => {
  const backoff = new Backoff();
  waits(backoff, times(6, 'connection_refused'));
  waits(backoff, ['connection_lost'], 9_000);
  assert.deepEqual(waits(backoff, ['connection_refused']), [2 * MINUTE + 8_000]);
  waits(backoff, ['connection_lost'], 10_000);
  assert.deepEqual(waits(backoff, ['connection_refused']), [2_000]);
});

it('waits differ by a fifth, so that many accounts do not knock at once', () => {
  const backoff = () => new Backoff();
  assert.equal(
    backoff().next(error('timeout'), 0, () => 0),
    800,
  );
  assert.equal(
    backoff().next(error('timeout'), 0, () => 1),
    1_200,
  );
});

it('a pause longer than a timer can be is long, and ends at once when it is aborted', async () => {
  const wake = new AbortController();
  let over = false;
  const paused = pause(90 * 24 * 60 * MINUTE, wake.signal).then(() => {
    over = true;
  });
  // Node would fire a timer that overflows within a millisecond.
  for (const from = performance.now(); performance.now() - from < 20; ) await new Promise(setImmediate);
  assert.equal(over, false);
  wake.abort();
  await paused;
});
