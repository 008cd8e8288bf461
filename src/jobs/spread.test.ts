import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import { outboxPool } from './kinds.ts';
import { JobQueue } from './queue.ts';
import { behindOthers, hastenSpread, spreadDue } from './spread.ts';

const now = 1_000_000;
const clock = { now: () => now };
const pool = outboxPool('acc_1');
const spread = { kind: 'submission.send' as const, pool, from: now + 60_000, count: 3, windowMs: 10_000 };

async function withJobs(work: (store: Store, queue: JobQueue) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-spread-'));
  const store = await openSqlite(join(folder, 'ledger.db'));
  try {
    const queue = new JobQueue(store, clock);
    await store.write(async (tx) => {
      const put = (id: string, of: string, runAt: number) =>
        queue.enqueue(tx, 'submission.send', { submission_id: id }, { pool: of, runAt });
      for (let i = 1; i <= 7; i++) await put(`sub_${i}`, pool, now - 100);
      await put('sub_first', pool, now - 3_600_000);
      await put('sub_later', pool, now + 5);
      await put('sub_other', outboxPool('acc_2'), now - 100);
    });
    await work(store, queue);
  } finally {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  }
}

const timesIn = async (store: Store): Promise<Record<string, number>> => {
  const rows = await store.db.selectFrom('jobs').select(['payload', 'run_at']).orderBy('run_at').execute();
  return Object.fromEntries(
    rows.map(({ payload, run_at: at }) => [JSON.parse(payload).submission_id, at - now]),
  );
};

test('what is due of a pool comes due again in its order, so many at a time', () =>
  withJobs(async (store) => {
    await store.write((tx) => spreadDue(tx, { clock }, spread));
    assert.deepEqual(await timesIn(store), {
      sub_other: -100,
      sub_later: 5,
      ...{ sub_first: 60_001, sub_1: 60_002, sub_2: 60_003 },
      ...{ sub_3: 70_004, sub_4: 70_005, sub_5: 70_006 },
      ...{ sub_6: 80_007, sub_7: 80_008 },
    });
  }));

test('one that comes later goes behind those that wait, and one that waited already keeps its place', () =>
  withJobs(async (store) => {
    const { id } = await store.db
      .selectFrom('jobs')
      .select('id')
      .where('payload', 'like', '%sub_later%')
      .executeTakeFirstOrThrow();
    await store.write(async (tx) => {
      assert.equal(await behindOthers(tx, id, spread), spread.from, 'nobody waits yet');
      await spreadDue(tx, { clock }, spread);
      assert.equal(await behindOthers(tx, id, spread), now + 80_008 + 3_334);
      const last = await tx
        .selectFrom('jobs')
        .select('id')
        .where('payload', 'like', '%sub_7%')
        .executeTakeFirstOrThrow();
      assert.equal(await behindOthers(tx, last.id, spread), spread.from);
      await hastenSpread(tx, { clock }, pool);
    });
    const times = await timesIn(store);
    assert.deepEqual([times.sub_7, times.sub_later, times.sub_other], [0, 5, -100]);
  }));
