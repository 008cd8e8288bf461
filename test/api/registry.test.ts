// Promises that hold for every operation at once, and the golden files that others build on. After a change that is
// meant: UPDATE_GOLDEN=1 node --test test/api/registry.test.ts, then npm run format, and look at the difference.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { demand, type KeyPrincipal, permits } from '../../src/api/access.ts';
import { openApiDocument } from '../../src/api/http/openapi.ts';
import { operations } from '../../src/api/operations.ts';
import { pathFields } from '../../src/api/registry.ts';
import { toolNames } from '../../src/contracts/tool-names.ts';
import { SESSION_TOKEN, sessionPrincipal, startGateway } from './support.ts';

const admin: KeyPrincipal = { kind: 'key', id: 'admin', name: 'admin' };
const SESSION_READS = [
  ...['message.get', 'message.list', 'thread.list', 'thread.get', 'attachment.download', 'attachment.read'],
  ...[
    'session.get',
    'session.record',
    'session.current',
    'draft.list',
    'draft.get',
    'draft.raw',
    'object.get',
  ],
  ...['knowledge.search', 'knowledge.text'], // where its agent's policy names the tool
];
/** What it asks for, which policy judges: none of it approves, and none decides what leaves. */
const SESSION_ASKS = [
  ...['message.reply', 'message.forward', 'message.send', 'draft.create', 'draft.update', 'object.add'],
  ...['message.label', 'message.unlabel', 'message.mark', 'message.move'],
  ...['session.ask', 'session.wait', 'session.finish'],
];
const SESSION_MAY = [...SESSION_READS, ...SESSION_ASKS];

function golden(file: string, text: string, read: (text: string) => unknown = (same) => same): void {
  const path = join(import.meta.dirname, file);
  if (process.env.UPDATE_GOLDEN) writeFileSync(path, text);
  assert.deepEqual(read(text), read(readFileSync(path, 'utf8')), `${file} is another now`);
}

describe('who may do what', () => {
  it('is the table that was agreed', () => {
    const rows = operations.map(({ name, permission, effects, http }) => {
      const who = [
        permits(admin, permission) ? 'key' : '',
        permits(sessionPrincipal, permission) ? 'session' : '',
      ];
      const route = `${http.method} ${http.path}`;
      return `${name.padEnd(20)} ${permission.padEnd(20)} ${effects.padEnd(12)} ${who.join(' ').trim().padEnd(12)} ${route}`;
    });
    golden('permissions.golden.txt', `${rows.join('\n')}\n`);
  });

  for (const operation of operations) {
    const allowed = SESSION_MAY.includes(operation.name);
    it(`a session ${allowed ? 'may' : 'may not'} call ${operation.name}`, () => {
      const call = () => demand(sessionPrincipal, operation.permission);
      if (allowed) assert.doesNotThrow(call);
      else assert.throws(call, { code: 'forbidden' });
      assert.doesNotThrow(() => demand(admin, operation.permission));
      if (operation.effects !== 'read')
        assert.equal(
          allowed,
          SESSION_ASKS.includes(operation.name),
          'of changes a session may ask for these alone',
        );
    });
  }

  it('holds over HTTP: a session is refused before anything is read or done', async (t) => {
    const gateway = await startGateway();
    t.after(() => gateway.close());
    for (const { name, http } of operations.filter((operation) => !SESSION_MAY.includes(operation.name))) {
      const path = http.path.replace(/\{\w+\}/g, 'drf_1');
      const response = await gateway.api(path, { method: http.method, token: SESSION_TOKEN });
      assert.equal(response.status, 403, name);
      const nobody = await gateway.api(path, { method: http.method, token: null });
      assert.equal(nobody.status, 401, name);
    }
    assert.deepEqual(gateway.calls, []);
  });
});

describe('every operation', () => {
  it('has its own name, route and command', () => {
    const all = (list: (string | undefined)[]) => list.filter((item) => item !== undefined);
    for (const list of [
      operations.map(({ name }) => name),
      operations.map(({ http }) => `${http.method} ${http.path}`),
      all(operations.map(({ cli }) => cli?.words.join(' '))),
    ]) {
      assert.equal(new Set(list).size, list.length);
    }
  });

  it('that is a tool is one that rules can name, and each name is one tool', () => {
    const names = operations.flatMap(({ tool }) => (tool ? [tool.name] : []));
    assert.deepEqual(names.toSorted(), [...toolNames].sort());
  });

  it('reads with GET or POST, and changes nothing with GET', () => {
    for (const { name, effects, http } of operations) {
      if (http.method === 'GET') assert.equal(effects, 'read', name);
    }
  });

  it('knows the fields of its path and of its command', () => {
    const document = openApiDocument(operations) as {
      paths: Record<string, Record<string, { parameters: { name: string; in: string }[] }>>;
    };
    for (const { name, http, cli } of operations) {
      const described = document.paths[http.path]?.[http.method.toLowerCase()];
      const inPath = described?.parameters.filter((parameter) => parameter.in === 'path').map((p) => p.name);
      assert.deepEqual(inPath, pathFields(http.path), name);
      assert.ok((cli?.args ?? []).length <= 2, name);
    }
  });
});

it('the OpenAPI document is the one that was agreed', () => {
  golden('openapi.golden.json', `${JSON.stringify(openApiDocument(operations), null, 2)}\n`, JSON.parse);
});

it('the OpenAPI document has no reference that leads nowhere', () => {
  const document = openApiDocument(operations);
  const text = JSON.stringify(document);
  const { schemas } = document.components as { schemas: Record<string, unknown> };
  for (const [, name] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g))
    assert.ok(schemas[name as string], name);
  assert.ok(!text.includes('$defs'));
});
