// Mail posted to a website by the real process: a kill in the middle of a delivery, the doors that show it, and a secret
// that stands nowhere.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { DeliveryView } from '../../src/contracts/delivery.ts';
import { mail } from '../delivery/mails.ts';
import { type Receiver, startReceiver } from '../delivery/receiver.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { prepareGateway, type TestGateway } from '../support/gateway.ts';
import { watchedAccount } from '../support/sales-account.ts';
import { requireService } from '../support/services.ts';
import { eventually } from '../support/waiting.ts';

const SECRET = `whsec_${Buffer.from('canary-post-secret-canary-post-secret').toString('base64')}`;
const TOKEN = 'Bearer canary-post-token';

describe('mail posted to a website', { skip: requireService('dovecot') }, () => {
  let dovecot: Dovecot;
  let receiver: Receiver;
  let gateway: TestGateway;

  before(async () => {
    dovecot = await startDovecot({ users: { sales: DEFAULT_PASSWORD } });
    receiver = await startReceiver();
    const rules = `
destinations:
  crm:
    url: ${receiver.url}/in
    secret_ref: env:CRM_SECRET
    headers: { Authorization: "env:CRM_TOKEN" }
    mark_seen: true
    allow_private: true
rules: [{ name: all mail, then: [{ post: crm }] }]
`;
    gateway = await prepareGateway({
      rules: { 'rules.yaml': rules },
      env: { CRM_SECRET: SECRET, CRM_TOKEN: TOKEN, POSTERN_LOG: 'debug' },
    });
    await gateway.start();
    await gateway.addAccount(watchedAccount(dovecot));
  });
  after(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await receiver?.[Symbol.asyncDispose]();
    await dovecot?.stop();
  });

  const deliveries = async (query = ''): Promise<DeliveryView[]> =>
    (await gateway.get<{ data: DeliveryView[] }>(`/v1/deliveries${query}`)).data;

  it('is delivered with the same id after a kill in the middle, and stays one delivery', async () => {
    receiver.answers(() => undefined);
    await dovecot.deliver('sales', mail('killed'));
    const first = await receiver.request(1);
    await gateway.kill();
    receiver.answers(200);
    await gateway.start();
    const second = await receiver.request(2);
    assert.equal(second.headers['webhook-id'], first.headers['webhook-id']);
    assert.deepEqual(second.body, first.body);
    const [delivery, ...others] = await gateway.until(async () => {
      const found = await deliveries('?state=delivered');
      return found.length > 0 && deliveries();
    });
    assert.equal(others.length, 0);
    assert.deepEqual(
      [delivery?.id, delivery?.attempts, delivery?.status],
      [first.headers['webhook-id'], 2, 200],
    );
    const [seen] = await eventually(async () => {
      const list = await dovecot.list('sales');
      return list[0]?.flags.includes('\\Seen') ? list : null;
    });
    assert.ok(seen);
  });

  it('is shown by REST and by SQL, and a refused one is sent again on demand', async () => {
    receiver.answers(422);
    await dovecot.deliver('sales', mail('refused'));
    const refused = await gateway.until(async () => (await deliveries('?state=refused'))[0]);
    assert.deepEqual(await gateway.get(`/v1/deliveries/${refused.id}`), refused);
    assert.equal((await deliveries('?destination=crm&account=sales&limit=1'))[0]?.id, refused.id);
    assert.deepEqual(await deliveries('?destination=other'), []);
    const rows = await gateway.request<{ rows: unknown[][] }>('POST', '/v1/sql', {
      query: 'select account, rule, destination, state, status from deliveries order by id',
    });
    assert.deepEqual(rows.body.rows, [
      ['sales', 'all mail', 'crm', 'delivered', 200],
      ['sales', 'all mail', 'crm', 'refused', 422],
    ]);

    receiver.answers(200);
    const retried = await gateway.request('POST', `/v1/deliveries/${refused.id}/retry`);
    assert.equal(retried.status, 200);
    await gateway.until(async () => (await deliveries('?state=delivered')).length === 2);
    const again = await gateway.request('POST', `/v1/deliveries/${refused.id}/retry`);
    assert.deepEqual([again.status, again.body.code], [409, 'delivery_not_failed']);
  });

  it('has its secrets in no log, no answer, no event and no file', async () => {
    assert.equal(receiver.posted.at(-1)?.headers.authorization, TOKEN);
    const answers = [];
    for (const path of ['rules', 'deliveries', 'messages', 'dead-letters', 'audit', 'watch'])
      answers.push(await gateway.get(`/v1/${path}`));
    await gateway.stop();
    const data = join(gateway.folder, 'data');
    const files = (await readdir(data, { recursive: true, withFileTypes: true })).filter((one) =>
      one.isFile(),
    );
    const bytes = await Promise.all(files.map((one) => readFile(join(one.parentPath, one.name), 'latin1')));
    const everything = [gateway.log(), JSON.stringify(answers), ...bytes].join('\n');
    assert.ok(everything.includes('env:CRM_SECRET'), 'the reference is shown');
    for (const secret of ['canary-post-token', SECRET.slice('whsec_'.length), 'canary-post-secret'])
      assert.ok(!everything.includes(secret), secret);
  });
});
