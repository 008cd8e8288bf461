// The worker on a real ledger: retries as the error says, dead letters that are told of, a stop that costs nothing.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, it, mock } from 'node:test';
import { PosternError } from '../kernel/errors.ts';
import { silentLogger } from '../kernel/logger.ts';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import type { EnqueueOptions } from './job.ts';
import { JobQueue, LEASE_MS } from './queue.ts';
import { type JobContext, JobWorker } from './worker.ts';

const KIND = 'session.turn';
const HOUR_MS = 3_600_000;
let root: string;
let store: Store;
let queue: JobQueue;
let worker: JobWorker;
let now: number;
let count = 0;

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'postern-worker-'));
});
after(() => rm(root, { recursive: true, force: true }));
beforeEach(async () => {
  mock.timers.enable({ apis: ['setInterval'] }); // polls and heartbeats come when the test says so
  store = await openSqlite(join(root, `${++count}.sqlite`));
  now = 1_000_000;
  queue = new JobQueue(store, { now: () => now });
  worker = newWorker();
});
afterEach(async () => {
  await worker.stop();
  await store.close();
  mock.timers.reset();
});

const newWorker = () => new JobWorker(queue, { now: () => now }, silentLogger);
const put = (name: string, options?: EnqueueOptions) =>
  store.write((tx) => queue.enqueue(tx, KIND, { turn_id: name }, options));
const rows = () => store.db.selectFrom('jobs').selectAll().orderBy('id').execute();

/** Handles turns by `work`; `ran` fulfils with the name of each, as often as it is asked. */
function handle(work: (name: string, context: JobContext) => Promise<void>, onDead?: () => Promise<void>) {
  const names: string[] = [];
  let told: () => void = () => undefined;
  worker.handle(
    KIND,
    async ({ turn_id: name }, context) => {
      names.push(name);
      told();
      await work(name, context);
    },
    { concurrency: 2, ...(onDead ? { onDead } : {}) },
  );
  return async (): Promise<string> => {
    while (names.length === 0) await new Promise<void>((resolve) => (told = resolve));
    return names.shift() as string;
  };
}

/** Turns the event loop until the ledger says so; nothing but the worker's own work is waited for. */
async function settled<T>(look: () => Promise<T | undefined | false>): Promise<T> {
  for (let turns = 0; turns < 10_000; turns++) {
    const found = await look();
    if (found) return found;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`it never came to that: ${JSON.stringify(await rows())}`);
}
const onlyRow = (state: string) =>
  settled(async () => {
    const [row] = await rows();
    return row?.state === state && row.lease_owner === null && row;
  });

it('runs what is put in, and leaves nothing behind', async () => {
  const ran = handle(async () => undefined);
  await worker.start();
  await put('one');
  assert.equal(await ran(), 'one');
  await settled(async () => (await rows()).length === 0);
});

it('tries again when the error says so: later with growing waits, or after the time that it names', async () => {
  let error = new PosternError('busy', 'Busy.', { retry: 'later' });
  const ran = handle(async () => {
    throw error;
  });
  await worker.start();
  await put('job');
  await ran();
  const first = await onlyRow('ready');
  assert.ok(first.run_at >= now + 900 && first.run_at <= now + 1_100, String(first.run_at - now));
  assert.equal(first.error, 'Busy.');
  error = new PosternError('busy', 'Busy for long.', { retry: { afterMs: 77_000 } });
  now = first.run_at;
  mock.timers.tick(1_000);
  await ran();
  const second = await settled(async () => (await rows()).find((row) => row.error === 'Busy for long.'));
  assert.equal(second.run_at, now + 77_000);
  assert.equal(second.attempts, 2);
});

it('buries at once what can never succeed, tells its room first, and goes on', async () => {
  const dead: unknown[] = [];
  const ran = handle(
    async (name) => {
      if (name === 'bad') throw new PosternError('broken', 'It is broken.');
    },
    async (...told: unknown[]) => {
      dead.push([...told, (await rows())[0]?.state]);
    },
  );
  await worker.start();
  await put('bad', { lane: 'A' });
  await put('good', { lane: 'A' });
  assert.equal(await ran(), 'bad');
  assert.equal(await ran(), 'good');
  const [letter] = await queue.deadLetters(10);
  assert.equal(letter?.error, 'It is broken.');
  assert.deepEqual(dead, [[{ turn_id: 'bad' }, 'It is broken.', 'running']]);
});

it('buries a job also when nobody can be told of it', async () => {
  const ran = handle(
    async () => {
      throw new Error('a bug');
    },
    async () => {
      throw new Error('a bug in telling of it');
    },
  );
  await worker.start();
  await put('job', { maxAttempts: 1 });
  await ran();
  assert.equal((await onlyRow('dead')).error, 'a bug');
});

