// When digests fire, on a real ledger, with a clock that the test moves.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { memoryBus } from '../cluster/memory.ts';
import { type DigestDefinition, digestDefinition } from '../contracts/digest.ts';
import { JobQueue } from '../jobs/queue.ts';
import { silentLogger } from '../kernel/logger.ts';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import { MOST_MISSED } from './due.ts';
import { type FiringParts, fire, fireDue, forgetOthers } from './firings.ts';
import { pauseDigest, resumeDigest } from './pauses.ts';

const SOURCE = new URL('../', import.meta.url).href;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const LIMIT_MS = 60_000; // two processes of a loaded machine

let root: string;
let store: Store;
let parts: FiringParts;
let now: number;
let count = 0;

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'postern-digests-'));
});
after(() => rm(root, { recursive: true, force: true }));
beforeEach(async () => {
  await open(join(root, `${++count}.sqlite`));
  now = at('2026-11-20T06:00Z');
});
afterEach(() => store.close());

async function open(path: string): Promise<void> {
  const clock = { now: () => now };
  store = await openSqlite(path);
  parts = { store, clock, bus: memoryBus(clock), jobs: new JobQueue(store, clock), log: silentLogger };
}

const at = (text: string): number => Date.parse(text);
const digest = (more: object = {}): DigestDefinition =>
  digestDefinition.parse({
    name: 'news',
    cron: '0 8 * * *',
    timezone: 'UTC',
    template: 'received',
    to: ['anna@example.org'],
    ...more,
  });

/** What has fired so far, as UTC. */
async function fired(): Promise<string[]> {
  const rows = await store.db.selectFrom('digest_firings').selectAll().orderBy('scheduled_for').execute();
  const jobs = await store.db
    .selectFrom('jobs')
    .select('payload')
    .where('kind', '=', 'digest.fire')
    .execute();
  assert.equal(jobs.length, rows.length, 'each firing has its job');
  return rows.map((row) => new Date(row.scheduled_for).toISOString().slice(0, 16));
}

async function look(text: string, what = digest()): Promise<void> {
  now = at(text);
  await fireDue(parts, what);
}

