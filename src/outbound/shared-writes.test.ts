// Writes that are asked for while others are on their way to the disk.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Tx } from '../store/store.ts';
import { SharedWrites } from './shared-writes.ts';

/** A ledger whose flushes the test ends. */
function slowStore() {
  const begun: string[] = [];
  let flushes: (() => void)[] = [];
  return {
    begun,
    flush: async (): Promise<void> => {
      for (const end of flushes.splice(0)) end();
      flushes = [];
      await turn();
    },
    async write<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
      const value = await work(undefined as unknown as Tx);
      begun.push(String(value));
      await new Promise<void>((resolve) => flushes.push(resolve));
      return value;
    },
  };
}

it('go to the ledger together when the one before them is durable, in the order of the calls', async () => {
  const store = slowStore();
  const writes = new SharedWrites(store);
  const ended: string[] = [];
  for (const name of ['a', 'b', 'c']) void writes.write(async () => name).then((value) => ended.push(value));
  await turn();
  assert.deepEqual([store.begun, ended], [['a'], []]);
  await store.flush();
  assert.deepEqual([store.begun, ended], [['a', 'b', 'c'], ['a']]);
  await store.flush();
  assert.deepEqual(ended, ['a', 'b', 'c']);
});

it('fail alone, and hold up nobody', async () => {
  const store = slowStore();
  const writes = new SharedWrites(store);
  const failed = writes.write(async () => {
    throw new Error('taken over');
  });
  const other = writes.write(async () => 'other');
  await assert.rejects(failed, /taken over/);
  await turn();
  await store.flush();
  assert.equal(await other, 'other');
});
