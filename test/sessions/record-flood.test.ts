// An agent that calls in a circle, or what it may not: its record tells of it, and does not grow without an end.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Rooms } from '../../src/api/rooms.ts';
import { recordCall, recordRefusal } from '../../src/api/session-record.ts';
import { PosternError } from '../../src/kernel/errors.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { oneAgent, openHouse } from './house.ts';

const CALLS = 10;
const SPARE = 500;

it('a record is full one day: what is called then is refused, and what was before stays as it is', async () => {
  await using house = await openHouse(oneAgent('{ reply: approve }', `{ calls: ${CALLS} }`));
  house.agent('writer', () => new Promise(() => undefined));
  await house.arrive({ id: 'first' });
  const { id } = await house.rests('running');
  const token = await house.until(async () => house.events[0]?.data.session.token);
  const principal = await house.sessions.principalOf(token);
  assert.ok(principal);
  const { store, clock, bus } = house;
  const call = { principal, rooms: { store, clock, bus, log: silentLogger } as unknown as Rooms };
  const operation = { name: 'session.ask', tool: undefined, ofTool: undefined } as never;
  const refuse = () => recordRefusal(operation, call, new PosternError('forbidden', 'No.'));
  await recordCall(operation, call, { question: 'Well?' });
  const entries = () => house.sessions.record(id, { limit: 10_000 });
  while ((await entries()).length < CALLS + SPARE) await Promise.all(Array.from({ length: 50 }, refuse));
  for (let i = 0; i < 100; i++) await refuse();
  await assert.rejects(recordCall(operation, call, { question: 'Well?' }), { code: 'calls_limit' });
  const record = await entries();
  assert.equal(record.length, CALLS + SPARE + 1);
  assert.deepEqual(
    record.slice(0, 3).map(({ kind }) => kind),
    ['came', 'called', 'refused'],
  );
  assert.equal(record.at(-1)?.data.code, 'calls_limit');
  await house.sessions.cancel(id, 'anna');
  assert.ok((await entries()).some(({ kind }) => kind === 'cancelled'));
});
