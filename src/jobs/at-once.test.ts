// Jobs that begin with the commit that puts them in, where nothing comes before them.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { systemClock } from '../kernel/clock.ts';
import { silentLogger } from '../kernel/logger.ts';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import type { EnqueueOptions } from './job.ts';
import { JobQueue } from './queue.ts';
import { JobWorker } from './worker.ts';

const KIND = 'session.turn';
const POOL_LIMIT = 2;
let root: string;
let store: Store;
let queue: JobQueue;
let worker: JobWorker;
let count = 0;
/** What runs, and what lets it end. */
let running: Map<string, () => void>;

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'postern-at-once-'));
});
after(() => rm(root, { recursive: true, force: true }));
beforeEach(async () => {
  store = await openSqlite(join(root, `${++count}.sqlite`));
  queue = new JobQueue(store, systemClock);
  worker = new JobWorker(queue, systemClock, silentLogger);
  running = new Map();
  worker.handle(
    KIND,
    ({ turn_id: name }, { signal }) =>
      new Promise((resolve) => {
        running.set(name, resolve);
        signal.addEventListener('abort', () => resolve());
      }),
    { poolLimit: () => POOL_LIMIT },
  );
  await worker.start();
});
afterEach(async () => {
  await worker.stop();
  await store.close();
});

const put = (name: string, options: EnqueueOptions = {}) =>
  store.write((tx) => queue.enqueue(tx, KIND, { turn_id: name }, { atOnce: true, ...options }));
const runningNow = (): string[] => [...running.keys()];

it('runs when the transaction is committed, with one attempt and a lease', async () => {
  await store.write(async (tx) => {
    await queue.enqueue(tx, KIND, { turn_id: 'a' }, { atOnce: true, lane: 'x', pool: 'p' });
    assert.deepEqual(runningNow(), []);
  });
  assert.deepEqual(runningNow(), ['a']);
  const row = await store.db.selectFrom('jobs').selectAll().executeTakeFirstOrThrow();
  assert.deepEqual([row.state, row.attempts, row.lease_owner], ['running', 1, worker.owner]);
  assert.ok((row.lease_until ?? 0) > Date.now());
});

it('never runs when the transaction is undone', async () => {
  const undone = store.write(async (tx) => {
    await queue.enqueue(tx, KIND, { turn_id: 'a' }, { atOnce: true });
    throw new Error('undone');
  });
  await assert.rejects(undone, /undone/);
  assert.deepEqual(runningNow(), []);
});

it('waits for what is in its lane, also in the same transaction', async () => {
  await store.write(async (tx) => {
    for (const name of ['a', 'b'])
      await queue.enqueue(tx, KIND, { turn_id: name }, { atOnce: true, lane: 'x' });
  });
  await put('c', { lane: 'x' });
  assert.deepEqual(runningNow(), ['a']);
  const rows = await store.db.selectFrom('jobs').select('state').orderBy('id').execute();
  assert.deepEqual(
    rows.map(({ state }) => state),
    ['running', 'ready', 'ready'],
  );
});

it('waits while its pool is full, and comes after those of the pool that waited before', async () => {
  await store.write(async (tx) => {
    for (const name of ['a', 'b', 'c', 'd'])
      await queue.enqueue(tx, KIND, { turn_id: name }, { atOnce: true, lane: name, pool: 'p' });
  });
  assert.deepEqual(runningNow(), ['a', 'b']);
  await put('e', { lane: 'e', pool: 'other' });
  assert.deepEqual(runningNow(), ['a', 'b', 'e']);
});

it('comes with the commit that ends the one before it in its lane, and not before its time', async () => {
  for (const name of ['first', 'second']) await put(name, { lane: 'x' });
  await put('tomorrow', { lane: 'x', atOnce: false, runAt: Date.now() + 86_400_000 });
  assert.deepEqual(runningNow(), ['first']);
  const ended = async (left: number): Promise<void> => {
    for (;;) {
      const rows = await store.db.selectFrom('jobs').select('state').execute();
      if (rows.length === left) return;
    }
  };
  running.get('first')?.();
  await ended(2);
  const states = await store.db.selectFrom('jobs').select(['state', 'attempts']).orderBy('id').execute();
  assert.deepEqual(
    states.map(({ state, attempts }) => [state, attempts]),
    [
      ['running', 1],
      ['ready', 0],
    ],
    'there is no moment in which the second waits',
  );
  while (!running.has('second')) await turn();
  running.get('second')?.();
  await ended(1);
  assert.deepEqual(runningNow(), ['first', 'second']);
});

describe('a kind whose jobs hand on their place', () => {
  const handing = 'submission.send';
  const handle = (concurrency: number): void =>
    worker.handle(
      handing,
      ({ submission_id: name }, { signal }) =>
        new Promise<void>((resolve) => {
          running.set(name, resolve);
          signal.addEventListener('abort', () => resolve());
        }),
      { concurrency, poolLimit: () => 1, handsOn: true },
    );
  const putIn = (name: string, pool: string, options: EnqueueOptions = {}) =>
    store.write((tx) => queue.enqueue(tx, handing, { submission_id: name }, { pool, ...options }));
  const untilRuns = async (name: string): Promise<void> => {
    while (!running.has(name)) await turn();
  };
  const states = async (): Promise<[string, string, number][]> => {
    const rows = await store.db
      .selectFrom('jobs')
      .select(['payload', 'state', 'attempts'])
      .orderBy('id')
      .execute();
    return rows.map(({ payload, state, attempts }) => [JSON.parse(payload).submission_id, state, attempts]);
  };

  it('takes the next of the same pool with the commit that ends the one before it, and not before its time', async () => {
    handle(2);
    await putIn('first', 'p');
    await untilRuns('first');
    await putIn('tomorrow', 'p', { runAt: Date.now() + 86_400_000 });
    await putIn('second', 'p');
    await putIn('third', 'p');
    running.get('first')?.();
    for (let left = await states(); ; left = await states()) {
      if (left.length === 4) continue;
      assert.deepEqual(left, [
        ['tomorrow', 'ready', 0],
        ['second', 'running', 1],
        ['third', 'ready', 0],
      ]);
      break;
    }
    await untilRuns('second');
    assert.deepEqual(runningNow(), ['first', 'second']);
  });

  it('leaves the worker to whoever waits for longer where there is no other', async () => {
    handle(1);
    await putIn('first', 'p');
    await untilRuns('first');
    await putIn('of another pool', 'q');
    await putIn('second', 'p');
    running.get('first')?.();
    await untilRuns('of another pool');
    assert.deepEqual(runningNow(), ['first', 'of another pool']);
  });
});

it('is left to others once the worker has stopped', async () => {
  await worker.stop();
  await put('a');
  assert.deepEqual(runningNow(), []);
  const row = await store.db.selectFrom('jobs').select(['state', 'attempts']).executeTakeFirstOrThrow();
  assert.deepEqual({ ...row }, { state: 'ready', attempts: 0 });
});