it('does not count attempts against a job while the ledger is at fault', async () => {
  let faults = 0;
  const ran = handle(async () => {
    if (++faults <= 3) throw Object.assign(new Error('full'), { code: 'ERR_SQLITE_ERROR', errcode: 13 });
  });
  await worker.start();
  await put('job', { maxAttempts: 1 });
  for (let at = 1; at <= 4; at++) {
    await ran();
    if (at === 4) break;
    assert.equal((await onlyRow('ready')).attempts, 0);
    now += 1_000;
    mock.timers.tick(1_000);
  }
  await settled(async () => (await rows()).length === 0);
});

it('runs the other jobs beside one whose payload cannot be read', async () => {
  await put('bad');
  await store.db.updateTable('jobs').set({ payload: '{"turn_id":7}' }).execute();
  await put('good');
  const ran = handle(async () => undefined);
  await worker.start();
  assert.equal(await ran(), 'good');
  assert.match((await onlyRow('dead')).error ?? '', /payload of the session\.turn job/);
});

it('undoes what a former holder wrote when the job was taken over meanwhile, and aborts it at the next heartbeat', async () => {
  const { promise: takenOver, resolve: takeOver } = Promise.withResolvers<void>();
  const { promise: ended, resolve: end } = Promise.withResolvers<unknown>();
  const ran = handle(async (_, { finish, signal }) => {
    await takenOver;
    const aborted = new Promise((resolve) => signal.addEventListener('abort', () => resolve(signal.reason)));
    mock.timers.tick(LEASE_MS / 3);
    const reason = (await aborted) as PosternError;
    const written = store.write(async (tx) => {
      await queue.enqueue(tx, 'message.flag', { message_id: 'msg_1', add: [] });
      await finish(tx);
    });
    end([reason.code, await written.catch((error: PosternError) => error.code)]);
    await written;
  });
  await worker.start();
  await put('job');
  await ran();
  now += LEASE_MS + 1;
  await queue.freeExpired();
  const [stolen] = await queue.claim(KIND, 'another', 1);
  assert.equal(stolen?.attempts, 2);
  takeOver();
  assert.deepEqual(await ended, ['lease_lost', 'lease_lost']);
  await worker.stop();
  assert.deepEqual(
    (await rows()).map(({ kind, state, lease_owner }) => [kind, state, lease_owner]),
    [[KIND, 'running', 'another']],
  );
});

it('ends nothing of a job that was taken over in its last attempt, whatever the interrupted one says', async () => {
  const fails = Promise.withResolvers<void>();
  const dead: unknown[] = [];
  const ran = handle(
    async (name, { signal }) => {
      if (name === 'fails') await fails.promise;
      else await new Promise((resolve) => signal.addEventListener('abort', resolve));
      throw new PosternError('unreachable', 'It was interrupted.', { retry: 'never' });
    },
    async (...told: unknown[]) => void dead.push(told),
  );
  await worker.start();
  await put('interrupted', { maxAttempts: 2 });
  await put('fails', { maxAttempts: 2 });
  await Promise.all([ran(), ran()]);
  now += LEASE_MS + 1;
  await queue.freeExpired();
  assert.equal((await queue.claim(KIND, 'another', 2)).length, 2);
  fails.resolve(); // before the heartbeat tells that it is another's
  mock.timers.tick(LEASE_MS / 3);
  await worker.stop();
  assert.deepEqual(dead, []);
  assert.deepEqual(
    (await rows()).map(({ state, lease_owner }) => [state, lease_owner]),
    [
      ['running', 'another'],
      ['running', 'another'],
    ],
  );
});

it('is not buried by a worker that could not tell of its end because the ledger was at fault', async () => {
  let faults = 0;
  const ran = handle(
    async () => {
      throw new PosternError('broken', 'It is broken.');
    },
    async () => {
      if (++faults === 1) throw Object.assign(new Error('busy'), { code: 'ERR_SQLITE_ERROR', errcode: 5 });
    },
  );
  await worker.start();
  await put('job', { maxAttempts: 1 });
  await ran();
  await settled(async () => faults === 1);
  await worker.stop();
  assert.equal((await rows())[0]?.state, 'running');
  await worker.start();
  now += LEASE_MS + 1;
  mock.timers.tick(LEASE_MS / 3);
  await onlyRow('dead');
  assert.equal(faults, 2);
});

it('does not run a job twice after the machine slept longer than its lease', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const ran = handle(() => promise);
  await worker.start();
  await put('job');
  await ran();
  now += 10 * LEASE_MS;
  await put('marker');
  mock.timers.tick(1_000);
  assert.equal(await ran(), 'marker', 'the sleeper was started again');
  mock.timers.tick(LEASE_MS / 3);
  await settled(async () => (await rows())[0]?.lease_until === now + LEASE_MS);
  resolve();
  await settled(async () => (await rows()).length === 0);
});

