// A session from its mail to its end: turns in order, questions, waits, cancelling.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { eventually } from '../support/waiting.ts';
import { oneAgent, openHouse } from './house.ts';

const HOUR = 3_600_000;

it('a mail starts a session, and a draft of its agent waits for a person', async () => {
  await using house = await openHouse();
  house.agent('writer', () => [{ type: 'reply', text: 'It costs 5.' }]);
  await house.arrive({ id: 'first' });
  const session = await house.rests('waiting-for-approval');
  const [draft] = await house.drafts.list({ limit: 10 });
  assert.equal(draft?.session_id, session.id);
  assert.equal(draft?.to[0]?.address, 'ann@prospect.example');
  assert.match(draft?.text ?? '', /^It costs 5\.\n\n.*wrote:\n> What does it cost\?/s);
  assert.deepEqual(await house.store.db.selectFrom('submissions').selectAll().execute(), []);
});

it('a reply resumes the session with the next turn, and the agent sees the thread', async () => {
  await using house = await openHouse();
  house.agent('writer', () => [{ type: 'done', summary: 'read' }]);
  await house.arrive({ id: 'first', text: 'the first words' });
  assert.equal((await house.rests('done')).summary, 'read');
  await house.arrive({ id: 'second', inReplyTo: '<first@prospect.example>', text: 'the second words' });
  await house.until(async () => house.events.length === 2);
  const session = await house.rests('done');
  assert.equal(session.turns, 2);
  const [, second] = house.events;
  assert.equal(second?.data.session.turn, 2);
  assert.equal(second?.data.session.id, house.events[0]?.data.session.id);
  assert.deepEqual(
    second?.data.thread.map(({ text }) => text),
    ['the first words'],
  );
});

it('two replies at once run one after the other, and the actions of the first come before the second', async () => {
  await using house = await openHouse();
  const { promise: both, resolve: bothAreIn } = Promise.withResolvers<void>();
  const seen: string[] = [];
  house.agent('writer', async ({ data }) => {
    if (data.session.turn === 1) await both;
    const drafts = await house.drafts.list({ limit: 10 });
    seen.push(`turn ${data.session.turn} sees ${drafts.length} drafts`);
    return [{ type: 'reply', text: `answer ${data.session.turn}` }];
  });
  await house.arrive({ id: 'first' });
  await house.until(async () => house.events.length === 1);
  await house.arrive({ id: 'second', inReplyTo: '<first@prospect.example>' });
  await house.arrive({ id: 'third', inReplyTo: '<first@prospect.example>' });
  bothAreIn();
  await house.until(async () => (await house.drafts.list({ limit: 10 })).length === 3);
  assert.deepEqual(seen, ['turn 1 sees 0 drafts', 'turn 2 sees 1 drafts', 'turn 3 sees 2 drafts']);
  assert.equal((await house.rests('waiting-for-approval')).turns, 3);
});

