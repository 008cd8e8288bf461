// The endpoints of webhook agents over REST and at the command line: looked at, tested, enabled, and run again.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, it } from 'node:test';
import { runCli } from '../../src/api/cli/cli.ts';
import type { EndpointTest, EndpointView } from '../../src/contracts/webhook.ts';
import { eventually } from '../support/waiting.ts';
import { ADMIN_TOKEN, startGateway, type TestGateway } from './support.ts';

let gateway: TestGateway;
let url: string;
let status = 204;
const hook = createServer((request, response) => {
  request.resume();
  request.on('end', () => response.writeHead(status).end());
});

before(async () => {
  process.env.TEST_HOOK_SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/hook`;
  gateway = await startGateway();
  const agent = `run: { webhook: { url: "${url}?k=canary", secret_ref: "env:TEST_HOOK_SECRET", allow_private: true } }`;
  await writeFile(
    join(gateway.folder, 'hooks.yaml'),
    `agents:\n  triage:\n    ${agent}\n  second:\n    ${agent}\n`,
  );
  await eventually(async () => (await list()).length > 0); // the rules are read again
});
after(async () => {
  await gateway.close();
  hook.close();
});

const list = async (): Promise<EndpointView[]> =>
  ((await (await gateway.api('/v1/endpoints')).json()) as { data: EndpointView[] }).data;

async function postern(...argv: string[]): Promise<{ code: number; out: string }> {
  const stdin = new PassThrough();
  stdin.end();
  const stdout = new PassThrough();
  let out = '';
  stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString('utf8');
  });
  const code = await runCli(argv, {
    stdin: Object.assign(stdin, { isTTY: false, setRawMode: () => undefined }),
    stdout: Object.assign(stdout, { isTTY: false }),
    stderr: new PassThrough(),
    settings: {
      url: gateway.url,
      adminToken: ADMIN_TOKEN,
      tokenFile: join(gateway.folder, 'admin-token'),
      rulesDir: gateway.folder,
    },
  });
  return { code, out };
}

it('are listed with their agents and without their query', async () => {
  const [one, ...more] = await list();
  assert.deepEqual(more, []);
  assert.deepEqual(
    [one?.endpoint, one?.agents, one?.state, one?.dead],
    [url, ['second', 'triage'], 'active', 0],
  );
  const { code, out } = await postern('webhook', 'list');
  assert.equal(code, 0);
  assert.match(out, /second.*triage/);
  assert.ok(!out.includes('canary'));
});

it('are tested by the name of an agent, with an answer that tells what was wrong', async () => {
  status = 503;
  const bad = (await (
    await gateway.api('/v1/endpoints/triage/test', { method: 'POST' })
  ).json()) as EndpointTest;
  assert.deepEqual([bad.ok, bad.status, bad.agent], [false, 503, 'triage']);
  const failed = await postern('webhook', 'test', 'triage');
  assert.match(failed.out, /^FAILED {2}triage .*status 503 .*\n {2}It answered with status 503\.\n$/);
  assert.ok(failed.code > 0, 'the exit code tells');
  status = 204;
  const { code, out } = await postern('webhook', 'test', 'triage', '--json');
  assert.equal(code, 0);
  assert.equal((JSON.parse(out) as EndpointTest).ok, true);
  assert.equal((await gateway.api('/v1/endpoints/quote-writer/test', { method: 'POST' })).status, 404);
});

it('that are disabled say why, and are enabled by a person, which the audit tells', async () => {
  const at = Date.now();
  const [{ id } = { id: '' }] = await list();
  await gateway.rooms.store.db
    .insertInto('disabled_endpoints')
    .values({ endpoint: url, id, agent: 'triage', reason: 'gone', disabled_at: at })
    .execute();
  const [disabled] = await list();
  assert.deepEqual([disabled?.state, disabled?.reason, disabled?.disabled_at], ['disabled', 'gone', at]);
  const { code, out } = await postern('webhook', 'enable', 'triage', '--redrive', '--json');
  assert.equal(code, 0);
  assert.equal((JSON.parse(out) as EndpointView).state, 'active');
  const entries = await gateway.rooms.audit.list({ operation: 'endpoint.enable', limit: 10 });
  assert.deepEqual(
    entries.map(({ target, outcome }) => [target, outcome]),
    [
      [url, 'ok'],
      [url, 'begun'],
    ],
  );
  const redriven = await gateway.api(`/v1/endpoints/${id}/redrive`, { method: 'POST' });
  assert.deepEqual(await redriven.json(), { turns: 0 });
});
