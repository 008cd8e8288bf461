// The kill switch: what runs ends at once, what waits is not lost, and nothing leaves by itself until a person says so.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { memoryBus } from '../../src/cluster/memory.ts';
import { type PausePlace, pause } from '../../src/sessions/pauses.ts';
import { recordsOf } from '../../src/sessions/record.ts';
import { eventually } from '../support/waiting.ts';
import { type House, oneAgent, openHouse, VOUCHED } from './house.ts';

const places = (house: House): PausePlace[] => [
  { scope: 'agent', name: 'writer' },
  { scope: 'account', name: house.account.id },
  { scope: 'all' },
];

for (const at of [0, 1, 2]) {
  const what = ['an agent', 'the agents of an account', 'everything'][at];
  it(`pausing ${what} ends its running turn and its token, and a resume runs the turn again`, async () => {
    await using house = await openHouse(oneAgent('{}', '{ per_day: 1 }'));
    const place = places(house)[at] ?? assert.fail();
    let ended = false;
    house.agent('writer', (_, { signal }) => {
      if (house.events.length > 1) return [{ type: 'done', summary: 'written' }];
      signal.addEventListener('abort', () => {
        ended = true;
      });
      return new Promise(() => undefined);
    });
    await house.arrive({ id: 'first' });
    await house.until(async () => house.events.length === 1);
    await house.agents.pause(place, 'it writes nonsense', 'olga');
    const paused = await house.rests('queued');
    assert.equal(ended, true);
    assert.equal(await house.sessions.principalOf(house.events[0]?.data.session.token ?? ''), null);
    const [agent] = (await house.agents.list()).data;
    if (place.scope !== 'account')
      assert.deepEqual([agent?.paused?.reason, agent?.paused?.paused_by], ['it writes nonsense', 'olga']);
    assert.equal((await house.agents.list()).pauses[0]?.scope, place.scope);
    const kinds = (await recordsOf(house.store.db, paused.id, { limit: 100 })).map(({ kind }) => kind);
    assert.ok(kinds.includes('paused'), kinds.join());
    await house.agents.resume(place);
    assert.deepEqual((await house.agents.list()).pauses, []);
    assert.equal((await house.rests('done')).summary, 'written');
    assert.equal((await house.sessions.get(paused.id)).turns, 1);
    assert.deepEqual(await house.deadLetters(), []);
  });
}

it('what an agent answers after it was paused elsewhere is not kept: the turn waits and runs again', async () => {
  await using house = await openHouse();
  const { promise: release, resolve } = Promise.withResolvers<void>();
  house.agent('writer', async () => {
    if (house.events.length > 1) return [{ type: 'done', summary: 'after the pause' }];
    await release;
    return [{ type: 'reply', text: 'It costs nothing.' }];
  });
  await house.arrive({ id: 'first' });
  await house.until(async () => house.events.length === 1);
  // Another node pauses it, whose events do not come here: the ledger alone says so.
  const elsewhere = { clock: house.clock, bus: memoryBus(house.clock) };
  await house.store.write((tx) => pause(elsewhere, tx, { scope: 'all' }, { reason: 'stop', by: 'olga' }));
  resolve();
  const isPutOff = async (): Promise<boolean> => {
    const job = await house.store.db.selectFrom('jobs').select(['state', 'run_at']).executeTakeFirst();
    return job?.state === 'ready' && job.run_at > house.clock.now();
  };
  await eventually(isPutOff); // nothing tells of a turn that is put off
  assert.deepEqual(await house.drafts.list({ limit: 9 }), []);
  assert.equal((await house.rests('queued')).turns, 1);
  await house.agents.resume({ scope: 'all' });
  assert.equal((await house.rests('done')).summary, 'after the pause');
  assert.deepEqual(await house.drafts.list({ limit: 9 }), []);
});

it('mail that comes while an agent is paused waits in order, also over a restart, and is handled after the resume', async () => {
  await using house = await openHouse();
  house.agent('writer', () => []);
  await house.agents.pause({ scope: 'agent', name: 'writer' }, 'for the night', 'olga');
  await house.arrive({ id: 'first', text: 'one' });
  await house.arrive({ id: 'second', text: 'two', inReplyTo: '<first@prospect.example>' });
  await house.arrive({ id: 'third', text: 'three', inReplyTo: '<first@prospect.example>' });
  // More often than a job is tried: attempts that are not made do not count.
  for (let start = 0; start < 12; start++) {
    await house.stopWorker();
    house.advance(61_000);
    await house.startWorker();
  }
  await house.until(async () => (await house.sessions.list({ limit: 1 }))[0]?.turns === 3);
  assert.equal(house.events.length, 0);
  await house.agents.resume({ scope: 'agent', name: 'writer' });
  await house.until(async () => house.events.length === 3);
  assert.deepEqual(
    house.events.map(({ data }) => data.message.text),
    ['one', 'two', 'three'],
  );
  await house.rests('done');
});

