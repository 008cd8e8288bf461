// Where floods, loops and slow agents end: caps, mail that no machine may answer, a share of the workers for each agent.
import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { it } from 'node:test';
import { accountNamed, oneAgent, openHouse, VOUCHED } from './house.ts';

const AUTO = '{ reply: auto, recipients: any }';

it('the sixth mail of a sender within the hour is refused, and its session says why', async () => {
  await using house = await openHouse();
  for (let i = 1; i <= 6; i++) await house.arrive({ id: `mail-${i}`, from: 'Ann <ANN@prospect.example>' });
  const refused = await house.until(
    async () => (await house.sessions.list({ state: 'failed', limit: 9 }))[0],
  );
  assert.equal(refused.error, 'ann@prospect.example woke the agent writer more often than 5/1h.');
  const [turn] = await house.sessions.turns(refused.id);
  assert.deepEqual([turn?.state, turn?.error], ['refused', refused.error]);
  await house.until(async () => (await house.sessions.list({ state: 'done', limit: 9 })).length === 5);
  assert.equal(house.events.length, 5);
  assert.deepEqual(await house.deadLetters(), []);

  await house.arrive({ id: 'of-another', from: 'bob@prospect.example' });
  await house.until(async () => house.events.length === 6);
  house.advance(3_600_001);
  await house.arrive({ id: 'an-hour-later' });
  await house.until(async () => house.events.length === 7);
});

it('an agent is not woken more often a day than its limit, whoever writes', async () => {
  await using house = await openHouse(oneAgent('{}', '{ per_day: 3 }'));
  for (let i = 1; i <= 4; i++) await house.arrive({ id: `mail-${i}`, from: `p${i}@prospect.example` });
  const refused = await house.until(
    async () => (await house.sessions.list({ state: 'failed', limit: 9 }))[0],
  );
  assert.equal(refused.error, 'The agent writer was woken 3 times within a day.');
  await house.until(async () => (await house.sessions.list({ state: 'done', limit: 9 })).length === 3);
  assert.equal(house.events.length, 3);
});

const silent: [what: string, headers: string[], from: string | undefined, reason: RegExp][] = [
  ['mail of the account itself', [], 'sales@company.example', /address of this account/],
  ['a bounce', ['Return-Path: <>'], undefined, /Return-Path/],
  ['a vacation reply', ['Auto-Submitted: auto-replied'], undefined, /Auto-Submitted/],
  [
    'mail of a list',
    ['List-Id: <dev.lists.example>'],
    undefined,
    /list-id; a rule that says `kind: list` would/,
  ],
];
for (const [what, headers, from, reason] of silent) {
  it(`${what} starts no session, and the message says why`, async () => {
    await using house = await openHouse();
    await house.arrive({ id: 'machine', headers, ...(from ? { from } : {}) });
    const [message] = await house.messages.list({ limit: 1 });
    const { decisions } = await house.messages.get(message?.id ?? '');
    assert.deepEqual(message?.decisions, decisions);
    assert.equal(decisions.length, 1);
    assert.equal(decisions[0]?.rule, 'all mail');
    assert.match(decisions[0]?.suppressed ?? '', reason);
    assert.deepEqual(await house.sessions.list({ limit: 1 }), []);
  });
}

const unanswered: [what: string, header: string, when: string][] = [
  [
    'list mail, for which its rule asks by its kind,',
    'List-Id: <dev.lists.example>',
    '{ kind: [list, bulk] }',
  ],
  [
    'list mail, for which its rule asks by its list,',
    'List-Id: <dev.lists.example>',
    '{ list_id: "*.lists.example" }',
  ],
  ['a bounce, for which its rule asks,', 'Return-Path: <>', '{ any: [{ kind: bounce }] }'],
  ['bulk mail', 'Precedence: bulk', '{}'],
  ['generated mail', 'Auto-Submitted: auto-generated', '{}'],
];
for (const [what, header, when] of unanswered) {
  it(`${what} reaches its agent, whose reply is refused and whose other actions are done`, async () => {
    const rules = oneAgent(AUTO).replace('name: all mail,', `name: all mail, when: ${when},`);
    await using house = await openHouse(rules);
    house.agent('writer', () => [
      { type: 'reply', text: 'Thank you!' },
      { type: 'label', label: 'Seen/By-Agent' },
      { type: 'done', summary: 'filed' },
    ]);
    await house.arrive({ id: 'machine', headers: [header, VOUCHED] });
    const session = await house.rests('done');
    const [turn] = await house.sessions.turns(session.id);
    assert.deepEqual(
      turn?.refusals.map(({ action }) => action),
      ['reply'],
    );
    assert.match(turn?.refusals[0]?.reason ?? '', /^the mail is not to be answered by a machine: /);
    assert.equal(session.summary, 'filed');
    assert.deepEqual(await house.drafts.list({ limit: 1 }), []);
    const labels = await house.store.db
      .selectFrom('jobs')
      .select('kind')
      .where('kind', '=', 'message.flag')
      .execute();
    assert.equal(labels.length, 1);
  });
}

it('an automatic answer says that it is one, and another account of the gateway does not answer it', async () => {
  await using house = await openHouse(oneAgent(AUTO));
  house.agent('writer', () => [{ type: 'reply', text: 'An answer.' }]);
  await house.arrive({ id: 'first', headers: [VOUCHED] });
  await house.rests('done');
  const sent = await house.store.db.selectFrom('submissions').selectAll().executeTakeFirstOrThrow();
  const [draft] = await house.drafts.list({ limit: 1 });
  assert.match(await text(await house.drafts.raw(draft?.id ?? '')), /^Auto-Submitted: auto-replied\r$/m);

  const support = accountNamed('support');
  const id = sent.message_id;
  await house.arrive({ id: 'copy', account: support, headers: [`Message-ID: ${id}`, VOUCHED] });
  const [copy] = await house.messages.list({ account: support.id, limit: 1 });
  assert.equal(copy?.kind, 'own');
  assert.match(copy?.decisions[0]?.suppressed ?? '', /Message-ID was given by this Postern/);
  assert.equal((await house.sessions.list({ limit: 9 })).length, 1);
});

it('an agent with all its turns taken holds up no other, and none of its own is lost', async () => {
  await using house = await openHouse(`
agents:
  slow: { run: { command: [x] }, limits: { concurrency: 2, per_sender: 500/1h } }
  quick: { run: { command: [x] } }
rules:
  - { name: slow ones, when: { subject: slow }, then: [{ spawn: slow }] }
  - { name: quick ones, when: { subject: quick }, then: [{ spawn: quick }] }
`);
  let running = 0;
  let most = 0;
  const { promise: release, resolve } = Promise.withResolvers<void>();
  house.agent('slow', async () => {
    most = Math.max(most, ++running);
    await release;
    running--;
    return [];
  });
  for (let i = 1; i <= 30; i++) await house.arrive({ id: `slow-${i}`, subject: 'slow' });
  await house.arrive({ id: 'quick', subject: 'quick' });
  await house.until(async () =>
    (await house.sessions.list({ agent: 'quick', limit: 1 })).some(({ state }) => state === 'done'),
  );
  assert.equal(running, 2);
  const waiting = await house.store.db
    .selectFrom('jobs')
    .select(['attempts', 'state'])
    .where('state', '=', 'ready')
    .execute();
  assert.deepEqual([waiting.length, ...new Set(waiting.map(({ attempts }) => attempts))], [28, 0]);
  resolve();
  await house.until(
    async () => (await house.sessions.list({ agent: 'slow', state: 'done', limit: 99 })).length === 30,
  );
  assert.equal(most, 2);
});
