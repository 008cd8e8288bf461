// Who may search: a key everything, a session what came with its own account's mail, and only where its agent's policy
// names the tool.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { RulesSource } from '../../src/rules/source.ts';
import { RULES, SESSION_TOKEN, startGateway, type TestGateway } from './support.ts';

describe('searching knowledge', () => {
  let gateway: TestGateway;
  before(async () => {
    gateway = await startGateway();
  });
  after(() => gateway.close());

  const search = async (query: string, token?: string): Promise<number> => {
    const response = await gateway.api(`/v1/knowledge?${query}`, token === undefined ? {} : { token });
    await response.arrayBuffer();
    return response.status;
  };

  it('reaches every account for a key, and is refused to an agent without the tool', async () => {
    assert.equal(await search('query=pump'), 200);
    assert.deepEqual(gateway.calls, ['knowledge.search pump all']);
    assert.equal(await search('query=pump', SESSION_TOKEN), 403);
    const text = await gateway.api('/v1/knowledge/documents/doc_1/text', { token: SESSION_TOKEN });
    assert.equal(text.status, 403);
    assert.deepEqual(gateway.calls, ['knowledge.search pump all']);
  });

  it('reaches its own account alone for an agent with the tool', async () => {
    const allowed = RULES.replace('agent.ts] }', 'agent.ts] }\n    may: { tools: [search_knowledge] }');
    assert.notEqual(allowed, RULES);
    await writeFile(join(gateway.folder, 'quotes.yaml'), allowed);
    await (gateway.rooms.rules as RulesSource).reload();
    gateway.calls.length = 0;
    assert.equal(await search('query=pump', SESSION_TOKEN), 200);
    assert.equal(await search('query=pump&account=acc_1', SESSION_TOKEN), 200);
    assert.equal(await search('query=pump&account=acc_2', SESSION_TOKEN), 404);
    assert.deepEqual(gateway.calls, ['knowledge.search pump acc_1', 'knowledge.search pump acc_1']);
    for (const [path, method] of [
      ['', 'GET'],
      ['/doc_1', 'GET'],
      ['/doc_1', 'DELETE'],
      ['/doc_1/retry', 'POST'],
    ] as const) {
      const response = await gateway.api(`/v1/knowledge/documents${path}`, { method, token: SESSION_TOKEN });
      assert.equal(response.status, 403, `${method} ${path}`);
    }
  });

  it('refuses a query that is none', async () => {
    assert.equal(await search('query='), 400);
    assert.equal(await search(`query=${'a'.repeat(501)}`), 400);
    assert.equal(await search('query=a&limit=0'), 400);
  });
});