it('an agent is held by any of several pauses, and others run meanwhile', async () => {
  await using house = await openHouse(`
agents:
  bad: { run: { command: [x] } }
  good: { run: { command: [x] } }
rules:
  - { name: both, then: [{ spawn: bad }, { spawn: good }] }
`);
  const ran = () => house.events.map(({ data }) => data.session.agent);
  await house.agents.pause({ scope: 'agent', name: 'bad' }, 'loops', 'policy');
  await house.arrive({ id: 'first' });
  await house.until(async () => house.events.length === 1);
  assert.deepEqual(ran(), ['good']);
  await house.agents.pause({ scope: 'all' }, 'an incident', 'olga');
  await house.agents.resume({ scope: 'agent', name: 'bad' });
  await house.arrive({ id: 'second' });
  await house.until(async () => (await house.sessions.list({ limit: 9, state: 'queued' })).length === 3);
  assert.deepEqual(ran(), ['good']);
  await house.agents.resume({ scope: 'all' });
  await house.until(async () => house.events.length === 4);
  assert.deepEqual(ran().sort(), ['bad', 'bad', 'good', 'good']);
});

it('a pause names an agent that is there: a misspelt one would stop nobody', async () => {
  await using house = await openHouse();
  await assert.rejects(house.agents.pause({ scope: 'agent', name: 'witer' }, 'stop', 'olga'), {
    code: 'not_found',
  });
});

it('what an agent answered before it was paused waits for a person, although it might leave by itself', async () => {
  await using house = await openHouse(oneAgent('{ reply: auto, recipients: any }'));
  house.agent('writer', () => [{ type: 'reply', text: 'It costs 5.' }]);
  const headers = [VOUCHED];
  await house.arrive({ id: 'first', headers });
  await house.rests('done');
  const turn = await house.store.db.selectFrom('turns').selectAll().executeTakeFirstOrThrow();
  const again = (index: number): Promise<void> =>
    house.store.write((tx) =>
      house.jobs.enqueue(
        tx,
        'session.action',
        { turn_id: turn.id, index },
        { lane: `session:${turn.session_id}` },
      ),
    );
  // As the same answer is found whose later actions were still to be done.
  const [action] = (JSON.parse(turn.answer ?? '') as { actions: unknown[] }).actions;
  await house.store.db
    .updateTable('turns')
    .set({ answer: JSON.stringify({ actions: [action, action, action] }) })
    .execute();
  const drafts = () => house.drafts.list({ limit: 9 });
  await again(1);
  await house.until(async () => (await drafts()).length === 2);
  await house.agents.pause({ scope: 'agent', name: 'writer' }, 'it gives everything away', 'olga');
  await again(2);
  await house.until(async () => (await drafts()).length === 3);
  assert.deepEqual(
    (await drafts()).map(({ state, reasons }) => [state, reasons]),
    [
      ['waiting', ['The agent writer is paused: it gives everything away']],
      ['approved', []],
      ['approved', []],
    ],
  );
  await house.rests('waiting-for-approval');
});

it('what waits for a paused agent is put off as one, and not looked at one by one', async () => {
  await using house = await openHouse(oneAgent('{}', '{ per_sender: 1000/1h }'));
  house.agent('writer', () => [{ type: 'done' }]);
  await house.agents.pause({ scope: 'all' }, 'it writes nonsense', 'olga');
  for (let i = 0; i < 40; i++) await house.arrive({ id: `mail-${i}` });
  const waiting = () => house.store.db.selectFrom('jobs').select(['state', 'run_at']).execute();
  const putOff = async (): Promise<boolean> =>
    (await waiting()).every(({ state, run_at }) => state === 'ready' && run_at > house.clock.now());
  await eventually(putOff);
  let looks = 0;
  const { claimByPool } = house.jobs;
  house.jobs.claimByPool = async (...asked) => {
    const claimed = await claimByPool.apply(house.jobs, asked);
    looks += claimed.length;
    return claimed;
  };
  house.advance(61_000);
  await eventually(async () => looks > 0 && putOff());
  assert.ok(looks < 15, `${looks} were looked at`);
  await house.agents.resume({ scope: 'all' });
  await house.until(async () => (await house.sessions.list({ state: 'done', limit: 100 })).length === 40);
});
