// What a person let go can be taken back within the undo window, and its words wait for a person again where that is wanted.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { DraftView } from '../../src/contracts/draft.ts';
import { Submissions } from '../../src/outbound/submissions.ts';
import { type House, openHouse } from '../sessions/house.ts';

async function approved(undoSeconds: number): Promise<[House, Submissions, DraftView, string]> {
  const house = await openHouse();
  house.account.settings.undo_seconds = undoSeconds;
  house.agent('writer', () => [{ type: 'reply', text: 'It costs 5.' }]);
  await house.arrive({ id: 'first' });
  await house.rests('waiting-for-approval');
  const [draft] = await house.drafts.list({ limit: 1 });
  const { submission_id } = await house.drafts.approve(draft?.id ?? '', draft?.digest ?? '', 'olga');
  const { store, jobs, clock, bus, drafts, account } = house;
  const reopening = { drafts, accounts: { get: async () => account } };
  const submissions = new Submissions(store, jobs, clock, bus, reopening);
  return [house, submissions, draft as DraftView, submission_id];
}

it('an approval leaves when the undo window is over', async () => {
  const [house, submissions, , id] = await approved(20);
  await using _ = house;
  const view = await submissions.get(id);
  const wait = (view.send_at ?? 0) - view.created_at;
  assert.ok(wait > 19_000 && wait <= 20_000, `it waits ${wait} ms`);
  assert.match(view.waits_for ?? '', /^It leaves at its time/);
  assert.equal(view.priority, 'person');
  const job = await house.store.db
    .selectFrom('jobs')
    .select('run_at')
    .where('kind', '=', 'submission.send')
    .executeTakeFirstOrThrow();
  assert.equal(job.run_at, view.send_at);
});

it('without a window it leaves at once', async () => {
  const [house, submissions, , id] = await approved(0);
  await using _ = house;
  const view = await submissions.get(id);
  assert.deepEqual([view.send_at, view.waits_for], [null, null]);
});

it('a cancelled mail waits as a draft again, is approved anew and makes another submission', async () => {
  const [house, submissions, draft, id] = await approved(20);
  await using _ = house;
  const cancelled = await submissions.cancel(id, 'olga', { reopen: true });
  assert.equal(cancelled.state, 'cancelled');
  await house.rests('waiting-for-approval');
  const again = await house.drafts.get(cancelled.reopened_draft_id ?? '');
  assert.deepEqual([again.text, again.to, again.in_reply_to], [draft.text, draft.to, draft.in_reply_to]);
  assert.notEqual(again.message_id, draft.message_id);
  assert.deepEqual([again.state, again.reasons], ['waiting', ['Its sending was cancelled by olga.']]);
  const { submission_id: next } = await house.drafts.approve(again.id, again.digest, 'olga');
  assert.notEqual(next, id);
  await assert.rejects(submissions.cancel(id, 'olga', { reopen: true }), {
    code: 'submission_not_cancellable',
  });
  assert.equal((await house.drafts.list({ state: 'waiting', limit: 9 })).length, 0);
});
