// The kill switch of a whole gateway: the program of an agent is gone with what it started, its token is worth nothing, the
// audit says who did it, and a restart changes nothing of it.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import type { AgentsView } from '../../src/contracts/agent.ts';
import { DEFAULT_PASSWORD, startDovecot } from '../support/dovecot.ts';
import { prepareGateway } from '../support/gateway.ts';
import { isRunning } from '../support/pids.ts';
import { watchedAccount } from '../support/sales-account.ts';
import { requireService } from '../support/services.ts';
import { eventually } from '../support/waiting.ts';

/** Starts a program of its own, tells both numbers and its token, and then does nothing for as long as it may. */
const AGENT = `
  const { spawn } = require('node:child_process');
  const { existsSync, writeFileSync } = require('node:fs');
  const [, file] = process.argv;
  if (existsSync(file)) process.exit(0);
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  writeFileSync(file, JSON.stringify({ pids: [process.pid, child.pid], token: process.env.POSTERN_TOKEN }));
  setTimeout(() => undefined, 600000);`;

it('stops an agent at once, also over a restart, until a person lets it go on', {
  skip: requireService('dovecot'),
}, async () => {
  await using dovecot = await startDovecot({ users: { sales: DEFAULT_PASSWORD } });
  await using gateway = await prepareGateway();
  const file = join(gateway.folder, 'agent.json');
  await gateway.rules(
    'rules.yaml',
    `agents: { writer: { run: { command: [node, -e, ${JSON.stringify(AGENT)}, ${JSON.stringify(file)}] } } }
rules: [ { name: all mail, then: [{ spawn: writer }] } ]`,
  );
  await gateway.start();
  await gateway.addAccount(watchedAccount(dovecot));
  await dovecot.deliver(
    'sales',
    'From: Ann <ann@prospect.example>\r\nTo: sales@company.example\r\nMessage-ID: <1@prospect.example>\r\n\r\nHello\r\n',
  );
  await eventually(() => existsSync(file) && readFileSync(file, 'utf8') !== '');
  const { pids, token } = JSON.parse(readFileSync(file, 'utf8')) as { pids: number[]; token: string };
  const asAgent = async (): Promise<number> =>
    (await fetch(`${gateway.url}/v1/messages`, { headers: { authorization: `Bearer ${token}` } })).status;
  assert.equal(await asAgent(), 200);

  const { status, body } = await gateway.request<AgentsView>('POST', '/v1/agents/writer/pause', {
    reason: 'it does nothing',
  });
  assert.equal(status, 200);
  assert.deepEqual(
    body.data.map(({ name, paused }) => [name, paused?.scope, paused?.reason]),
    [['writer', 'agent', 'it does nothing']],
  );
  assert.equal(await asAgent(), 401);
  await eventually(() => !pids.some(isRunning));
  await gateway.kill();
  await gateway.start();
  const [session] = await gateway.sessions();
  assert.deepEqual([session?.state, session?.turns], ['queued', 1]);
  const { pauses } = await gateway.get<AgentsView>('/v1/agents');
  assert.deepEqual(
    pauses.map(({ scope, name }) => [scope, name]),
    [['agent', 'writer']],
  );
  await gateway.request('POST', '/v1/agents/writer/resume');
  await gateway.until(async () => (await gateway.sessions())[0]?.state === 'done');
  const { data } = await gateway.get<{ data: { operation: string; target: string; outcome: string }[] }>(
    '/v1/audit?limit=100',
  );
  assert.deepEqual(
    data
      .filter(({ operation, outcome }) => operation.startsWith('agent.') && outcome === 'ok')
      .map(({ operation, target }) => [operation, target]),
    [
      ['agent.resume', 'writer'],
      ['agent.pause', 'writer'],
    ],
  );
});
