import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { RuleAction } from '../contracts/rule.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Tx } from '../store/store.ts';
import type { Arrival } from '../watch/arrival.ts';
import { MailboxChanges } from './mailbox-changes.ts';

/** The jobs that come of actions, in order. */
async function jobsOf(...actions: RuleAction[]): Promise<unknown[]> {
  const jobs: unknown[] = [];
  const queue = {
    enqueue: async (_tx: Tx, kind: string, { message_id: _, ...payload }: { message_id: string }) =>
      void jobs.push([kind, payload]),
  } as unknown as JobQueue;
  const changes = new MailboxChanges();
  for (const action of actions) changes.add(action);
  await changes.enqueue({} as Tx, queue, { id: 'msg_1', account: { id: 'acc_1' } } as Arrival);
  return jobs;
}

it('makes one job of all flags, in front of the move, which the first rule decides', async () => {
  const jobs = await jobsOf(
    { move: { mailbox: 'A', create: false } },
    { label: 'L' },
    { mark_seen: true },
    { move: { mailbox: 'B', create: true } },
    { flag: { add: ['\\Flagged'], remove: ['$Old'] } },
  );
  assert.deepEqual(jobs, [
    ['message.flag', { add: ['L', '\\Seen', '\\Flagged'], remove: ['$Old'] }],
    ['message.move', { mailbox: 'A', create: false }],
  ]);
});

it('goes by the last word about a flag, and does nothing for nothing', async () => {
  assert.deepEqual(await jobsOf({ mark_seen: true }, { flag: { add: [], remove: ['\\Seen'] } }), [
    ['message.flag', { add: [], remove: ['\\Seen'] }],
  ]);
  assert.deepEqual(await jobsOf({ stop: true }, { spawn: 'writer' }), []);
});
