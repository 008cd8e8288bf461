// Turns are given in order, left by those who give up, and passed on where the work failed.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Turns } from './turns.ts';

const { signal } = new AbortController();

it('so many work at once, and the others in order, also behind work that failed', async () => {
  const turns = new Turns(2);
  const begun: number[] = [];
  const ends = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
  const all = ends.map(({ promise }, at) =>
    turns.take(signal, () => {
      begun.push(at);
      return promise;
    }),
  );
  await null;
  assert.deepEqual(begun, [0, 1]);
  ends[1]?.reject(new Error('it failed'));
  await assert.rejects(all[1] as Promise<void>, /it failed/);
  assert.deepEqual(begun, [0, 1, 2]);
  for (const { resolve } of ends) resolve();
  await Promise.allSettled(all);
  assert.deepEqual(begun, [0, 1, 2, 3]);
});

it('whoever gives up leaves the line, and too many are refused', async () => {
  const turns = new Turns(1, (waiting) => {
    if (waiting >= 1) throw new Error('too many');
  });
  const first = Promise.withResolvers<void>();
  const working = turns.take(signal, () => first.promise);
  const gone = new AbortController();
  const waits = turns.take(gone.signal, async () => assert.fail('it had left'));
  await assert.rejects(
    turns.take(signal, async () => undefined),
    /too many/,
  );
  gone.abort(new Error('gone'));
  await assert.rejects(waits, /gone/);
  first.resolve();
  await working;
  assert.equal(await turns.take(signal, async () => 7), 7);
});
