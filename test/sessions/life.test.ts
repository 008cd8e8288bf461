// How far a session goes: a session per message, limits of turns and money, and newer mail while a draft waits.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { oneAgent, openHouse } from './house.ts';

const perMessage = `
agents:
  writer: { run: { command: [x] }, session: per-message }
rules:
  - { name: all mail, then: [{ spawn: writer }] }
`;

it('per message: each mail of a thread has a session of its own, and is decided on by itself', async () => {
  await using house = await openHouse(perMessage);
  house.agent('writer', ({ data }) => [{ type: 'done', summary: data.message.text }]);
  await house.arrive({ id: 'first', text: 'one' });
  await house.rests('done');
  await house.arrive({ id: 'second', text: 'two', inReplyTo: '<first@prospect.example>' });
  const done = await house.until(async () => {
    const sessions = await house.sessions.list({ limit: 9, state: 'done' });
    return sessions.length === 2 && sessions;
  });
  assert.deepEqual(
    done.map(({ summary, turns }) => [summary, turns]),
    [
      ['two', 1],
      ['one', 1],
    ],
  );
  assert.equal(done[0]?.thread_id, done[1]?.thread_id);
});

it('a session that has had its turns ends as failed with the reason, and its agent is not run', async () => {
  await using house = await openHouse(oneAgent('{}', '{ turns: 2, per_sender: 99/1h }'));
  house.agent('writer', () => []);
  await house.arrive({ id: 'first' });
  for (const id of ['second', 'third']) {
    await house.rests('done');
    await house.arrive({ id, inReplyTo: '<first@prospect.example>' });
  }
  const session = await house.rests('failed');
  assert.equal(session.error, 'The session has had 2 turns, as many as it may.');
  assert.equal(house.events.length, 2);
  assert.deepEqual(
    (await house.sessions.turns(session.id)).map(({ state }) => state),
    ['done', 'done', 'refused'],
  );
  const [last] = (await house.sessions.record(session.id, { limit: 99 })).slice(-1);
  assert.deepEqual([last?.kind, last?.data.code], ['refused', 'session_turns']);
  assert.deepEqual(await house.deadLetters(), []);
});

it('a session that has cost what it may have no further turn', async () => {
  await using house = await openHouse(oneAgent('{}', '{ cost: 0.5 }'));
  house.agent('writer', async ({ data }) => {
    // As a model's turn counts what it uses.
    await house.store.db
      .updateTable('sessions')
      .set({ cost_micros: 500_000 })
      .where('id', '=', data.session.id)
      .execute();
    return [];
  });
  await house.arrive({ id: 'first' });
  await house.rests('done');
  await house.arrive({ id: 'second', inReplyTo: '<first@prospect.example>' });
  const session = await house.rests('failed');
  assert.equal(session.error, 'The session has cost 0.50, and may cost 0.5.');
  assert.equal(house.events.length, 1);
});

it('a reply that comes while a draft waits has its turn; the draft stays as the person left it, and says what came', async () => {
  await using house = await openHouse();
  house.agent('writer', ({ data }) => [{ type: 'reply', text: `Answer ${data.session.turn}.` }]);
  await house.arrive({ id: 'first' });
  await house.rests('waiting-for-approval');
  const [draft] = await house.drafts.list({ limit: 9 });
  assert.ok(draft);
  const before = draft.reasons.length;
  const edited = await house.drafts.edit(draft.id, { text: 'A person wrote this.' }, 'olga', 1);
  await house.arrive({ id: 'second', inReplyTo: '<first@prospect.example>' });
  const drafts = await house.until(async () => {
    const all = await house.drafts.list({ limit: 9, state: 'waiting' });
    return all.length === 2 && all;
  });
  const [newer, older] = drafts;
  assert.deepEqual([older?.version, older?.digest], [2, edited.digest]);
  assert.match(older?.text ?? '', /^A person wrote this/);
  assert.equal(older?.reasons.length, before + 1);
  assert.match(older?.reasons.at(-1) ?? '', /A newer mail came/);
  assert.equal(newer?.reasons.length, before);
  assert.match(newer?.text ?? '', /^Answer 2/);
  // What the person saw may leave all the same: it is for them to say.
  await house.drafts.approve(edited.id, edited.digest, 'olga');
  const [left] = await house.drafts.list({ limit: 9, state: 'approved' });
  assert.equal(left?.reasons.length, before);
});
