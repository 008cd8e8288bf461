// The job of a broadcast, over a real ledger: what it does when it comes back after a kill, and how little where it waits.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { memoryBus } from '../../src/cluster/memory.ts';
import { type RunParts, registerRun } from '../../src/digests/run.ts';
import { JobQueue } from '../../src/jobs/queue.ts';
import { openSqlite } from '../../src/store/sqlite.ts';

const NOW = 1_790_000_000_000;
const clock = { now: () => NOW };

/** A broadcast of which some mails are in the outbox, and its job. */
async function openBroadcast(state: 'running' | 'cancelled', total: number, queued: number) {
  const folder = await mkdtemp(join(tmpdir(), 'postern-run-'));
  const store = await openSqlite(join(folder, 'ledger.sqlite'));
  const id = 'brd_1';
  await store.write(async (tx) => {
    await tx
      .insertInto('broadcasts')
      .values({
        ...{ id, account_id: 'acc_1', name: 'launch', digest_name: null, firing_id: null, state, total },
        ...{ digest: 'sha256:', content_object_id: 'obj_1', sample: '{}', reasons: '[]', made_by: 'anna' },
        ...{ feedback: 'Cancelled by anna.', decided_by: 'anna', decided_at: NOW, error: null },
        ...{ report_to: '[]', created_at: NOW, updated_at: NOW, started_at: NOW, ended_at: null },
      })
      .execute();
    for (let position = 0; position < queued; position++) {
      const [submission_id, address] = [`sub_${position}`, `p${position}@example.org`];
      await tx
        .insertInto('submissions')
        .values({
          ...{ id: submission_id, account_id: 'acc_1', draft_id: `drf_${position}`, session_id: null },
          ...{ answers_message_id: null, state: 'queued', message_id: `<${position}@c.example>` },
          ...{ subject: 'Hello', digest: 'sha256:', approved_by: 'anna', raw_object_id: 'obj_2' },
          ...{ envelope: JSON.stringify({ from: 'a@c.example', to: [address] }), dated_at: NOW, attempts: 0 },
          ...{ next_attempt_at: NOW, data_begun_at: null, last_error: null, created_at: NOW, sent_at: null },
          ...{ priority: 'bulk', broadcast_id: id },
        })
        .execute();
      await tx
        .insertInto('submission_recipients')
        .values({ submission_id, position: 0, address, state: 'queued', response: null })
        .execute();
      await tx
        .insertInto('broadcast_recipients')
        .values({
          broadcast_id: id,
          ...{ position, address, state: 'queued', submission_id, note: null, updated_at: NOW },
        })
        .execute();
    }
  });
  let handler: ((payload: object, context: object) => Promise<void>) | undefined;
  let loaded = 0;
  const jobs = new JobQueue(store, clock);
  registerRun({
    ...{ store, jobs, clock, bus: memoryBus(clock) },
    worker: {
      handle: (_kind: string, given: typeof handler) => {
        handler = given;
      },
    },
    blobs: { load: async () => Promise.reject(new Error(`read ${++loaded}`)) },
  } as unknown as RunParts);
  let putOff = 0;
  const context = { id: 'job_1', signal: new AbortController().signal, putOff: async () => void putOff++ };
  return {
    store,
    loaded: () => loaded,
    putOff: () => putOff,
    run: () => handler?.({ broadcast_id: id }, context),
    [Symbol.asyncDispose]: async () => {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

it('takes back what a cancel left in the outbox that was killed in the middle', async () => {
  await using broadcast = await openBroadcast('cancelled', 200, 120);
  await broadcast.run();
  const rows = await broadcast.store.db.selectFrom('submissions').select(['state', 'last_error']).execute();
  const told = rows.map(({ state, last_error: why }) => `${state}: ${why}`);
  assert.deepEqual(told, Array(120).fill('cancelled: The broadcast was cancelled. Cancelled by anna.'));
  const { db } = broadcast.store;
  const states = await db.selectFrom('broadcast_recipients').select('state').distinct().execute();
  assert.deepEqual(
    states.map(({ state }) => state),
    ['cancelled'],
  );
});

it('reads nothing of what was approved, and gives its place to others, while the outbox has enough of it', async () => {
  await using broadcast = await openBroadcast('running', 10_000, 400);
  await broadcast.run();
  assert.deepEqual([broadcast.loaded(), broadcast.putOff()], [0, 1]);
});
