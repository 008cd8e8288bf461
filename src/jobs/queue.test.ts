// The queue on a real ledger, with a clock that the test moves.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import type { EnqueueOptions } from './job.ts';
import { payloadOf } from './job.ts';
import { JobQueue, LEASE_MS } from './queue.ts';

const KIND = 'session.turn';
let root: string;
let store: Store;
let queue: JobQueue;
let now: number;
let count = 0;

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'postern-jobs-'));
});
after(() => rm(root, { recursive: true, force: true }));
beforeEach(async () => {
  store = await openSqlite(join(root, `${++count}.sqlite`));
  now = 1_000_000;
  queue = new JobQueue(store, { now: () => now });
});
afterEach(() => store.close());

const put = (name: string, options?: EnqueueOptions) =>
  store.write((tx) => queue.enqueue(tx, KIND, { turn_id: name }, options));
const nameOf = (job: { payload: string }) => (JSON.parse(job.payload) as { turn_id: string }).turn_id;
const claim = async (owner = 'a', limit = 10, held: string[] = []) => {
  await queue.freeExpired(held);
  return (await queue.claim(KIND, owner, limit)).map((job) => ({ ...job, name: nameOf(job) }));
};
const names = async (owner = 'a', limit = 10) => (await claim(owner, limit)).map(({ name }) => name);

describe('the jobs of a lane', () => {
  it('run one at a time and in their order, and lanes side by side', async () => {
    for (const name of ['a1', 'a2', 'a3']) await put(name, { lane: 'A' });
    for (const name of ['b1', 'b2']) await put(name, { lane: 'B' });
    await put('free 1');
    await put('free 2');
    const first = await claim();
    assert.deepEqual(first.map(({ name }) => name).sort(), ['a1', 'b1', 'free 1', 'free 2']);
    assert.deepEqual(await names('b'), []);
    await queue.end(first.find(({ name }) => name === 'a1')?.id as string, 'a');
    assert.deepEqual(await names('b'), ['a2']);
  });

  it('keep their order while the first waits for another attempt', async () => {
    await put('first', { lane: 'A' });
    await put('second', { lane: 'A' });
    const [first] = await claim();
    await queue.retry(first?.id as string, 'a', now + 5_000, 'not yet');
    assert.deepEqual(await names(), []);
    now += 5_000;
    assert.deepEqual(await names(), ['first']);
  });

  it('keep their order also for one that is put in for a later time', async () => {
    await put('tomorrow', { lane: 'A', runAt: now + 1_000 });
    await put('now', { lane: 'A' });
    assert.deepEqual(await names(), []);
    now += 1_000;
    assert.deepEqual(await names(), ['tomorrow']);
  });

  it('go on when the first one is dead, and wait for it when it is revived', async () => {
    await put('first', { lane: 'A' });
    await put('second', { lane: 'A' });
    await put('third', { lane: 'A' });
    const [first] = await claim();
    await queue.bury(first?.id as string, 'a', 'broken');
    const [second] = await claim();
    assert.equal(second?.name, 'second');
    await queue.revive(first?.id as string);
    assert.deepEqual(await names(), [], 'two of a lane at once');
    await queue.end(second?.id as string, 'a');
    assert.deepEqual(await names(), ['first']);
  });
});

describe('a lease', () => {
  it('belongs to one of many who ask at once', async () => {
    for (let at = 0; at < 20; at++) await put(`job ${at}`);
    const taken = await Promise.all(
      ['a', 'b', 'c', 'd'].flatMap((owner) => [claim(owner, 3), claim(owner, 4)]),
    );
    const ids = taken.flat().map(({ id }) => id);
    assert.equal(ids.length, 20);
    assert.equal(new Set(ids).size, 20);
  });

  it('is taken over once it has run out, and the former holder cannot commit what it did', async () => {
    await put('job', { lane: 'A' });
    const [job] = await claim('a');
    now += LEASE_MS;
    assert.deepEqual(await names('b'), []);
    now += 1;
    const [again] = await claim('b');
    assert.equal(again?.attempts, 2);
    await assert.rejects(
      store.write(async (tx) => {
        await queue.enqueue(tx, KIND, { turn_id: 'an effect' });
        await queue.finish(tx, job?.id as string, 'a');
      }),
      { code: 'lease_lost' },
    );
    await queue.retry(job?.id as string, 'a', now, 'too late');
    await queue.bury(job?.id as string, 'a', 'too late');
    await queue.putBack(job?.id as string, 'a');
    assert.deepEqual(await names('c'), [], 'the effect is undone and the new holder keeps the job');
    await queue.end(again?.id as string, 'b');
  });

  it('lasts as long as its heart beats, and the heart tells of a lost one', async () => {
    await put('kept');
    await put('lost');
    const [kept, lost] = await claim('a');
    now += LEASE_MS - 1;
    assert.equal((await queue.heartbeat([kept?.id as string], 'a')).size, 1);
    now += 2;
    assert.deepEqual(await names('b'), ['lost']);
    const held = await queue.heartbeat([kept?.id as string, lost?.id as string], 'a');
    assert.deepEqual([...held], [kept?.id]);
  });

  it('that ran out while the machine slept is not taken a second time by the process that still runs the job', async () => {
    await put('job');
    const [job] = await claim('a');
    now += 10 * LEASE_MS;
    assert.deepEqual(await claim('a', 10, [job?.id as string]), []);
    assert.equal((await queue.heartbeat([job?.id as string], 'a')).size, 1);
    assert.deepEqual(await names('b'), []);
  });

  it('of a worker that is known to be gone ends at once', async () => {
    await put('job');
    await claim('gone');
    await queue.releaseLeasesOf((owner) => owner === 'another');
    assert.deepEqual(await names('b'), []);
    await queue.releaseLeasesOf((owner) => owner === 'gone');
    assert.deepEqual(await names('b'), ['job']);
  });
});

