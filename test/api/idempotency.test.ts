// Idempotency-Key over REST: what is asked twice happens once.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { KEPT_MS } from '../../src/api/http/idempotency.ts';
import { operations } from '../../src/api/operations.ts';
import type { Problem } from '../../src/contracts/page.ts';
import { accountBody, startGateway, type TestGateway } from './support.ts';

let gateway: TestGateway;
before(async () => {
  gateway = await startGateway();
});
after(() => gateway.close());

const mail = { account: 'sales', to: ['anna@prospect.example'], subject: 'Hello', text: 'Hi' };
const send = (key: string, json: object = mail) =>
  gateway.api('/v1/submissions', { json, headers: { 'Idempotency-Key': key } });
const sent = () => gateway.calls.filter((call) => call.startsWith('drafts.submit')).length;

describe('the same request with the same key', () => {
  it('is answered from the first time, also for another order of its fields', async () => {
    const first = await send('one');
    const again = await send('one');
    const turned = await send('one', Object.fromEntries(Object.entries(mail).reverse()));
    assert.equal(first.status, 201);
    assert.equal(again.status, 201);
    const body = await first.json();
    assert.deepEqual(await again.json(), body);
    assert.deepEqual(await turned.json(), body);
    assert.equal(first.headers.get('idempotency-replayed'), null);
    assert.equal(again.headers.get('idempotency-replayed'), 'true');
    assert.equal(sent(), 1);
  });

  it('is refused with 409 while the first still runs, with a time to come back', async () => {
    const { drafts } = gateway.rooms;
    const original = drafts.submit;
    const started = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    drafts.submit = async (input, by) => {
      started.resolve();
      await go.promise;
      return original(input, by);
    };
    const first = send('two');
    await started.promise;
    const second = await send('two');
    assert.equal(second.status, 409);
    assert.equal(second.headers.get('retry-after'), '1');
    assert.equal(((await second.json()) as Problem).code, 'idempotency_key_running');
    go.resolve();
    assert.equal((await first).status, 201);
    drafts.submit = original;
    assert.equal((await send('two')).status, 201);
  });

  it('is told apart from a first one that was cut off by a crash', async () => {
    await send('three');
    await gateway.rooms.store.db
      .updateTable('idempotency_keys')
      .set({ response: null, created_at: Date.now() - 3_600_000 })
      .execute();
    const response = await send('three');
    assert.equal(response.status, 409);
    assert.equal(((await response.json()) as Problem).code, 'idempotency_outcome_unknown');
  });

  it('happens again after a day', async () => {
    await send('four');
    const before = sent();
    await gateway.rooms.store.db
      .updateTable('idempotency_keys')
      .set({ created_at: Date.now() - KEPT_MS - 1 })
      .execute();
    await send('four');
    assert.equal(sent(), before + 1);
  });
});

it('another request with the same key is refused with 409', async () => {
  await send('five');
  const response = await send('five', { ...mail, subject: 'Other' });
  assert.equal(response.status, 409);
  assert.equal(((await response.json()) as Problem).code, 'idempotency_key_reused');
});

it('a request that failed may be sent again with its key', async () => {
  const { drafts } = gateway.rooms;
  const original = drafts.submit;
  drafts.submit = () => Promise.reject(new Error('power cut'));
  assert.equal((await send('six')).status, 500);
  drafts.submit = original;
  assert.equal((await send('six')).status, 201);
});

it('one key serves two operations without mixing them', async () => {
  await send('seven');
  const response = await gateway.api('/v1/drafts/drf_1/reject', {
    json: {},
    headers: { 'Idempotency-Key': 'seven' },
  });
  assert.equal(response.status, 200);
});

it('a key that is no key is refused', async () => {
  assert.equal((await send('x'.repeat(256))).status, 400);
  assert.equal((await send('a b')).status, 400);
});

it('the ledger keeps neither keys nor passwords of keyed requests', async () => {
  const response = await gateway.api('/v1/accounts', {
    json: accountBody,
    headers: { 'Idempotency-Key': 'canary-key' },
  });
  assert.equal(response.status, 201);
  const rows = await gateway.rooms.store.db.selectFrom('idempotency_keys').selectAll().execute();
  assert.ok(rows.length > 0);
  assert.ok(!JSON.stringify(rows).includes('canary'));
});

/** Changes that come to the same when they are asked for twice: they set, remove, or ask again for what is there. */
const SAME_AGAIN = [
  ...['account.export_sealed', 'account.import', 'account.update', 'account.remove', 'account.oauth_start'],
  ...['account.oauth_device', 'query.remove', 'source.acknowledge', 'source.remove', 'message.label'],
  ...['message.unlabel', 'message.mark', 'message.move', 'draft.update', 'rules.update', 'rules.delete'],
  ...['delivery.retry', 'knowledge.retry', 'knowledge.delete', 'agent.pause_all', 'agent.resume_all'],
  ...['agent.pause', 'agent.resume', 'session.cancel', 'session.retry', 'session.ask', 'session.wait'],
  ...['session.finish', 'endpoint.test', 'endpoint.enable', 'endpoint.redrive', 'upload.part'],
  ...['upload.cancel', 'link.revoke', 'link.extend', 'suppression.remove', 'suppression.import'],
  ...[
    'domain.check',
    'domain.remove_key',
    'domain.remove',
    'watch.sweep',
    'dead_letter.retry',
    'vault.rotate',
  ],
];
/** A stream of up to gigabytes: it would have to be read whole to be told from another one. */
const STREAMS = ['object.add'];

it('every operation that creates or sends honours keys', () => {
  const without = operations
    .filter(({ effects, idempotent }) => effects !== 'read' && !idempotent)
    .map(({ name }) => name);
  assert.deepEqual(
    without.filter((name) => !SAME_AGAIN.includes(name) && !STREAMS.includes(name)),
    [],
    'say `idempotent: true`, or why asking twice is the same',
  );
  const creates = operations.filter(({ http }) => http.status === 201).map(({ name }) => name);
  assert.deepEqual(
    creates.filter((name) => without.includes(name)),
    STREAMS,
  );
});