describe('a digest', () => {
  it('fires once at its time, however often it is looked at', async () => {
    await look('2026-11-20T06:00Z');
    assert.deepEqual(await fired(), []);
    for (const text of [
      '2026-11-20T07:59:59Z',
      '2026-11-20T08:00Z',
      '2026-11-20T08:00Z',
      '2026-11-20T08:00:30Z',
    ])
      await look(text);
    assert.deepEqual(await fired(), ['2026-11-20T08:00']);
    await look('2026-11-21T08:00:01Z');
    assert.deepEqual(await fired(), ['2026-11-20T08:00', '2026-11-21T08:00']);
  });

  it('begins with the next time to come when it is new', async () => {
    await look('2026-11-20T08:00:01Z');
    assert.deepEqual(await fired(), []);
  });

  const MISSED: [missed: number, policy: 'skip' | 'once' | 'all', expected: (all: string[]) => string[]][] = [
    [1, 'skip', () => []],
    [3, 'skip', () => []],
    [100, 'skip', () => []],
    [1, 'once', (all) => all],
    [3, 'once', (all) => all.slice(-1)],
    [100, 'once', (all) => all.slice(-1)],
    [1, 'all', (all) => all],
    [3, 'all', (all) => all],
    [100, 'all', (all) => all],
    [MOST_MISSED + 30, 'all', (all) => all.slice(-MOST_MISSED)],
  ];
  for (const [times, missed, expected] of MISSED)
    it(`that was missed ${times} times, with missed: ${missed}, makes up for what it should`, async () => {
      await look('2026-11-20T06:00Z', digest({ missed }));
      const first = at('2026-11-20T08:00Z');
      const all = Array.from({ length: times }, (_, i) =>
        new Date(first + i * DAY_MS).toISOString().slice(0, 16),
      );
      const later = new Date(first + (times - 1) * DAY_MS + 3_600_000).toISOString();
      await look(later, digest({ missed }));
      await look(later, digest({ missed }));
      assert.deepEqual(await fired(), expected(all));
      await look(new Date(first + times * DAY_MS).toISOString(), digest({ missed }));
      assert.equal((await fired()).length, expected(all).length + 1, 'the next one comes as ever');
    });

  it('that is some seconds late was not missed', async () => {
    await look('2026-11-20T06:00Z', digest({ missed: 'skip' }));
    await look('2026-11-20T08:04Z', digest({ missed: 'skip' }));
    assert.deepEqual(await fired(), ['2026-11-20T08:00']);
  });

  it('fires once on each day on which the clocks change', async () => {
    const night = digest({ cron: '30 2 * * *', timezone: 'Europe/Zurich' });
    for (let hour = 0; hour < 72; hour++)
      await look(new Date(at('2026-03-28T00:00Z') + hour * 3_600_000).toISOString(), night);
    assert.deepEqual(await fired(), ['2026-03-28T01:30', '2026-03-29T01:00', '2026-03-30T00:30']);
    for (let minute = 0; minute < 72 * 60; minute += 30)
      await look(new Date(at('2026-10-24T12:00Z') + minute * MINUTE_MS).toISOString(), {
        ...night,
        name: 'autumn',
      });
    assert.deepEqual((await fired()).slice(3), ['2026-10-25T00:30', '2026-10-26T01:30', '2026-10-27T01:30']);
  });

  it('that is paused over a time does not make up for it', async () => {
    const all = digest({ missed: 'all' });
    await look('2026-11-20T06:00Z', all);
    await pauseDigest(parts, all, 'anna');
    for (const text of ['2026-11-20T08:00Z', '2026-11-21T09:00Z']) await look(text, all);
    await resumeDigest(parts, all);
    await look('2026-11-21T09:01Z', all);
    assert.deepEqual(await fired(), []);
    await look('2026-11-22T08:00Z', all);
    assert.deepEqual(await fired(), ['2026-11-22T08:00']);
  });

  it('that was paused while nobody looked begins with the next time, too', async () => {
    const all = digest({ missed: 'all' });
    await look('2026-11-20T06:00Z', all);
    await pauseDigest(parts, all, 'anna');
    now = at('2026-11-25T09:00Z');
    await resumeDigest(parts, all);
    await look('2026-11-25T09:01Z', all);
    assert.deepEqual(await fired(), []);
  });

  it('whose times were changed begins anew: what the old ones would have been is gone', async () => {
    await look('2026-11-20T06:00Z', digest({ missed: 'all' }));
    await look('2026-11-22T09:00Z', digest({ missed: 'all', cron: '0 10 * * *' }));
    assert.deepEqual(await fired(), []);
    await look('2026-11-22T10:00Z', digest({ missed: 'all', cron: '0 10 * * *' }));
    assert.deepEqual(await fired(), ['2026-11-22T10:00']);
  });

  it('whose time zone was changed comes by the new one, and no time comes twice', async () => {
    await look('2026-11-20T06:00Z', digest({ timezone: 'Europe/Zurich' }));
    await look('2026-11-20T07:00Z', digest({ timezone: 'Europe/Zurich' }));
    await look('2026-11-20T07:01Z', digest({ timezone: 'America/New_York' }));
    await look('2026-11-20T13:00Z', digest({ timezone: 'America/New_York' }));
    await look('2026-11-20T13:01Z', digest({ timezone: 'Europe/Zurich' }));
    await look('2026-11-21T07:00Z', digest({ timezone: 'Europe/Zurich' }));
    assert.deepEqual(await fired(), ['2026-11-20T07:00', '2026-11-20T13:00', '2026-11-21T07:00']);
  });

  it('that was taken out of the files and comes back begins anew, and is paused still where it was', async () => {
    await look('2026-11-20T06:00Z', digest({ missed: 'all' }));
    await forgetOthers(parts, ['another one']);
    await look('2026-11-25T09:00Z', digest({ missed: 'all' }));
    assert.deepEqual(await fired(), []);
    await look('2026-11-26T08:00Z', digest({ missed: 'all' }));
    assert.deepEqual(await fired(), ['2026-11-26T08:00']);
    await pauseDigest(parts, digest(), 'anna');
    await forgetOthers(parts, []);
    await look('2026-11-27T08:00Z');
    await look('2026-11-28T08:00Z');
    assert.equal((await fired()).length, 1);
  });

  it('fires once although the clock is set back over its time', async () => {
    await look('2026-11-20T06:00Z');
    await look('2026-11-20T08:00Z');
    await look('2026-11-20T07:30Z');
    await look('2026-11-20T08:00Z');
    await look('2026-11-20T08:00:10Z');
    assert.deepEqual(await fired(), ['2026-11-20T08:00']);
  });

  it('comes again after a clock that stood years ahead was set right', async () => {
    await look('2030-01-01T06:00Z');
    await look('2026-11-20T06:00Z');
    await look('2026-11-20T08:00Z');
    assert.deepEqual(await fired(), ['2026-11-20T08:00']);
  });

  it('fires after a restart what was due meanwhile', async () => {
    const path = join(root, `${count}.sqlite`);
    await look('2026-11-20T06:00Z');
    await store.close();
    await open(path);
    await look('2026-11-20T08:01Z');
    await store.close();
    await open(path);
    await look('2026-11-20T08:02Z');
    assert.deepEqual(await fired(), ['2026-11-20T08:00']);
  });

  it('runs when a person says so, once for each wish, and comes at its time all the same', async () => {
    await look('2026-11-20T06:00Z');
    for (const wish of ['a', 'a', 'b'])
      await store.write((tx) => fire(parts, tx, digest(), { scheduledFor: now, occasion: `run:${wish}` }));
    await look('2026-11-20T08:00Z');
    assert.deepEqual(await fired(), ['2026-11-20T06:00', '2026-11-20T06:00', '2026-11-20T08:00']);
  });
});

