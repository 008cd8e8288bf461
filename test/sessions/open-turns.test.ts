// Webhook agents that answer 202 and work on with their token: until they have finished, or their time is over.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { finishWork } from '../../src/sessions/open-turn.ts';
import { eventually } from '../support/waiting.ts';
import { Hooks, hookAgent, openWebhookHouse, type WebhookHouse } from './webhook-house.ts';

const rulesOf = (url: string, limits = '{ time: 5m }'): string => `
agents:
${hookAgent('writer', url, limits)}
rules:
  - { name: all mail, then: [{ spawn: writer }] }
`;

async function accepted(hooks: Hooks, limits?: string): Promise<WebhookHouse> {
  await hooks.listen();
  hooks.answers('/hook', (response) => response.writeHead(202).end('accepted'));
  return openWebhookHouse(rulesOf(hooks.url('/hook'), limits));
}

const tokenOf = (hooks: Hooks, at = 0): string => hooks.requests[at]?.event.data.session.token ?? '';

const works = ({ house }: WebhookHouse) =>
  house.until(() =>
    house.store.db.selectFrom('turns').selectAll().where('works_until', 'is not', null).executeTakeFirst(),
  );

it('its token is good while it works, the next turn waits, and both end when it says that it has finished', async () => {
  await using hooks = new Hooks();
  const opened = await accepted(hooks);
  await using house = opened.house;
  await house.arrive({ id: 'first' });
  const turn = await works(opened);
  assert.equal((await house.sessions.get(turn.session_id)).state, 'running');
  await house.arrive({ id: 'second', inReplyTo: '<first@prospect.example>' });
  const principal = await house.sessions.principalOf(tokenOf(hooks));
  assert.equal(principal?.sessionId, turn.session_id);
  assert.equal(hooks.requests.length, 1, 'one turn at a time');
  await house.stopWorker();
  const clock = { now: () => Date.now() };
  const bus = { publish: () => undefined, subscribe: () => () => undefined };
  await house.store.write((tx) => finishWork({ clock, bus }, tx, turn.id));
  await house.startWorker();
  await hooks.until(() => hooks.requests.length === 2);
  assert.equal(await house.sessions.principalOf(tokenOf(hooks)), null, 'its token died with its turn');
  const [first] = await house.sessions.turns(turn.session_id);
  assert.equal(first?.state, 'done');
});

it('it is ended when its time is over', async () => {
  await using hooks = new Hooks();
  const opened = await accepted(hooks);
  await using house = opened.house;
  await house.arrive({ id: 'first' });
  await works(opened);
  house.advance(5 * 60_000 + 1);
  const session = await house.rests('done');
  assert.equal(session.error, null);
  assert.equal(await house.sessions.principalOf(tokenOf(hooks)), null);
});

it('a stop and a kill of the gateway take nothing from it: it is not asked again, and its token lives', async () => {
  await using hooks = new Hooks();
  const opened = await accepted(hooks);
  await using house = opened.house;
  await house.arrive({ id: 'first' });
  const turn = await works(opened);
  await house.stopWorker();
  assert.ok(await house.sessions.principalOf(tokenOf(hooks)), 'after a stop');
  // What a kill leaves: the job is held by a process that is gone.
  await house.store.db
    .updateTable('jobs')
    .set({ state: 'running', attempts: 1, lease_owner: 'gone', lease_until: 0 })
    .execute();
  await house.startWorker();
  const held = () =>
    house.store.db.selectFrom('jobs').select('id').where('lease_until', '>', 0).executeTakeFirst();
  await house.until(held);
  assert.ok(await house.sessions.principalOf(tokenOf(hooks)), 'after a kill');
  house.advance(5 * 60_000 + 1);
  await house.rests('done');
  assert.equal(hooks.requests.length, 1);
  assert.equal((await house.sessions.turns(turn.session_id))[0]?.state, 'done');
});

it('it may have finished before its 202 was heard: the turn ends with it', async () => {
  await using hooks = new Hooks();
  await hooks.listen();
  const { house } = await openWebhookHouse(rulesOf(hooks.url('/hook')));
  await using _ = house;
  const clock = { now: () => Date.now() };
  const bus = { publish: () => undefined, subscribe: () => () => undefined };
  hooks.answers('/hook', async (response) => {
    const { id } = await house.store.db.selectFrom('turns').select('id').executeTakeFirstOrThrow();
    await house.store.write((tx) => finishWork({ clock, bus }, tx, id));
    response.writeHead(202).end();
  });
  await house.arrive({ id: 'first' });
  await house.rests('done');
});

it('that was cancelled right before a kill is not waited for', async () => {
  await using hooks = new Hooks();
  const opened = await accepted(hooks);
  await using house = opened.house;
  await house.arrive({ id: 'first' });
  const turn = await works(opened);
  await house.stopWorker();
  await house.sessions.cancel(turn.session_id, 'anna');
  await house.startWorker();
  await eventually(async () => (await house.sessions.turns(turn.session_id))[0]?.state === 'refused');
  assert.deepEqual(await house.store.db.selectFrom('jobs').selectAll().execute(), []);
});

it('cancelling ends it at once', async () => {
  await using hooks = new Hooks();
  const opened = await accepted(hooks);
  await using house = opened.house;
  await house.arrive({ id: 'first' });
  const turn = await works(opened);
  await house.sessions.cancel(turn.session_id, 'anna');
  await eventually(async () => {
    const [ended] = await house.sessions.turns(turn.session_id);
    return ended?.state === 'refused';
  });
  assert.equal(await house.sessions.principalOf(tokenOf(hooks)), null);
});
