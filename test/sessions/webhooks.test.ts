// Webhooks under trouble: endpoints that hang, that fail, that are gone; each holds up itself alone, and everything ends.
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { it } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { eventually } from '../support/waiting.ts';
import { Hooks, hookAgent, openWebhookHouse, type Request, SECRET } from './webhook-house.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const WAITS = [
  ...[5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR],
  ...[10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR],
];
const MAILS = 10;
const FREE = '{ time: 20m, per_sender: 1000/1h, per_day: 1000, concurrency: 4 }';

const names = (kind: string, count: number): string[] =>
  Array.from({ length: count }, (_, at) => `${kind}-${at + 1}`);

/** What jobs come to is told to nobody: it is looked for until it is there. */
async function polled<T>(look: () => Promise<T | null | false>): Promise<T> {
  let found: T | null | false = null;
  await eventually(async () => {
    found = await look();
    return found !== null && found !== false;
  });
  return found as T;
}

it('100 webhooks to 10 endpoints, of which 3 hang and 2 answer 500: none waits for another, and all end', async () => {
  await using hooks = new Hooks();
  await hooks.listen();
  const healthy = names('healthy', 5);
  const hanging = names('hanging', 3);
  const failing = names('failing', 2);
  const all = [...healthy, ...hanging, ...failing];
  const { house } = await openWebhookHouse(`
agents:
${all.map((name) => hookAgent(name, hooks.url(`/${name}`), FREE, ', timeout: 10m')).join('\n')}
rules:
  - name: all mail
    then: [${[...hanging, ...failing, ...healthy].map((name) => `{ spawn: ${name} }`).join(', ')}]
`);
  await using _ = house;
  const open = new Set<ServerResponse>();
  for (const name of hanging) hooks.answers(`/${name}`, (response) => void open.add(response));
  for (const name of failing) hooks.answers(`/${name}`, (response) => void response.writeHead(500).end());
  for (let mail = 1; mail <= MAILS; mail++) await house.arrive({ id: `mail-${mail}` });

  const states = async (agents: string[]): Promise<string[]> => {
    const sessions = await house.sessions.list({ limit: 1000 });
    return sessions.filter(({ agent }) => agents.includes(agent)).map(({ state }) => state);
  };
  const count = async (agents: string[], state: string): Promise<number> =>
    (await states(agents)).filter((one) => one === state).length;

  // The healthy ones are through while the others hang and fail, each asked once by each of its mails.
  await house.until(async () => (await count(healthy, 'done')) === healthy.length * MAILS);
  await hooks.until(() => open.size === hanging.length * 4);
  for (const name of healthy) assert.equal(hooks.at(`/${name}`).length, MAILS);
  assert.ok(
    [...open].every(({ destroyed, writableEnded }) => !destroyed && !writableEnded),
    'they still hang',
  );
  assert.equal(await count(hanging, 'done'), 0);
  assert.equal(await count(failing, 'done'), 0);

  // What fails waits as the schedule says, ten attempts long, and is a dead letter then.
  const ofFailing = (): Request[] => failing.flatMap((name) => hooks.at(`/${name}`));
  const retries = (error: 'is' | 'is not') =>
    house.store.db
      .selectFrom('jobs')
      .selectAll()
      .where('state', '=', 'ready')
      .where('error', error, null)
      .where(
        'pool',
        'in',
        failing.map((name) => `agent:${name}`),
      )
      .execute();
  // The hanging ones hang up, and answer from now on: their turns come again by the same schedule.
  for (const name of hanging) hooks.answers(`/${name}`, (response) => void response.writeHead(204).end());
  for (const response of open) response.destroy();
  for (const [step, wait] of WAITS.entries()) {
    const turns = failing.length * MAILS;
    const waiting = await polled(async () => {
      if (ofFailing().length < turns * (step + 1)) return null;
      const jobs = await retries('is not');
      return jobs.length === turns && jobs.every(({ attempts }) => attempts === step + 1) ? jobs : null;
    });
    for (const { run_at, updated_at } of waiting) {
      const waits = run_at - updated_at;
      assert.ok(waits >= 0.9 * wait && waits <= 1.1 * wait, `${waits} in the place of ${wait}`);
    }
    house.advance(1.11 * wait);
    await house.store.write((tx) => house.jobs.hasten(tx, 'session.turn', 0)); // looks now and not in a second
  }
  await house.until(async () => (await count(failing, 'failed')) === failing.length * MAILS);
  await house.until(async () => (await count(hanging, 'done')) === hanging.length * MAILS);
  const letters = await polled(async () => {
    const found = await house.deadLetters();
    return found.length === failing.length * MAILS && found;
  });
  for (const { kind, error } of letters) {
    assert.equal(kind, 'session.turn');
    assert.match(error ?? '', /answered with status 500/);
  }

  // One id over all attempts of a turn, another one for each turn, and every signature is right for its moment.
  const ids = new Map<string, Request[]>();
  for (const request of hooks.requests) {
    const id = String(request.headers['webhook-id']);
    ids.set(id, [...(ids.get(id) ?? []), request]);
    const at = new Date(Number(request.headers['webhook-timestamp']) * SECOND);
    const signed = new Webhook(SECRET).sign(id, at, request.body);
    assert.equal(request.headers['webhook-signature'], signed);
  }
  assert.equal(ids.size, all.length * MAILS);
  for (const attempts of ids.values()) {
    const [first] = attempts as [Request];
    assert.ok(attempts.every(({ path }) => path === first.path));
    if (failing.includes(first.path.slice(1))) assert.equal(attempts.length, WAITS.length + 1);
    const tokens = new Set(attempts.map(({ event }) => event.data.session.token));
    assert.equal(tokens.size, attempts.length, 'each attempt has a token of its own');
  }
  const [first] = hooks.requests as [Request];
  new Webhook(SECRET).verify(first.body, first.headers as Record<string, string>);
});

