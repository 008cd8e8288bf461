import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextAttemptAt } from './retry-schedule.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const waits = (connected: boolean, count: number): (number | null)[] => {
  const found: (number | null)[] = [];
  let now = 0;
  for (let attempts = 1; attempts <= count; attempts++) {
    const next = nextAttemptAt({ attempts, firstAt: 0, connected }, now, 0.5);
    found.push(next === null ? null : (next - now) / MINUTE);
    now = next ?? now;
  }
  return found;
};

test('after refusals it waits as mail servers do, then every four hours, and gives up after two days', () => {
  const found = waits(true, 20);
  assert.deepEqual(found.slice(0, 8), [5, 7, 8, 25, 75, 120, 240, 240]);
  const last = found.indexOf(null);
  const total = found.slice(0, last).reduce<number>((sum, wait) => sum + (wait ?? 0), 0);
  assert.ok(total * MINUTE <= 48 * HOUR && total * MINUTE > 43 * HOUR);
});

test('without a connection it tries sooner at first', () => {
  assert.deepEqual(waits(false, 5), [0.5, 1, 2, 5, 7]);
});

test('jitter is a tenth each way', () => {
  const at = (random: number) => nextAttemptAt({ attempts: 1, firstAt: 0, connected: true }, 0, random);
  assert.equal(at(0), 4.5 * MINUTE);
  assert.equal(at(1), 5.5 * MINUTE);
});
