// The attempts of a turn: tokens that die with them, failures that can be seen, stops and kills that lose nothing.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { PosternError } from '../../src/kernel/errors.ts';
import { oneAgent, openHouse } from './house.ts';

const tokensOf = (house: { events: { data: { session: { token: string } } }[] }): string[] =>
  house.events.map(({ data }) => data.session.token);

it('a token is good while its turn runs, is not stored as it is, and dies with the turn', async () => {
  await using house = await openHouse();
  const during: unknown[] = [];
  house.agent('writer', async ({ data }) => {
    const principal = await house.sessions.principalOf(data.session.token);
    const { capability, ...who } = principal ?? assert.fail();
    during.push(who, capability?.may.reply);
    return [];
  });
  await house.arrive({ id: 'first' });
  const session = await house.rests('done');
  const [token = ''] = tokensOf(house);
  assert.deepEqual(during, [
    {
      kind: 'session',
      sessionId: session.id,
      accountId: house.account.id,
      threadId: session.thread_id,
      agent: 'writer',
    },
    'approve',
  ]);
  assert.equal(await house.sessions.principalOf(token), null);
  const ledger = JSON.stringify([
    await house.store.db.selectFrom('sessions').selectAll().execute(),
    await house.store.db.selectFrom('turns').selectAll().execute(),
    await house.store.db.selectFrom('jobs').selectAll().execute(),
  ]);
  assert.ok(token.length > 40 && !ledger.includes(token.slice(4)));
});

it('a token that ran out is nobody’s, and each turn and session has another one', async () => {
  await using house = await openHouse(oneAgent('{}', '{ time: 10m }'));
  const { promise: release, resolve } = Promise.withResolvers<void>();
  house.agent('writer', async () => {
    await release;
    return [];
  });
  await house.arrive({ id: 'one' });
  await house.arrive({ id: 'two' });
  await house.until(async () => house.events.length === 2);
  const tokens = tokensOf(house);
  const owners = await Promise.all(tokens.map((token) => house.sessions.principalOf(token)));
  assert.equal(new Set(owners.map((owner) => owner?.sessionId)).size, 2);
  assert.equal(await house.sessions.principalOf('pst_'), null);
  assert.equal(await house.sessions.principalOf(`${tokens[0]}x`), null);
  assert.equal(await house.sessions.principalOf((tokens[0] ?? '').slice(4)), null);
  house.advance(11 * 60_000 + 1);
  assert.equal(await house.sessions.principalOf(tokens[0] ?? ''), null);
  resolve();
});

it('an attempt that fails for now is queued again with its reason, its token dies, and the next one succeeds', async () => {
  await using house = await openHouse();
  house.agent('writer', (_, { attempt }) => {
    if (attempt === 1)
      throw new PosternError('agent_busy', 'The agent asks to be tried again later.', {
        retry: { afterMs: 3_600_000 },
        details: { log: 'no time now' },
      });
    return [{ type: 'done', summary: 'at last' }];
  });
  await house.arrive({ id: 'first' });
  const waiting = await house.until(async () => {
    const [session] = await house.sessions.list({ limit: 1 });
    return session?.error ? session : null;
  });
  assert.deepEqual([waiting.state, waiting.error], ['queued', 'The agent asks to be tried again later.']);
  const [turn] = await house.sessions.turns(waiting.id);
  assert.deepEqual([turn?.state, turn?.error], ['queued', waiting.error]);
  assert.equal(await house.sessions.principalOf(tokensOf(house)[0] ?? ''), null);
  house.advance(3_600_001);
  const session = await house.rests('done');
  assert.deepEqual([session.error, session.summary, session.turns], [null, 'at last', 1]);
  assert.equal(new Set(tokensOf(house)).size, 2);
});