it('agents that share an endpoint share what it takes at once, and none of them stalls another', async () => {
  await using hooks = new Hooks();
  await hooks.listen();
  const shared = (query: string): string => hooks.url(`/shared?${query}`);
  const { house } = await openWebhookHouse(`
agents:
${hookAgent('slow', shared('slow'), FREE, ', timeout: 10m, concurrency: 4')}
${hookAgent('quick', shared('quick'), FREE, ', concurrency: 4')}
rules:
  - { name: all mail, then: [{ spawn: slow }, { spawn: quick }] }
`);
  await using _ = house;
  const open: ServerResponse[] = [];
  hooks.answers('/shared?slow', (response) => void open.push(response));
  for (let mail = 1; mail <= MAILS; mail++) await house.arrive({ id: `mail-${mail}` });
  await hooks.until(() => hooks.at('/shared?quick').length === MAILS && open.length > 0);
  await house.until(async () => {
    const sessions = await house.sessions.list({ limit: 100, agent: 'quick' });
    return sessions.every(({ state }) => state === 'done');
  });
  assert.equal(open.length, 2, 'half of what the endpoint takes');
});

it('an endpoint that is gone (410) is disabled with an entry in the audit, and what came for it is run again once it is back', async () => {
  await using hooks = new Hooks();
  await hooks.listen();
  const { house, endpoints, audited } = await openWebhookHouse(`
agents:
${hookAgent('writer', hooks.url('/hook?key=canary'), FREE)}
${hookAgent('other', hooks.url('/other'), FREE)}
rules:
  - { name: all mail, then: [{ spawn: writer }, { spawn: other }] }
`);
  await using _ = house;
  const hook = '/hook?key=canary';
  hooks.answers(hook, (response) => void response.writeHead(410).end());
  await house.arrive({ id: 'first' });
  const address = hooks.url('/hook');
  await eventually(async () => (await endpoints.get('writer')).dead === 1);
  await house.arrive({ id: 'second' });
  await eventually(async () => (await endpoints.get('writer')).dead === 2);
  await hooks.until(() => hooks.at('/other').length === 2);
  assert.equal(hooks.at(hook).length, 1, 'it is asked no more');
  assert.deepEqual(audited, [['endpoint.disable', address]]);
  const { id, state, reason, agents, endpoint } = await endpoints.get('writer');
  assert.deepEqual({ state, agents, endpoint }, { state: 'disabled', agents: ['writer'], endpoint: address });
  assert.match(reason ?? '', /answered with status 410/);
  assert.ok(!JSON.stringify(await endpoints.list()).includes('canary'), 'a query may hold a secret');

  const before = hooks.at(hook)[0]?.headers['webhook-id'];
  hooks.answers(hook, (response) => void response.writeHead(204).end());
  assert.equal((await endpoints.enable(id, { redrive: true })).state, 'active');
  await house.until(async () => {
    const sessions = await house.sessions.list({ limit: 10, agent: 'writer' });
    return sessions.every(({ state: now, error }) => now === 'done' && error === null);
  });
  const again = hooks.at(hook).slice(1);
  assert.ok(
    again.some(({ headers }) => headers['webhook-id'] === before),
    'with the id that it had',
  );
  assert.equal(again.length, 2);
  assert.equal((await endpoints.get('writer')).dead, 0);
});