/** Looks as often as it can while the clock of both processes runs through ten days, and says when it is done. */
const racer = (path: string): string => `
  const { openSqlite } = await import('${SOURCE}store/sqlite.ts');
  const { JobQueue } = await import('${SOURCE}jobs/queue.ts');
  const { memoryBus } = await import('${SOURCE}cluster/memory.ts');
  const { fireDue } = await import('${SOURCE}digests/firings.ts');
  const { digestDefinition } = await import('${SOURCE}contracts/digest.ts');
  const { silentLogger } = await import('${SOURCE}kernel/logger.ts');
  let now = Date.parse('2026-11-20T06:00Z');
  const clock = { now: () => now };
  const store = await openSqlite(${JSON.stringify(path)});
  const parts = { store, clock, bus: memoryBus(clock), jobs: new JobQueue(store, clock), log: silentLogger };
  const digest = digestDefinition.parse({ name: 'news', cron: '*/20 * * * *', template: 'received', to: ['a@b.example'], missed: 'all' });
  await fireDue(parts, digest);
  console.log('ready');
  await new Promise((resolve) => process.stdin.once('data', resolve));
  for (let step = 0; step < 72; step++) {
    now += 20 * 60_000;
    await fireDue(parts, digest);
  }
  console.log('done');
  await store.close();
  process.stdin.destroy();`;

async function line(lines: AsyncIterator<string>): Promise<string> {
  return (await lines.next()).value as string;
}

it('two processes on one ledger fire each time once', { timeout: LIMIT_MS }, async (t) => {
  const path = join(root, `${count}.sqlite`);
  const racers = [0, 1].map((): [ChildProcess, AsyncIterator<string>] => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', racer(path)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    t.after(() => child.kill('SIGKILL'));
    return [child, createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]()];
  });
  for (const [, lines] of racers) assert.equal(await line(lines), 'ready');
  const ends = racers.map(([child]) => once(child, 'exit'));
  for (const [child] of racers) child.stdin?.write('go\n');
  await Promise.all(ends);
  const times = await fired();
  assert.equal(times.length, 72);
  assert.equal(new Set(times).size, 72);
});
