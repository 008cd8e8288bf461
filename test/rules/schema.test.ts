// The schema for editors, as a person gets it: printed without a gateway, and from a gateway without signing in.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { rulesSchema } from '../../src/rules/json-schema.ts';
import { startGateway } from '../support/gateway.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

it('postern rules schema prints it', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, 'rules', 'schema']);
  assert.equal(stdout, rulesSchema());
});

it('a gateway serves it to editors, which cannot sign in', async () => {
  await using gateway = await startGateway();
  const response = await fetch(`${gateway.url}/v1/rules/schema`);
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type') ?? '', /^application\/schema\+json/);
  assert.equal(await response.text(), rulesSchema());
  const refused = await fetch(`${gateway.url}/v1/rules/schema`, { method: 'POST' });
  assert.equal(refused.status, 405);
});
