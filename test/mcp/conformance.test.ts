// The official conformance suite of MCP against a running gateway, in both protocol versions: every scenario that it has for
// a server runs and passes, or stands below with the reason why it does not concern us. No failure is expected anywhere.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ADMIN_TOKEN, startGateway, type TestGateway } from '../support/gateway.ts';
import { type KeyProxy, startKeyProxy } from './key-proxy.ts';

const SUITE = fileURLToPath(
  new URL('../../node_modules/@modelcontextprotocol/conformance/dist/index.js', import.meta.url),
);
const WITHIN_MS = 120_000; // it takes 5 s on an idle machine
/** An extension that the gateway does not declare: a call over MCP is answered at once, and what takes days is a session. */
const TASKS = 'the extension io.modelcontextprotocol/tasks is not offered';
const NOT_APPLICABLE: Readonly<Record<string, string>> = {
  'tasks-lifecycle': TASKS,
  'tasks-capability-negotiation': TASKS,
  'tasks-wire-fields': TASKS,
  'tasks-request-state-removal': TASKS,
  'tasks-mrtr-input': TASKS,
  'tasks-request-headers': TASKS,
  'tasks-dispatch-and-envelope': TASKS,
  'tasks-status-notifications': TASKS,
  'tasks-required-task-error': TASKS,
  'tasks-mrtr-composition': TASKS,
  'sep-2640-skills-directory': 'the extension for skills is not offered',
  'sep-2640-skills-enumeration': 'the extension for skills is not offered',
  'sep-2640-skills-manifest': 'the extension for skills is not offered',
};

interface Check {
  id: string;
  status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO';
  errorMessage?: string;
}

async function suite(args: readonly string[]): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, [SUITE, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const limit = setTimeout(() => child.kill('SIGKILL'), WITHIN_MS);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(limit);
  return { code: code ?? -1, output };
}

/** The checks of each scenario that ran. */
async function checksIn(folder: string): Promise<Map<string, Check[]>> {
  const found = new Map<string, Check[]>();
  for (const name of await readdir(folder)) {
    const scenario = /^server-(.+)-\d{4}-\d{2}-\d{2}T/.exec(name)?.[1];
    assert.ok(scenario, name);
    found.set(scenario, JSON.parse(await readFile(join(folder, name, 'checks.json'), 'utf8')));
  }
  return found;
}

describe('the conformance suite of MCP', () => {
  const ran = new Set<string>();
  let gateway: TestGateway;
  let proxy: KeyProxy;
  let folder: string;
  before(async () => {
    gateway = await startGateway({ flags: ['--mcp-fixtures'] });
    proxy = await startKeyProxy(gateway.url, ADMIN_TOKEN);
    folder = await mkdtemp(join(tmpdir(), 'postern-conformance-'));
  });
  after(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await gateway?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  for (const [version, required] of [
    ['2025-11-25', 30],
    ['2026-07-28', 37],
  ] as const) {
    it(`passes in protocol ${version}: what it requires, and what applies besides`, async () => {
      const results = join(folder, version);
      const target = ['--url', `${proxy.url}/mcp`, '--requirements', version, '-o', results];
      const { code, output } = await suite(['server', ...target]);
      const scenarios = await checksIn(results);
      for (const [scenario, checks] of scenarios) {
        ran.add(scenario);
        if (scenario in NOT_APPLICABLE) continue;
        // A warning is a recommendation that was not followed: there is none either.
        const wrong = checks.filter(({ status }) => status === 'FAILURE' || status === 'WARNING');
        assert.deepEqual(wrong, [], scenario);
        assert.ok(
          checks.some(({ status }) => status === 'SUCCESS'),
          `${scenario} checked nothing`,
        );
      }
      assert.equal(code, 0, output);
      assert.ok(scenarios.size >= required, `${scenarios.size} scenarios ran`);
    });
  }

  it('has no scenario for a server that neither ran nor is known not to apply', async () => {
    const { output } = await suite(['list', '--server']);
    const all = [...output.matchAll(/^ {2}- ([a-z0-9-]+)/gm)].map(([, name]) => name as string);
    assert.ok(all.length >= 60, output);
    assert.deepEqual(
      all.filter((name) => !ran.has(name) && !(name in NOT_APPLICABLE)),
      [],
    );
  });

  it('finds its tools only where the flag was given, and the flag is refused where others reach the gateway', async () => {
    await using plain = await startGateway();
    const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'test_simple_text' } };
    const headers = { accept: 'application/json, text/event-stream' };
    const response = await fetch(`${plain.url}/mcp`, {
      method: 'POST',
      headers: { ...headers, authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify(call),
    });
    assert.match(await response.text(), /Tool test_simple_text not found/);
    await assert.rejects(
      startGateway({ flags: ['--mcp-fixtures'], env: { POSTERN_HOST: '0.0.0.0' } }),
      /not served on 0\.0\.0\.0/,
    );
  });
});
