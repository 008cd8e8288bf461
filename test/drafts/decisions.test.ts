// What people decide about drafts, alone and at once, and what no tampering with the ledger can make of it.
import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { it } from 'node:test';
import type { DraftView } from '../../src/contracts/draft.ts';
import { type House, oneAgent, openHouse, VOUCHED } from '../sessions/house.ts';

/** A house with a draft that waits. */
async function withDraft(): Promise<[House, DraftView]> {
  const house = await openHouse();
  house.agent('writer', ({ data }) =>
    data.session.turn < 3
      ? [{ type: 'reply', text: `version ${data.session.turn}`, html: '<p>It costs 5.</p>' }]
      : [],
  );
  await house.arrive({ id: 'first' });
  await house.rests('waiting-for-approval');
  const [draft] = await house.drafts.list({ limit: 1 });
  return [house, draft as DraftView];
}

const submissionsOf = (house: House) => house.store.db.selectFrom('submissions').selectAll().execute();
const outcomes = (settled: PromiseSettledResult<unknown>[]): string[] =>
  settled.map((one) => (one.status === 'fulfilled' ? 'done' : (one.reason as { code: string }).code)).sort();

it('an approval releases the bytes that were shown, to the recipients that were shown, and ends the session', async () => {
  const [house, draft] = await withDraft();
  await using _ = house;
  const raw = await text(await house.drafts.raw(draft.id));
  const { submission_id: id } = await house.drafts.approve(draft.id, draft.digest, 'olga');
  const [submission, ...more] = await submissionsOf(house);
  assert.deepEqual(more, []);
  assert.partialDeepStrictEqual(
    { ...submission },
    { id, state: 'queued', approved_by: 'olga', digest: draft.digest },
  );
  assert.deepEqual(JSON.parse(submission?.envelope ?? ''), {
    from: 'sales@company.example',
    to: ['ann@prospect.example'],
  });
  assert.doesNotMatch(raw, /^Date:/m);
  assert.equal((await house.rests('done')).turns, 1);
  await assert.rejects(house.drafts.approve(draft.id, draft.digest, 'paul'), { code: 'draft_not_waiting' });
  await assert.rejects(house.drafts.edit(draft.id, { text: 'x' }, 'paul'), { code: 'draft_not_waiting' });
  await assert.rejects(house.drafts.reject(draft.id, null, 'paul'), { code: 'draft_not_waiting' });
});

it('of two who approve at once one does, and there is one submission', async () => {
  const [house, draft] = await withDraft();
  await using _ = house;
  const people = ['olga', 'paul', 'quentin'];
  const settled = await Promise.allSettled(
    people.map((by) => house.drafts.approve(draft.id, draft.digest, by)),
  );
  assert.deepEqual(outcomes(settled), ['done', 'draft_not_waiting', 'draft_not_waiting']);
  assert.equal((await submissionsOf(house)).length, 1);
});

it('of an approval and a rejection at once one counts', async () => {
  const [house, draft] = await withDraft();
  await using _ = house;
  const settled = await Promise.allSettled([
    house.drafts.approve(draft.id, draft.digest, 'olga'),
    house.drafts.reject(draft.id, null, 'paul'),
  ]);
  assert.deepEqual(outcomes(settled), ['done', 'draft_not_waiting']);
  const { state } = await house.drafts.get(draft.id);
  assert.equal((await submissionsOf(house)).length, state === 'approved' ? 1 : 0);
});

it('an approval that meets an edit never releases what the approver has not seen', async () => {
  const [house, draft] = await withDraft();
  await using _ = house;
  const settled = await Promise.allSettled([
    house.drafts.edit(draft.id, { text: 'Something else.' }, 'paul'),
    house.drafts.approve(draft.id, draft.digest, 'olga'),
  ]);
  assert.equal(settled.filter(({ status }) => status === 'fulfilled').length, 1);
  const [submission] = await submissionsOf(house);
  if (submission) assert.equal(submission.digest, draft.digest);
  else
    await assert.rejects(house.drafts.approve(draft.id, draft.digest, 'olga'), {
      code: 'draft_digest_mismatch',
    });
});

it('of two who edit the same version at once one does, and the other is told', async () => {
  const [house, draft] = await withDraft();
  await using _ = house;
  const settled = await Promise.allSettled(
    ['A', 'B'].map((text) => house.drafts.edit(draft.id, { text }, 'olga', draft.version)),
  );
  assert.deepEqual(outcomes(settled), ['done', 'draft_version_mismatch']);
  assert.equal((await house.drafts.get(draft.id)).version, 2);
});

it('an edit makes a version with another digest; an edit of the text drops the HTML that says otherwise', async () => {
  const [house, draft] = await withDraft();
  await using _ = house;
  assert.notEqual(draft.html, null);
  const renamed = await house.drafts.edit(draft.id, { subject: 'Your quote' }, 'olga');
  assert.equal(renamed.html, draft.html);
  const edited = await house.drafts.edit(draft.id, { text: 'It costs 6.' }, 'olga');
  assert.deepEqual([edited.version, edited.html, edited.text], [3, null, 'It costs 6.']);
  assert.equal(new Set([draft, renamed, edited].map(({ digest }) => digest)).size, 3);
  for (const { digest } of [draft, renamed])
    await assert.rejects(house.drafts.approve(draft.id, digest, 'olga'), { code: 'draft_digest_mismatch' });
  assert.doesNotMatch(await text(await house.drafts.raw(draft.id)), /costs 5/);
});

