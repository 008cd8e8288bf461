// A webhook agent of a real gateway that answers 202 and works on over REST, across a kill of the gateway.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { SessionView } from '../../src/contracts/session.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { prepareGateway, type TestGateway } from '../support/gateway.ts';
import { watchedAccount } from '../support/sales-account.ts';
import { requireService } from '../support/services.ts';
import { Hooks, hookAgent, SECRET } from './webhook-house.ts';

describe('an agent that works on', { skip: requireService('dovecot') }, () => {
  let dovecot: Dovecot;
  let gateway: TestGateway;
  const hooks = new Hooks();
  before(async () => {
    await hooks.listen();
    hooks.answers('/hook', (response) => void response.writeHead(202).end());
    dovecot = await startDovecot({ users: { sales: DEFAULT_PASSWORD } });
    const rules = `
agents:
${hookAgent('writer', hooks.url('/hook'), '{ time: 10m }')}
rules:
  - { name: all mail, then: [{ spawn: writer }] }
`;
    gateway = await prepareGateway({ rules: { 'rules.yaml': rules }, env: { SECRET } });
    await gateway.start();
    await gateway.addAccount(watchedAccount(dovecot));
  });
  after(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await dovecot?.stop();
    await hooks[Symbol.asyncDispose]();
  });

  const asAgent = async (method: string, path: string, body?: object): Promise<number> => {
    const token = hooks.requests[0]?.event.data.session.token ?? '';
    return (await gateway.request(method, path, body, { authorization: `Bearer ${token}` })).status;
  };

  it('goes on with its token after a kill, is not asked again, and its token dies when it has finished', async () => {
    await dovecot.deliver('sales', 'From: ann@prospect.example\r\nSubject: A question\r\n\r\nWhat?\r\n');
    await hooks.until(() => hooks.requests.length === 1);
    const id = hooks.requests[0]?.event.data.session.id ?? '';
    const session = (): Promise<SessionView> => gateway.get<SessionView>(`/v1/sessions/${id}`);
    // Until its answer is in the ledger a kill would have it asked again, with another token.
    const query = 'select id from turns where works_until is not null';
    await gateway.until(async () => {
      const { body } = await gateway.request<{ rows: unknown[] }>('POST', '/v1/sql', { query });
      return body.rows.length === 1;
    });
    assert.equal(await asAgent('GET', '/v1/session'), 200);

    await gateway.kill();
    await gateway.start();
    assert.equal(await asAgent('GET', '/v1/session'), 200);
    assert.equal((await session()).state, 'running');
    assert.equal(await asAgent('POST', '/v1/session/finish', { summary: 'It is done.' }), 200);
    const done = await gateway.until(async () => {
      const now = await session();
      return now.state === 'done' && now;
    });
    assert.equal(done.summary, 'It is done.');
    assert.equal(await asAgent('GET', '/v1/session'), 401);
    assert.equal(hooks.requests.length, 1);
  });
});