it('a turn that fails for good is a dead letter with its cause, and succeeds when it is run again', async () => {
  await using house = await openHouse();
  let mended = false;
  house.agent('writer', () => {
    if (!mended) throw new PosternError('agent_failed', 'The agent ended with exit code 3.');
    return [];
  });
  await house.arrive({ id: 'first' });
  const failed = await house.rests('failed');
  assert.equal(failed.error, 'The agent ended with exit code 3.');
  assert.equal((await house.sessions.turns(failed.id))[0]?.state, 'failed');
  const [letter] = await house.until(async () => {
    const letters = await house.jobs.deadLetters(10);
    return letters.length > 0 && letters;
  });
  assert.equal(letter?.kind, 'session.turn');
  assert.match(letter?.error ?? '', /exit code 3/);
  mended = true;
  await house.jobs.revive(letter?.id ?? '');
  assert.equal((await house.rests('done')).error, null);
});

it('an endpoint that refuses has handled the mail: its session says so, and there is no dead letter', async () => {
  await using house = await openHouse();
  house.agent('writer', () => {
    throw new PosternError('webhook_refused', 'https://hook.example answered with status 422.');
  });
  await house.arrive({ id: 'first' });
  const session = await house.rests('failed');
  const [turn] = await house.sessions.turns(session.id);
  assert.deepEqual(
    [turn?.state, turn?.error, session.error],
    [
      'refused',
      'https://hook.example answered with status 422.',
      'https://hook.example answered with status 422.',
    ],
  );
  assert.deepEqual(await house.deadLetters(), []);
});

it('an agent that is not in the rules any more is a dead letter that says so', async () => {
  await using house = await openHouse();
  await house.stopWorker();
  await house.arrive({ id: 'first' });
  house.rules('agents: {}');
  await house.startWorker();
  const session = await house.rests('failed');
  assert.match(session.error ?? '', /The agent writer is not in the rules any more/);
});

it('a stop in the middle of a turn counts for nothing: the turn runs again at once, and its draft is made once', async () => {
  await using house = await openHouse();
  house.agent('writer', ({ data }, { attempt }) => {
    if (house.events.length === 1) return new Promise(() => undefined);
    return [{ type: 'reply', text: `turn ${data.session.turn}, attempt ${attempt}` }];
  });
  await house.arrive({ id: 'first' });
  await house.until(async () => house.events.length === 1);
  await house.stopWorker();
  const [stopped] = await house.sessions.list({ limit: 1 });
  assert.deepEqual([stopped?.state, stopped?.error], ['queued', null]);
  assert.equal(await house.sessions.principalOf(tokensOf(house)[0] ?? ''), null);
  await house.startWorker();
  await house.rests('waiting-for-approval');
  const [draft, ...more] = await house.drafts.list({ limit: 9 });
  assert.match(draft?.text ?? '', /^turn 1, attempt 1/);
  assert.deepEqual(more, []);
});

it('a turn whose process was killed runs again, and is not refused for having been begun before', async () => {
  await using house = await openHouse(oneAgent('{}', '{ per_day: 1 }'));
  await house.stopWorker();
  await house.arrive({ id: 'first' });
  // What a kill leaves: the turn is running, and its job is held by a process that is gone.
  await house.store.db.updateTable('turns').set({ state: 'running', started_at: Date.now() }).execute();
  await house.store.db.updateTable('sessions').set({ state: 'running', token_hash: 'x' }).execute();
  await house.store.db
    .updateTable('jobs')
    .set({ state: 'running', attempts: 1, lease_owner: 'gone', lease_until: 0 })
    .execute();
  await house.startWorker();
  assert.equal((await house.rests('done')).error, null);
  assert.equal(house.events.length, 1);
});

it('actions that are done again after a kill make their draft once', async () => {
  await using house = await openHouse();
  house.agent('writer', () => [{ type: 'reply', text: 'once' }, { type: 'done' }]);
  await house.arrive({ id: 'first' });
  const session = await house.rests('waiting-for-approval');
  const turn = await house.store.db.selectFrom('turns').select('id').executeTakeFirstOrThrow();
  const lane = `session:${session.id}`;
  await house.store.write(async (tx) => {
    for (const index of [0, 1])
      await house.jobs.enqueue(tx, 'session.action', { turn_id: turn.id, index }, { lane });
  });
  await house.until(async () => {
    const jobs = house.store.db.selectFrom('jobs').select('id').where('kind', '=', 'session.action');
    return (await jobs.executeTakeFirst()) === undefined;
  });
  assert.equal((await house.drafts.list({ limit: 9 })).length, 1);
});
