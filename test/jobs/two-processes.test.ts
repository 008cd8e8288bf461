// Two processes with a worker each on one ledger: every job runs once, lanes keep their order, and a killed process's
// jobs go on at once.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { JobQueue } from '../../src/jobs/queue.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';

const SOURCE = new URL('../../src/', import.meta.url).href;
const LANES = 5;
const JOBS_OF_A_LANE = 30;

describe('two workers on one ledger', () => {
  let folder: string;
  let path: string;
  let store: Store;
  let queue: JobQueue;
  const children: ChildProcess[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'postern-two-'));
    path = join(folder, 'ledger.sqlite');
    store = await openSqlite(path);
    queue = new JobQueue(store, systemClock);
  });
  afterEach(async () => {
    for (const child of children.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    }
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** A process with a worker; `handler` is the body of an async function of `name` and `say`. */
  function work(handler: string): AsyncIterator<string> & { child: ChildProcess } {
    const script = `
      const { openSqlite } = await import('${SOURCE}store/sqlite.ts');
      const { JobQueue } = await import('${SOURCE}jobs/queue.ts');
      const { JobWorker } = await import('${SOURCE}jobs/worker.ts');
      const { systemClock } = await import('${SOURCE}kernel/clock.ts');
      const { silentLogger } = await import('${SOURCE}kernel/logger.ts');
      const { writeSync } = await import('node:fs');
      const say = (text) => writeSync(1, text + '\\n');
      const store = await openSqlite(${JSON.stringify(path)});
      const worker = new JobWorker(new JobQueue(store, systemClock), systemClock, silentLogger);
      worker.handle('session.turn', async ({ turn_id: name }) => { ${handler} }, { concurrency: 3 });
      await worker.start();`;
    const child = spawn(process.execPath, ['--input-type=module', '--no-warnings', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return Object.assign(lines, { child });
  }

  it('run every job once, and the jobs of a lane in their order', async () => {
    await store.write(async (tx) => {
      for (let at = 0; at < JOBS_OF_A_LANE; at++)
        for (let lane = 0; lane < LANES; lane++)
          await queue.enqueue(tx, 'session.turn', { turn_id: `${lane}:${at}` }, { lane: `lane ${lane}` });
    });
    const file = join(folder, 'order'); // both append to it, so that it knows who was first
    const note = `(await import('node:fs')).appendFileSync(${JSON.stringify(file)}, name + '\\n'); say(name);`;
    let heard = 0;
    const both = Promise.withResolvers<void>();
    const workers = [work(note), work(note)];
    const reading = workers.map(async (lines) => {
      for (let line = await lines.next(); !line.done; line = await lines.next()) {
        heard++;
        if (heard === LANES * JOBS_OF_A_LANE) both.resolve();
      }
    });
    await Promise.race([both.promise, Promise.all(reading)]);
    const ran = (await readFile(file, 'utf8')).trim().split('\n');
    for (let lane = 0; lane < LANES; lane++) {
      const expected = Array.from({ length: JOBS_OF_A_LANE }, (_, at) => `${lane}:${at}`);
      assert.deepEqual(
        ran.filter((name) => name.startsWith(`${lane}:`)),
        expected,
      );
    }
  });

  it('go on with the jobs of one that was killed as soon as the next one starts', async () => {
    await store.write((tx) => queue.enqueue(tx, 'session.turn', { turn_id: 'job' }, { lane: 'A' }));
    await store.write((tx) => queue.enqueue(tx, 'session.turn', { turn_id: 'next' }, { lane: 'A' }));
    const first = work('say(name); await new Promise(() => setInterval(() => undefined, 1000))');
    assert.equal((await first.next()).value, 'job');
    const exit = once(first.child, 'exit');
    first.child.kill('SIGKILL');
    await exit;
    const second = work('say(name)');
    assert.equal((await second.next()).value, 'job');
    assert.equal((await second.next()).value, 'next');
  });
});
