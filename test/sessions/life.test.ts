// How far a session goes: a session per message, limits of turns and money, and newer mail while a draft waits.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { withdrawDrafts } from '../../src/drafts/draft-record.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { compileRules } from '../../src/rules/compile.ts';
import { expireSessions } from '../../src/sessions/expiry.ts';
import { type House, oneAgent, openHouse } from './house.ts';

const DAY = 86_400_000;

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

const expire = (house: House, yaml = oneAgent()): Promise<number> =>
  expireSessions({
    store: house.store,
    clock: house.clock,
    bus: house.bus,
    log: silentLogger,
    rules: () => compileRules([{ name: 'rules.yaml', text: yaml }]),
    withdraw: (tx, id, reason) => withdrawDrafts(house, tx, id, reason),
  });

it('a session that waits for too long expires: its draft is withdrawn, and the next mail begins another', async () => {
  await using house = await openHouse();
  house.agent('writer', ({ data }) => [{ type: 'reply', text: `Answer to ${data.message.text}.` }]);
  await house.arrive({ id: 'first', text: 'one' });
  const old = await house.rests('waiting-for-approval');
  const [draft] = await house.drafts.list({ limit: 9 });
  house.advance(30 * DAY - 60_000);
  assert.equal(await expire(house), 0);
  house.advance(60_001);
  assert.equal(await expire(house), 1);
  assert.equal(await expire(house), 0);
  const gone = await house.sessions.get(old.id);
  assert.deepEqual(
    [gone.state, gone.error],
    ['expired', 'The session waited for longer than 30d and has expired.'],
  );
  const withdrawn = await house.drafts.get(draft?.id ?? '');
  assert.deepEqual([withdrawn.state, withdrawn.feedback], ['withdrawn', gone.error]);
  await assert.rejects(house.drafts.approve(withdrawn.id, withdrawn.digest, 'olga'), {
    code: 'draft_not_waiting',
  });
  await house.arrive({ id: 'second', text: 'two', inReplyTo: '<first@prospect.example>' });
  const fresh = await house.rests('waiting-for-approval');
  assert.notEqual(fresh.id, old.id);
  assert.deepEqual([fresh.thread_id, fresh.turns], [old.thread_id, 1]);
  assert.deepEqual(await house.sessions.get(old.id), gone);
  const [last] = (await house.sessions.record(old.id, { limit: 99 })).slice(-1);
  assert.deepEqual([last?.kind, last?.data.was], ['expired', 'waiting-for-approval']);
});

it('a session that was asked or waits for a reply expires too, and is not woken after', async () => {
  const yaml = oneAgent('{}', '{ session: 2d }');
  await using house = await openHouse(yaml);
  const until = new Date(Date.now() + 3 * DAY).toISOString();
  house.agent('writer', ({ data }) =>
    data.message.text === 'wait' ? [{ type: 'wait', until }] : [{ type: 'ask', question: 'May I?' }],
  );
  await house.arrive({ id: 'first', text: 'wait' });
  await house.rests('waiting-for-reply');
  await house.arrive({ id: 'second', text: 'ask' });
  const asking = await house.rests('waiting-for-answer');
  house.advance(2 * DAY + 1);
  assert.equal(await expire(house, yaml), 2);
  await assert.rejects(house.sessions.answer(asking.id, 'yes', 'olga'), { code: 'session_not_asking' });
  house.advance(2 * DAY);
  for (const { id } of await house.sessions.list({ limit: 9 }))
    await house.sessions.wake(id, Date.parse(until));
  const states = (await house.sessions.list({ limit: 9 })).map(({ state, turns }) => [state, turns]);
  assert.deepEqual(states, [
    ['expired', 1],
    ['expired', 1],
  ]);
  assert.equal(house.events.length, 2);
});

it('a session that is done does not expire: a reply resumes it after months', async () => {
  await using house = await openHouse();
  house.agent('writer', () => []);
  await house.arrive({ id: 'first' });
  const session = await house.rests('done');
  house.advance(90 * DAY);
  assert.equal(await expire(house), 0);
  await house.arrive({ id: 'second', inReplyTo: '<first@prospect.example>' });
  await house.until(async () => house.events.length === 2);
  assert.deepEqual((await house.rests('done')).id, session.id);
});