it('an edit stays as it is when the session goes on: the agent makes a draft beside it', async () => {
  const [house, draft] = await withDraft();
  await using _ = house;
  const edited = await house.drafts.edit(draft.id, { text: 'As I want it.' }, 'olga');
  await house.arrive({ id: 'second', inReplyTo: '<first@prospect.example>' });
  await house.until(async () => (await house.drafts.list({ state: 'waiting', limit: 9 })).length === 2);
  const { reasons, ...left } = await house.drafts.get(draft.id);
  const { reasons: before, ...was } = edited;
  assert.deepEqual(left, was);
  assert.match(reasons.slice(before.length).join(), /^A newer mail came to the conversation/);
  await house.drafts.approve(edited.id, edited.digest, 'olga');
  assert.equal((await house.rests('waiting-for-approval')).turns, 2);
});

it('a rejection with feedback gives the agent a turn with it, and one without ends the session', async () => {
  const [house, draft] = await withDraft();
  await using _ = house;
  await house.drafts.reject(draft.id, 'give 10 %', 'olga');
  await house.until(async () => house.events.length === 2);
  const { type, data } = house.events[1] ?? assert.fail();
  assert.deepEqual([type, data.feedback, data.draft_id], ['draft.rejected', 'give 10 %', draft.id]);
  assert.equal(data.message.id, house.events[0]?.data.message.id);
  const better = await house.until(async () => (await house.drafts.list({ state: 'waiting', limit: 9 }))[0]);
  await house.drafts.reject(better.id, null, 'olga');
  assert.equal((await house.rests('done')).turns, 2);
  assert.deepEqual(await submissionsOf(house), []);
});

it('feedback on the draft of a cancelled session wakes nobody', async () => {
  const [house, draft] = await withDraft();
  await using _ = house;
  await house.sessions.cancel(draft.session_id ?? '', 'olga');
  assert.equal((await house.drafts.reject(draft.id, 'again', 'olga')).state, 'rejected');
  assert.equal((await house.sessions.get(draft.session_id ?? '')).turns, 1);
});

it('a draft whose recipients, bytes or digest were changed in the ledger is not released', async () => {
  const [house, draft] = await withDraft();
  await using _ = house;
  const { db } = house.store;
  const version = await db.selectFrom('draft_versions').selectAll().executeTakeFirstOrThrow();
  const damaged = { code: 'draft_damaged' };
  const approve = () => house.drafts.approve(draft.id, draft.digest, 'olga');

  const envelope = JSON.stringify({ from: 'sales@company.example', to: ['eve@evil.example'] });
  await db.updateTable('draft_versions').set({ envelope }).execute();
  await assert.rejects(approve(), damaged);
  await db.updateTable('draft_versions').set({ envelope: version.envelope }).execute();

  const bytes = Buffer.from((await text(await house.drafts.raw(draft.id))).replace('version 1', 'version 2'));
  const object = await db
    .selectFrom('objects')
    .selectAll()
    .where('id', '=', version.raw_object_id)
    .executeTakeFirstOrThrow();
  await db.updateTable('objects').set({ bytes }).where('id', '=', object.id).execute();
  await assert.rejects(approve(), damaged);
  await db.updateTable('objects').set({ bytes: object.bytes }).where('id', '=', object.id).execute();

  await db
    .updateTable('drafts')
    .set({ digest: `sha256:${'0'.repeat(64)}` })
    .execute();
  await assert.rejects(approve(), { code: 'draft_digest_mismatch' });
  await assert.rejects(house.drafts.approve(draft.id, `sha256:${'0'.repeat(64)}`, 'olga'), damaged);
  assert.deepEqual(await submissionsOf(house), []);

  await db.updateTable('drafts').set({ digest: draft.digest }).execute();
  await approve();
  assert.equal((await submissionsOf(house)).length, 1);
});

it('only a vouched mail is answered automatically; any other answer waits and says why', async () => {
  await using house = await openHouse(oneAgent('{ reply: auto }'));
  house.agent('writer', () => [{ type: 'reply', text: 'At once.' }]);
  await house.arrive({ id: 'forged' });
  await house.rests('waiting-for-approval');
  const [held] = await house.drafts.list({ limit: 1 });
  assert.match(held?.reasons.join() ?? '', /not verified/);
  assert.deepEqual(await submissionsOf(house), []);

  await house.arrive({ id: 'vouched', headers: [VOUCHED] });
  await house.until(async () => (await house.sessions.list({ state: 'done', limit: 9 })).length === 1);
  const [sent] = await submissionsOf(house);
  assert.equal(sent?.approved_by, 'policy:writer');

  // A forged mail in the thread: from now on the agent has read what nobody vouches for.
  await house.arrive({ id: 'joins', from: 'eve@evil.example', inReplyTo: '<vouched@prospect.example>' });
  await house.until(async () => (await house.drafts.list({ state: 'waiting', limit: 9 })).length === 2);
  await house.arrive({ id: 'vouched-2', headers: [VOUCHED], inReplyTo: '<vouched@prospect.example>' });
  await house.until(async () => (await house.drafts.list({ state: 'waiting', limit: 9 })).length === 3);
  assert.equal((await submissionsOf(house)).length, 1);
});
