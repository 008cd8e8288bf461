// A turn that begins with the commit of its mail, and what becomes of it where its process ends right then.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { it } from 'node:test';
import type { Job } from '../../src/jobs/job.ts';
import { LEASE_MS } from '../../src/jobs/queue.ts';
import { PosternError } from '../../src/kernel/errors.ts';
import { type House, oneAgent, openHouse } from './house.ts';

/** From now on jobs are taken by a worker that never runs them, as one whose process has ended. Returns what it took. */
async function endWorker(house: House): Promise<Job[]> {
  await house.stopWorker();
  const taken: Job[] = [];
  house.jobs.takenBy({
    owner: 'gone',
    roomFor: () => 8,
    handsOn: () => false,
    run: (job) => void taken.push(job),
  });
  return taken;
}

const turnsOf = (house: House) =>
  house.store.db
    .selectFrom('turns')
    .innerJoin('sessions', 'sessions.id', 'turns.session_id')
    .select(['turns.state', 'turns.started_at', 'sessions.state as session', 'sessions.token_hash as hash'])
    .orderBy('turns.id')
    .execute();

it('has begun when its mail is there: the session has its token, and nothing more is to be written', async () => {
  await using house = await openHouse();
  const taken = await endWorker(house);
  await house.arrive({ id: 'first' });
  assert.equal(taken.length, 1);
  const [turn] = await turnsOf(house);
  assert.deepEqual([turn?.state, turn?.session], ['running', 'running']);
  assert.ok(turn?.started_at !== null && turn?.hash !== null);
});

it('runs elsewhere when its process has ended, with a token of its own', async () => {
  await using house = await openHouse();
  const { promise: token, resolve: tell } = Promise.withResolvers<string>();
  await endWorker(house);
  await house.arrive({ id: 'first' });
  const [before] = await turnsOf(house);
  house.advance(LEASE_MS + 1);
  const hashes: (string | null | undefined)[] = [];
  house.agent('writer', async ({ data }) => {
    tell(data.session.token);
    hashes.push((await turnsOf(house))[0]?.hash);
    return [{ type: 'done', summary: 'read' }];
  });
  await house.startWorker();
  assert.ok((await token).length > 20);
  assert.equal((await house.rests('done')).summary, 'read');
  assert.notEqual(hashes[0], before?.hash);
  assert.equal(house.events.length, 1);
});

it('of an agent that was woken often enough does not begin', async () => {
  await using house = await openHouse(oneAgent('{}', '{ per_day: 1 }'));
  await endWorker(house);
  await house.arrive({ id: 'first' });
  await house.arrive({ id: 'second' });
  const states = (await turnsOf(house)).map(({ state, session }) => [state, session]);
  assert.deepEqual(states, [
    ['running', 'running'],
    ['queued', 'queued'],
  ]);
});

it('needs no folder where its agent wants no files', async () => {
  await using house = await openHouse();
  let there: boolean | undefined;
  house.agent('writer', async () => {
    there = existsSync(house.workDir);
    return [{ type: 'done', summary: 'read' }];
  });
  await house.arrive({ id: 'first' });
  await house.rests('done');
  assert.equal(there, false);
});

it('is given the mail as it came in, which is what the ledger tells of it at the next attempt', async () => {
  await using house = await openHouse();
  house.agent('writer', async () => {
    if (house.events.length === 1) throw new PosternError('again', 'Not now.', { retry: { afterMs: 1 } });
    return [{ type: 'done', summary: 'read' }];
  });
  await house.arrive({ id: 'first', text: 'How much for ten?' });
  await house.rests('done');
  const [first, second] = house.events.map(({ data }) => {
    const { session, ...told } = data;
    return JSON.parse(JSON.stringify({ ...told, session: { ...session, token: '' } }));
  });
  assert.equal(first.message.text, 'How much for ten?');
  assert.deepEqual(first, second);
});