it('a question waits for its answer, which is a new turn; it can be answered once', async () => {
  await using house = await openHouse();
  house.agent('writer', ({ type }) =>
    type === 'question.answered'
      ? [{ type: 'done', summary: 'knows' }]
      : [{ type: 'ask', question: 'May I give a discount?' }],
  );
  await house.arrive({ id: 'first' });
  const asking = await house.rests('waiting-for-answer');
  assert.equal(asking.question, 'May I give a discount?');
  const answers = await Promise.allSettled([
    house.sessions.answer(asking.id, 'yes, 5 %', 'olga'),
    house.sessions.answer(asking.id, 'no', 'paul'),
  ]);
  assert.deepEqual(answers.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  const session = await house.rests('done');
  assert.equal(session.turns, 2);
  assert.equal(session.question, null);
  const { type, data } = house.events[1] ?? assert.fail();
  assert.equal(type, 'question.answered');
  assert.equal(data.question, 'May I give a discount?');
  assert.match(data.feedback ?? '', /yes|no/);
  await assert.rejects(house.sessions.answer(asking.id, 'again', 'olga'), { code: 'session_not_asking' });
});

it('a question stays open while drafts are decided and other mail comes', async () => {
  await using house = await openHouse();
  house.agent('writer', ({ data }) =>
    data.session.turn === 1
      ? [
          { type: 'ask', question: 'Which price list?' },
          { type: 'reply', text: 'One moment.' },
        ]
      : [],
  );
  await house.arrive({ id: 'first' });
  await house.rests('waiting-for-answer');
  const draft = await house.until(async () => (await house.drafts.list({ limit: 1 }))[0]);
  await house.drafts.approve(draft.id, draft.digest, 'olga');
  await house.arrive({ id: 'second', inReplyTo: '<first@prospect.example>' });
  await house.until(async () => house.events.length === 2);
  const session = await house.rests('waiting-for-answer');
  await house.sessions.answer(session.id, 'the new one', 'olga');
  assert.equal((await house.rests('done')).turns, 3);
});

it('an agent that waits is woken when the time has come, and not before', async () => {
  await using house = await openHouse();
  const until = new Date(Date.now() + 2 * HOUR).toISOString();
  house.agent('writer', ({ type }) => (type === 'reply.overdue' ? [] : [{ type: 'wait', until }]));
  await house.arrive({ id: 'first' });
  const session = await house.rests('waiting-for-reply');
  await house.sessions.wake(session.id, Date.parse(until) - 1); // an earlier wait, given up since
  assert.equal((await house.sessions.get(session.id)).turns, 1);
  house.advance(2 * HOUR);
  await house.until(async () => house.events.length === 2);
  assert.equal(house.events[1]?.type, 'reply.overdue');
  assert.equal((await house.rests('done')).turns, 2);
});

it('a reply ends the wait: when the time comes nobody is woken', async () => {
  await using house = await openHouse();
  const until = new Date(Date.now() + 2 * HOUR).toISOString();
  house.agent('writer', ({ data }) => (data.session.turn === 1 ? [{ type: 'wait', until }] : []));
  await house.arrive({ id: 'first' });
  const session = await house.rests('waiting-for-reply');
  await house.arrive({ id: 'second', inReplyTo: '<first@prospect.example>' });
  await house.rests('done');
  await house.sessions.wake(session.id, Date.parse(until));
  assert.equal((await house.sessions.get(session.id)).turns, 2);
});

it('an agent that waits for what is over is left alone for a minute', async () => {
  await using house = await openHouse();
  house.agent('writer', () => [{ type: 'wait', until: '2001-01-01T00:00:00Z' }]);
  await house.arrive({ id: 'first' });
  await house.rests('waiting-for-reply');
  const wake = await house.store.db
    .selectFrom('jobs')
    .select('run_at')
    .where('kind', '=', 'session.wake')
    .executeTakeFirstOrThrow();
  assert.ok(wake.run_at > Date.now() + 50_000);
});

it('a cancelled session ends its agent, makes nothing of its answer, and is not woken by mail', async () => {
  await using house = await openHouse(oneAgent('{ reply: auto, recipients: any }'));
  house.agent('writer', () => new Promise(() => undefined));
  await house.arrive({ id: 'first' });
  const running = await house.rests('running');
  await house.until(async () => house.events.length === 1);
  await house.sessions.cancel(running.id, 'olga');
  await house.stopWorker();
  const [turn] = await house.sessions.turns(running.id);
  assert.deepEqual([turn?.state, turn?.error], ['refused', 'The session was cancelled.']);
  await house.startWorker();
  await house.arrive({ id: 'second', inReplyTo: '<first@prospect.example>' });
  const session = await house.sessions.get(running.id);
  assert.deepEqual([session.state, session.turns], ['cancelled', 1]);
  assert.equal(house.events.length, 1);
  assert.deepEqual(await house.drafts.list({ limit: 10 }), []);
  assert.equal(await house.sessions.principalOf(house.events[0]?.data.session.token ?? ''), null);
});

it('a rule that names an agent twice starts it once, and two agents on one mail do not wait for each other', async () => {
  await using house = await openHouse(`
agents:
  slow: { run: { command: [x] } }
  quick: { run: { command: [x] } }
rules:
  - { name: both, then: [{ spawn: slow }, { spawn: slow }, { spawn: quick }] }
`);
  const { promise: quickIsDone, resolve } = Promise.withResolvers<void>();
  house.agent('slow', async () => {
    await quickIsDone;
    return [];
  });
  house.agent('quick', () => []);
  await house.arrive({ id: 'first' });
  await house.until(async () =>
    (await house.sessions.list({ agent: 'quick', limit: 10 })).some(({ state }) => state === 'done'),
  );
  resolve();
  await house.until(async () =>
    (await house.sessions.list({ agent: 'slow', limit: 10 })).every(({ state }) => state === 'done'),
  );
  assert.equal(house.events.length, 2);
});

it('a session whose action failed for good is well again once that was run again with success', async () => {
  await using house = await openHouse();
  house.agent('writer', () => {
    house.rules('rules: []'); // gone before its answer is carried out
    return [
      { type: 'reply', text: 'Hello.' },
      { type: 'done', summary: 'answered' },
    ];
  });
  await house.arrive({ id: 'first' });
  const failed = await house.rests('failed');
  assert.match(failed.error ?? '', /not in the rules/);
  await eventually(async () => (await house.jobs.deadLetters(10)).length === 2);
  house.rules(oneAgent());
  await house.sessions.retry(failed.id);
  const session = await house.rests('waiting-for-approval');
  assert.deepEqual([session.error, session.summary], [null, 'answered']);
});