it('tries again at once what waits for that when the clock is set back by hours, and not what was put off', async () => {
  const first = handle(async () => {
    throw new PosternError('busy', 'Busy.', { retry: 'later' });
  });
  await worker.start();
  await put('retried');
  await first();
  await onlyRow('ready');
  const scheduledAt = now + 2 * HOUR_MS;
  await put('scheduled', { runAt: scheduledAt });
  now -= 5 * HOUR_MS;
  const second = handle(async () => undefined);
  mock.timers.tick(1_000);
  assert.equal(await second(), 'retried');
  const [left] = await settled(async () => ((await rows()).length === 1 ? rows() : false));
  assert.equal(left?.run_at, scheduledAt);
});

it('takes over after the clock was set back what a node left behind that is gone', async () => {
  const ran = handle(async () => undefined);
  await put('left behind');
  await queue.claim(KIND, 'another-host:1:x', 1);
  now -= 5 * HOUR_MS;
  await worker.start();
  const [row] = await rows();
  assert.ok((row?.lease_until ?? 0) <= now + LEASE_MS, 'no lease is longer than a lease');
  now += LEASE_MS + 1;
  mock.timers.tick(1_000);
  assert.equal(await ran(), 'left behind');
});

it('aborts what runs when it is stopped, waits for it, and gives it back without counting the attempt', async () => {
  const order: string[] = [];
  const ran = handle(async (_, { signal }) => {
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    order.push('handler ended');
    throw signal.reason;
  });
  await worker.start();
  await put('job', { maxAttempts: 1 });
  await ran();
  await worker.stop();
  order.push('stopped');
  assert.deepEqual(order, ['handler ended', 'stopped']);
  const [row] = await rows();
  assert.deepEqual([row?.state, row?.attempts, row?.run_at], ['ready', 0, now]);
  await put('late');
  assert.equal((await rows()).filter(({ state }) => state === 'running').length, 0);
});

it('releases at its start the leases of dead processes on this host, and only those', async () => {
  const dead = `${hostname()}/4194305/abcd`; // above the largest process number of Linux
  const alive = `${hostname()}/${process.ppid}/abcd`;
  const elsewhere = 'another-host/4194305/abcd';
  const before = `${hostname()}/${process.pid}/abcd`; // an earlier process with our number, as in a container
  for (const owner of [dead, alive, elsewhere, before, worker.owner]) {
    await put(owner);
    await queue.claim(KIND, owner, 1);
  }
  const ran = handle(async () => undefined);
  await worker.start();
  assert.deepEqual([await ran(), await ran()].sort(), [dead, before].sort());
  await settled(async () => (await rows()).length === 3);
});

it('buries what crashed in its last attempt, and tells its room', async () => {
  await put('crasher', { maxAttempts: 1 });
  await queue.claim(KIND, `${hostname()}/4194305/abcd`, 1);
  const dead: unknown[] = [];
  handle(
    async () => assert.fail('it ran again'),
    async (...told: unknown[]) => void dead.push(told),
  );
  await worker.start();
  mock.timers.tick(LEASE_MS / 3);
  assert.match((await onlyRow('dead')).error ?? '', /process ended during the last attempt/);
  assert.equal(dead.length, 1);
});

it('goes on in a lane without waiting for a poll when the next job is of another kind', async () => {
  const done: string[] = [];
  const inLane = { lane: 'session:one' };
  worker.handle('session.turn', async () => {
    // Lasts until the looks of the start have found nothing, so that only the end of the turn can wake the action.
    for (let i = 0; i < 200; i++) await new Promise((resolve) => setImmediate(resolve));
    done.push('turn');
  });
  worker.handle('session.action', async () => void done.push('action'));
  await store.write(async (tx) => {
    await queue.enqueue(tx, 'session.turn', { turn_id: 'one' }, inLane);
    await queue.enqueue(tx, 'session.action', { turn_id: 'one', index: 0 }, inLane);
    await queue.enqueue(tx, 'session.turn', { turn_id: 'two' }, inLane);
  });
  await worker.start();
  await settled(async () => done.length === 3);
  assert.deepEqual(done, ['turn', 'action', 'turn']);
});

it('leaves workers to the other pools when one pool hangs, however much of it waits', async () => {
  const ran: string[] = [];
  const hanging = Promise.withResolvers<void>();
  worker.handle(
    KIND,
    async ({ turn_id: name }) => {
      ran.push(name);
      if (name.startsWith('hanging')) await hanging.promise;
    },
    { concurrency: 8, poolLimit: () => 2, claimAtOnce: 2 },
  );
  for (let i = 0; i < 20; i++) await put(`hanging ${i}`, { pool: 'a' });
  await put('healthy', { pool: 'b' });
  await worker.start();
  await settled(async () => ran.includes('healthy'));
  const hung = ran.filter((name) => name.startsWith('hanging')).length;
  assert.ok(hung >= 2 && hung <= 3, `${hung} of the hanging pool run`);
  hanging.resolve();
  await settled(async () => (await rows()).length === 0);
});