describe('the attempts of a job', () => {
  it('end, and whoever finds it then takes it to bury it, never to run it', async () => {
    await put('crasher', { maxAttempts: 2 });
    for (const owner of ['a', 'b']) {
      assert.deepEqual(await names(owner), ['crasher']);
      now += LEASE_MS + 1;
    }
    assert.deepEqual(await names('c'), []);
    const [crashed] = await queue.claimCrashed('c');
    assert.ok(crashed);
    assert.deepEqual(await queue.claimCrashed('d'), [], 'one buries it');
    await queue.bury(crashed.id, 'c', 'it kills');
    assert.deepEqual(await names('c'), []);
    assert.equal((await queue.deadLetters(10))[0]?.error, 'it kills');
  });

  it('do not count when a stop interrupts them', async () => {
    await put('job', { maxAttempts: 1 });
    for (let stops = 0; stops < 3; stops++) {
      const [job] = await claim();
      assert.equal(job?.attempts, 1);
      await queue.putBack(job?.id as string, 'a');
    }
    assert.deepEqual(await names(), ['job']);
  });
});

describe('dead letters', () => {
  it('are listed from the newest, page by page, and have all their attempts again when revived', async () => {
    for (const name of ['one', 'two', 'three']) await put(name, { maxAttempts: 1 });
    for (const job of await claim()) await queue.bury(job.id, 'a', `no ${job.name}`);
    const page = await queue.deadLetters(2);
    assert.deepEqual(
      page.map(({ error, attempts, payload }) => [error, attempts, payload]),
      [
        ['no three', 1, { turn_id: 'three' }],
        ['no two', 1, { turn_id: 'two' }],
      ],
    );
    const [oldest] = await queue.deadLetters(2, page[1]?.id);
    assert.equal(oldest?.error, 'no one');
    await queue.revive(oldest?.id as string);
    const [again] = await claim();
    assert.equal(again?.name, 'one');
    assert.equal(again?.attempts, 1);
    await assert.rejects(queue.revive(oldest?.id as string), { code: 'not_found' });
  });

  it('show also one whose payload nobody can read', async () => {
    await put('good');
    await put('bad');
    await store.db.updateTable('jobs').set({ payload: '{' }).where('payload', 'like', '%bad%').execute();
    const [, bad] = await queue.claim(KIND, 'a', 10);
    assert.ok(bad);
    assert.throws(() => payloadOf(bad), { code: 'job_payload_invalid', retry: 'never' });
    await queue.bury(bad.id, 'a', 'unreadable');
    assert.deepEqual((await queue.deadLetters(10))[0]?.payload, { unreadable: '{' });
  });
});

it('a job exists if and only if its transaction commits, and whoever waits is told after the commit', async () => {
  const woken: (string | null)[] = [];
  queue.onEnqueue((kind) => woken.push(kind));
  await assert.rejects(
    store.write(async (tx) => {
      await queue.enqueue(tx, KIND, { turn_id: 'never' });
      throw new Error('no');
    }),
  );
  assert.deepEqual(woken, []);
  await store.write(async (tx) => {
    await queue.enqueue(tx, KIND, { turn_id: 'job' });
    assert.deepEqual(woken, []);
  });
  assert.deepEqual(woken, [KIND]);
  assert.deepEqual(await names(), ['job']);
});

it('the end of a job wakes the kind of the next one in its lane, past dead ones, and no other', async () => {
  const lane = 'session:one';
  await store.write(async (tx) => {
    await queue.enqueue(tx, KIND, { turn_id: 'ends' }, { lane });
    await queue.enqueue(tx, 'session.wake', { session_id: 'dies', until: 0 }, { lane });
    await queue.enqueue(tx, 'session.action', { turn_id: 'next', index: 0 }, { lane });
  });
  const [ending] = await queue.claim(KIND, 'me', 1);
  await store.db.updateTable('jobs').set({ state: 'dead' }).where('kind', '=', 'session.wake').execute();
  const woken: (string | null)[] = [];
  queue.onEnqueue((kind) => woken.push(kind));
  await queue.end(ending?.id ?? '', 'me');
  assert.deepEqual(woken, ['session.action']);
});
