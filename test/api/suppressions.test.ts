// The suppression list over REST, reports as people read them, and the page where people leave a list.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { BounceView, SuppressionView } from '../../src/contracts/suppression.ts';
import { startGateway, type TestGateway } from './support.ts';

describe('the suppression list over REST', () => {
  let gateway: TestGateway;

  before(async () => {
    gateway = await startGateway();
  });
  after(() => gateway.close());

  const call = async <T>(
    path: string,
    method = 'GET',
    json?: unknown,
  ): Promise<{ status: number; body: T }> => {
    const response = await gateway.api(path, { method, ...(json === undefined ? {} : { json }) });
    const text = await response.text();
    return { status: response.status, body: (text === '' ? null : JSON.parse(text)) as T };
  };
  const list = async (query = '') =>
    (await call<{ data: SuppressionView[] }>(`/v1/suppressions?limit=100${query}`)).body.data;

  it('takes an address or a domain, shows it, and lets it go', async () => {
    const { status, body } = await call<SuppressionView>('/v1/suppressions', 'POST', {
      ...{ address: 'Anna@Example.ORG', note: 'asked by phone' },
    });
    assert.equal(status, 201);
    assert.deepEqual(
      [body.address, body.reason, body.account_id, body.list],
      ['anna@example.org', 'manual', null, null],
    );
    assert.equal(
      (await call<SuppressionView>('/v1/suppressions', 'POST', { address: '@closed.example' })).status,
      201,
    );
    assert.deepEqual(
      (await list('&address=example.org')).map(({ address }) => address),
      ['anna@example.org'],
    );
    assert.equal((await call(`/v1/suppressions/${body.id}`, 'DELETE')).status, 204);
    assert.deepEqual(
      (await list()).map(({ address }) => address),
      ['@closed.example'],
    );
    assert.equal((await call(`/v1/suppressions/${body.id}`, 'DELETE')).status, 404);
    const wrong = await call<{ code: string }>('/v1/suppressions', 'POST', { address: 'nobody' });
    assert.deepEqual([wrong.status, wrong.body.code], [400, 'suppression_invalid']);
  });

  it('is given as CSV and taken again the same, and a list with a wrong row not at all', async () => {
    const csv =
      'address,reason,note,list\r\nkarl@csv.example,complaint,"said ""no"", twice",\r\nlea@csv.example,unsubscribe,,weekly\r\n';
    assert.deepEqual((await call('/v1/suppressions/import', 'POST', { csv })).body, { imported: 2 });
    const before = await list();
    const exported = await (await gateway.api('/v1/suppressions/export')).text();
    for (const { id } of before) await call(`/v1/suppressions/${id}`, 'DELETE');
    assert.deepEqual((await call('/v1/suppressions/import', 'POST', { csv: exported })).body, {
      imported: before.length,
    });
    const told = (all: SuppressionView[]) =>
      all.map(({ address, reason, note, list }) => JSON.stringify([address, reason, note, list])).sort();
    assert.deepEqual(told(await list()), told(before));
    const wrong = await call<{ code: string }>('/v1/suppressions/import', 'POST', {
      csv: 'address\nmia@csv.example\nnone\n',
    });
    assert.equal(wrong.body.code, 'suppression_invalid');
    assert.deepEqual(await list('&address=mia'), []);
  });

  it('shows a report that is about no mail of ours', async () => {
    await gateway.rooms.store.db
      .insertInto('bounces')
      .values({
        ...{
          id: 'bnc_1',
          message_id: 'msg_1',
          account_id: 'acc_1',
          submission_id: null,
          address: 'x@one.example',
        },
        ...{ report: 'bounce', kind: 'hard', status: '5.1.1', reason: 'no such recipient', diagnostic: null },
        ...{ remote_mta: null, matched_by: null, created_at: 1 },
      })
      .execute();
    const { body } = await call<{ data: BounceView[] }>('/v1/bounces?limit=100');
    assert.deepEqual(
      body.data.map(({ id }) => id),
      ['bnc_1'],
    );
  });
});
