import assert from 'node:assert/strict';
import { it } from 'node:test';
import { EventLog } from './event-log.ts';

const message = (method: string) => ({ jsonrpc: '2.0' as const, method });
async function replayed(log: EventLog, after: string): Promise<string[]> {
  const heard: string[] = [];
  await log.replayEventsAfter(after, {
    send: async (_id, said) => void heard.push('method' in said ? said.method : ''),
  });
  return heard;
}

it('a stream that broke is told what came after, and nothing of another', async () => {
  const log = new EventLog();
  const first = await log.storeEvent('a_b', message('one'));
  await log.storeEvent('other', message('foreign'));
  const second = await log.storeEvent('a_b', message('two'));
  await log.storeEvent('a_b', message('three'));
  assert.equal(await log.getStreamIdForEventId(first), 'a_b');
  assert.deepEqual(await replayed(log, first), ['two', 'three']);
  assert.deepEqual(await replayed(log, second), ['three']);
  for (const id of ['', 'nonsense', 'a_b', 'other_999']) assert.deepEqual(await replayed(log, id), []);
});

it('keeps a bounded number of events and characters, the newest', async () => {
  const log = new EventLog();
  const first = await log.storeEvent('s', message('0'));
  for (let i = 1; i <= 150; i++) await log.storeEvent('s', message(String(i)));
  const heard = await replayed(log, first);
  assert.deepEqual([heard.length, heard[0], heard.at(-1)], [100, '51', '150']);
  await log.storeEvent('s', message('x'.repeat(400_000)));
  await log.storeEvent('s', message('y'.repeat(400_000)));
  assert.deepEqual(
    (await replayed(log, first)).map((one) => one[0]),
    ['y'],
  );
});
