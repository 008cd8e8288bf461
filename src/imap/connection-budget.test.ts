// Who gets a place, who waits, and that neither kind can starve the other.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PosternError } from '../kernel/errors.ts';
import { ConnectionBudget, type WaitOptions } from './connection-budget.ts';

const failing = (code: string) => () => new PosternError(code, code);
const patient = (signal = new AbortController().signal, limitMs = 60_000): WaitOptions => ({
  limitMs,
  signal,
  tooLate: failing('late'),
  aborted: failing('aborted'),
});

test('watching never takes the part that is kept for operations', async () => {
  const budget = new ConnectionBudget(3, 1);
  assert.equal(budget.watchShare, 2);
  await budget.acquire('watch', patient());
  const release = await budget.acquire('watch', patient());
  await assert.rejects(budget.acquire('watch', patient(undefined, 1)), { code: 'late' });
  await budget.acquire('operation', patient());
  assert.equal(budget.held, 3);
  release();
  release();
  assert.equal(budget.held, 2);
  await budget.acquire('watch', patient());
});

test('operations never take more than half, or the part that is kept for them', async () => {
  const budget = new ConnectionBudget(4, 1);
  await budget.acquire('operation', patient());
  await budget.acquire('operation', patient());
  await assert.rejects(budget.acquire('operation', patient(undefined, 1)), { code: 'late' });
  await budget.acquire('watch', patient());
});

test('who waits is served in order, operations first, and one that was aborted leaves no gap', async () => {
  const budget = new ConnectionBudget(2, 1);
  const release = await budget.acquire('watch', patient());
  const served: string[] = [];
  const impatient = new AbortController();
  const gone = budget.acquire('watch', patient(impatient.signal));
  const first = budget.acquire('watch', patient()).then(() => served.push('first'));
  const second = budget.acquire('watch', patient()).then(() => served.push('second'));
  impatient.abort();
  await assert.rejects(gone, { code: 'aborted' });
  release();
  await first;
  assert.deepEqual(served, ['first']);
  budget.limit = 3;
  await second;
  assert.equal(budget.idle, false);
});