it('a turn that failed for good, or was refused, is run again by its session: with its id, and another token', async () => {
  await using hooks = new Hooks();
  await hooks.listen();
  const { house } = await openWebhookHouse(`
agents:
${hookAgent('writer', hooks.url('/hook'), FREE)}
rules:
  - { name: all mail, then: [{ spawn: writer }] }
`);
  await using _ = house;
  // 422: refused. An answer that does not fit: a dead letter.
  for (const [mail, status] of [
    ['first', 422],
    ['second', 200],
  ] as const) {
    const before = hooks.requests.length;
    hooks.answers('/hook', (response) => void response.writeHead(status).end('{"actions":[{"type":"x"}]}'));
    await house.arrive({ id: mail });
    const failed = await house.rests('failed');
    if (status === 200) await eventually(async () => (await house.deadLetters()).length === 1);
    hooks.answers('/hook', (response) => void response.writeHead(204).end());
    const { state } = await house.sessions.retry(failed.id);
    assert.ok(['queued', 'running', 'done'].includes(state), state);
    assert.equal((await house.rests('done')).error, null);
    const [first, again, ...more] = hooks.requests.slice(before) as [Request, Request];
    assert.equal(again.headers['webhook-id'], first.headers['webhook-id']);
    assert.notEqual(again.event.data.session.token, first.event.data.session.token);
    assert.deepEqual(more, []);
    await assert.rejects(house.sessions.retry(failed.id), { code: 'session_not_failed' });
  }
  assert.deepEqual(await house.deadLetters(), []);
  await assert.rejects(house.sessions.retry('ses_none'), { code: 'not_found' });
});

it('a cancelled session does not wait for the next attempt at its endpoint', async () => {
  await using hooks = new Hooks();
  await hooks.listen();
  const { house } = await openWebhookHouse(`
agents:
${hookAgent('writer', hooks.url('/hook'), FREE)}
rules:
  - { name: all mail, then: [{ spawn: writer }] }
`);
  await using _ = house;
  hooks.answers('/hook', (response) => void response.writeHead(503, { 'retry-after': '86400' }).end());
  await house.arrive({ id: 'first' });
  const { id } = await house.until(async () => {
    const [session] = await house.sessions.list({ limit: 1 });
    return session?.error ? session : null;
  });
  const jobs = () => house.store.db.selectFrom('jobs').select(['state', 'run_at']).execute();
  await eventually(async () => (await jobs()).some(({ run_at }) => run_at > Date.now() + 80_000_000));
  await house.sessions.cancel(id, 'anna');
  await eventually(async () => (await house.sessions.turns(id))[0]?.state === 'refused');
  assert.deepEqual(await jobs(), []);
  assert.equal(hooks.requests.length, 1);
});

it('a test event is signed, starts nothing, and tells what a turn would meet', async () => {
  await using hooks = new Hooks();
  await hooks.listen();
  const { house, endpoints } = await openWebhookHouse(`
agents:
${hookAgent('writer', hooks.url('/hook'), FREE)}
`);
  await using _ = house;
  const signal = new AbortController().signal;
  const good = await endpoints.test('writer', signal);
  assert.deepEqual([good.ok, good.status, good.problem, good.agent], [true, 204, null, 'writer']);
  const [{ body, headers }] = hooks.requests as [Request];
  const event = new Webhook(SECRET).verify(body, headers as Record<string, string>);
  assert.deepEqual(Object.keys(event as object), ['type', 'timestamp', 'data']);
  assert.deepEqual(
    { ...(event as object), timestamp: '' },
    {
      type: 'postern.test',
      timestamp: '',
      data: { agent: 'writer' },
    },
  );
  assert.equal(headers['webhook-id'], good.webhook_id);
  hooks.answers('/hook', (response) => void response.writeHead(500).end());
  assert.match((await endpoints.test('writer', signal)).problem ?? '', /status 500/);
  hooks.answers('/hook', (response) => void response.writeHead(200).end('{"actions":[{"type":"approve"}]}'));
  assert.match((await endpoints.test('writer', signal)).problem ?? '', /does not fit/);
  hooks.answers('/hook', (response) => void response.writeHead(410).end());
  assert.equal((await endpoints.test('writer', signal)).status, 410);
  assert.equal((await endpoints.get('writer')).state, 'active', 'a test changes nothing');
  assert.deepEqual(await house.sessions.list({ limit: 10 }), []);
  await assert.rejects(endpoints.test('nobody', signal), { code: 'not_found' });
});
