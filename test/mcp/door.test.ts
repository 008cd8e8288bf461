// The MCP door against clients that mean harm or know no better: who they are, how much they send, what they hold open.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { z } from 'zod';
import { operations } from '../../src/api/operations.ts';
import { defineOperation, type Operation } from '../../src/api/registry.ts';
import { PosternError } from '../../src/kernel/errors.ts';
import { ADMIN_TOKEN, SESSION_TOKEN, startGateway, type TestGateway } from '../api/support.ts';

const ACCEPT = { accept: 'application/json, text/event-stream' };
const MODERN = '2026-07-28';
const meta = {
  'io.modelcontextprotocol/protocolVersion': MODERN,
  'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
};
const rpc = (method: string, params?: object, id = 1) => ({ jsonrpc: '2.0', id, method, params });
const initialize = rpc('initialize', {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'test', version: '1' },
});

type ToolName = NonNullable<Operation['tool']>['name'];
type Asking = { token?: string | null; headers?: Record<string, string>; signal?: AbortSignal };
type Rpc = { result?: Record<string, unknown>; error?: { code: number; message: string } };

/** Whatever way the answer comes. */
async function said(response: Response): Promise<Rpc> {
  const text = await response.text();
  const data = /^data: (\{.*)$/m.exec(text)?.[1];
  return JSON.parse(data ?? text) as Rpc;
}

describe('the MCP door', () => {
  let gateway: TestGateway;
  let started: PromiseWithResolvers<AbortSignal>;
  const slow = defineOperation({
    name: 'test.slow',
    summary: 'Wait until whoever asked has gone.',
    input: z.strictObject({}),
    output: z.object({ ok: z.boolean() }),
    permission: 'messages:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/test/slow' },
    tool: { name: 'slow' as ToolName, title: 'Wait' },
    async handler({ signal }) {
      started.resolve(signal);
      await once(signal, 'abort');
      throw new PosternError('client_gone', 'Gone.');
    },
  });
  const broken = defineOperation({
    ...slow,
    name: 'test.broken',
    http: { method: 'GET', path: '/v1/test/broken' },
    tool: { name: 'broken' as ToolName, title: 'Break' },
    handler: () => Promise.reject(new TypeError('secret-of-the-inside is undefined')),
  });
  before(async () => {
    gateway = await startGateway({ operations: [...operations, slow, broken], mcpLookAgainMs: 50 });
  });
  after(() => gateway?.close());

  const post = (
    json: unknown,
    { token = ADMIN_TOKEN, headers = {}, ...rest }: Asking = {},
  ): Promise<Response> =>
    gateway.api('/mcp', { method: 'POST', json, token, headers: { ...ACCEPT, ...headers }, ...rest });
  const modern = (method: string, params: Record<string, unknown> = {}, more: Asking = {}) =>
    post(rpc(method, { ...params, _meta: meta }), {
      ...more,
      headers: {
        'mcp-protocol-version': MODERN,
        'mcp-method': method,
        ...(typeof params.name === 'string' ? { 'mcp-name': params.name } : {}),
        ...more.headers,
      },
    });
  const open = async (token: string = ADMIN_TOKEN): Promise<string> => {
    const response = await post(initialize, { token });
    assert.equal(response.status, 200);
    await response.text();
    return response.headers.get('mcp-session-id') ?? '';
  };
  const names = async (response: Promise<Response>): Promise<string[]> => {
    const { result } = await said(await response);
    return ((result?.tools ?? []) as { name: string }[]).map(({ name }) => name);
  };

  it('asks who it is before it reads anything', async () => {
    for (const token of [null, 'nonsense', `${SESSION_TOKEN}x`]) {
      const response = await post(rpc('tools/list'), { token });
      assert.equal(response.status, 401);
      assert.match(response.headers.get('www-authenticate') ?? '', /^Bearer /);
    }
    const get = await gateway.api('/mcp', { token: null, headers: ACCEPT });
    assert.equal(get.status, 401);
    // A body that never ends is not waited for.
    const asked = request(`${gateway.url}/mcp`, { method: 'POST', headers: { 'content-length': 1_000_000 } });
    asked.flushHeaders();
    const [answer] = (await once(asked, 'response')) as [{ statusCode: number }];
    assert.equal(answer.statusCode, 401);
    asked.destroy();
  });

  it('refuses pages of strangers and names that are not its own', async () => {
    for (const origin of ['http://evil.example', 'null', 'https://127.0.0.1.evil.example', 'file://', 'x'])
      assert.equal((await modern('tools/list', {}, { headers: { origin } })).status, 403, origin);
    for (const origin of ['http://localhost:5173', 'http://127.0.0.1', 'http://[::1]:80'])
      assert.equal((await modern('tools/list', {}, { headers: { origin } })).status, 200, origin);
    const asked = request(`${gateway.url}/mcp`, { method: 'POST', headers: { host: 'evil.example' } });
    asked.end();
    const [answer] = (await once(asked, 'response')) as [{ statusCode: number }];
    assert.equal(answer.statusCode, 421);
  });

  it('takes bodies of a bounded size, in JSON, one call at a time', async () => {
    const raw = (body: string, headers: Record<string, string> = {}): Promise<Response> =>
      gateway.api('/mcp', {
        method: 'POST',
        body,
        headers: { ...ACCEPT, 'content-type': 'application/json', ...headers },
      });
    assert.equal((await raw(`"${'x'.repeat(6 * 1024 * 1024)}"`)).status, 413);
    const broken = await raw('{"jsonrpc":');
    assert.deepEqual([broken.status, (await said(broken)).error?.code], [400, -32700]);
    const batch = await raw(JSON.stringify([rpc('tools/list'), rpc('tools/list')]));
    assert.deepEqual([batch.status, (await said(batch)).error?.code], [400, -32600]);
    for (const body of ['null', '7', '"text"', '{}', '{"jsonrpc":"1.0","id":1,"method":"x"}'])
      assert.equal((await raw(body)).status, 400, body);
    assert.equal((await raw('{}', { 'content-type': 'text/plain' })).status, 415);
    assert.equal((await raw('{}', { 'content-encoding': 'gzip' })).status, 415);
    for (const depth of [100, 5_000, 500_000]) {
      const { result, error } = await said(
        await raw(
          `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_message","arguments":{"id":${'['.repeat(depth)}${']'.repeat(depth)}}}}`,
        ),
      );
      assert.ok(error || result?.isError, `${depth}`);
    }
    assert.equal((await modern('tools/list')).status, 200);
  });

  it('holds a client to the version that it says', async () => {
    const other = await post(rpc('tools/list', { _meta: meta }), {
      headers: { 'mcp-protocol-version': '2025-11-25', 'mcp-method': 'tools/list' },
    });
    assert.deepEqual([other.status, (await said(other)).error?.code], [400, -32020]);
    const method = await modern('tools/list', {}, { headers: { 'mcp-method': 'tools/call' } });
    assert.deepEqual([method.status, (await said(method)).error?.code], [400, -32020]);
    const unknown = await post(rpc('tools/list'), { headers: { 'mcp-protocol-version': '1999-01-01' } });
    assert.equal(unknown.status, 400);
  });

  it('shows a session what its agent may use, and the rest is unknown', async () => {
    const ofKey = await names(modern('tools/list'));
    const ofSession = await names(modern('tools/list', {}, { token: SESSION_TOKEN }));
    assert.ok(ofKey.includes('search_knowledge') && !ofKey.includes('reply_to_message'));
    assert.ok(ofSession.includes('reply_to_message') && !ofSession.includes('search_knowledge'));
    const errorOf = async (name: string) =>
      (await said(await modern('tools/call', { name, arguments: {} }, { token: SESSION_TOKEN }))).error;
    for (const name of ['search_knowledge', 'draft.approve', 'approve_draft', ''])
      assert.deepEqual(await errorOf(name), { code: -32602, message: `Tool ${name} not found` });
    for (const name of ['__proto__', 'constructor', 'toString'])
      assert.equal((await errorOf(name))?.code, -32602, name);
  });

  it('says what is wrong with a call as everywhere, and nothing of the inside', async () => {
    const call = async (name: string, input: object) => {
      const { result } = await said(await modern('tools/call', { name, arguments: input }));
      const [content] = (result?.content ?? []) as { text: string }[];
      const problem = JSON.parse(content?.text ?? '{}') as Record<string, unknown>;
      return { ...problem, isError: result?.isError } as Record<string, unknown>;
    };
    const missing = await call('get_message', { id: 'msg_nowhere' });
    assert.deepEqual([missing.isError, missing.code], [true, 'not_found']);
    const wrong = await call('get_message', { id: 'msg_1', mailbox: 'INBOX' });
    assert.equal(wrong.code, 'invalid_input');
    assert.match(JSON.stringify(wrong.errors), /mailbox/);
    const bug = await call('broken', {});
    assert.equal(bug.code, 'internal');
    assert.doesNotMatch(JSON.stringify(bug), /secret-of-the-inside/);
    assert.match(JSON.stringify(gateway.logged), /secret-of-the-inside/);
  });

  it('a client that goes away ends its call', async () => {
    started = Promise.withResolvers();
    const leaves = new AbortController();
    const call = modern('tools/call', { name: 'slow', arguments: {} }, { signal: leaves.signal });
    const signal = await started.promise;
    leaves.abort();
    await assert.rejects(call);
    if (!signal.aborted) await once(signal, 'abort');
  });

  it('a client of the older protocol cancels its call by a notification', async () => {
    const session = await open();
    const headers = { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' };
    started = Promise.withResolvers();
    const leaves = new AbortController();
    const call = post(rpc('tools/call', { name: 'slow', arguments: {} }, 7), {
      headers,
      signal: leaves.signal,
    });
    const signal = await started.promise;
    const note = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7 } };
    assert.equal((await post(note, { headers })).status, 202);
    if (!signal.aborted) await once(signal, 'abort');
    leaves.abort();
    await call.then((response) => response.text()).catch(() => undefined);
  });

  it('a session is that of its principal, ends when it is told to, and makes room when there are many', async () => {
    const session = await open();
    const at = (token: string, id: string = session): Promise<Response> =>
      post(rpc('tools/list'), { token, headers: { 'mcp-session-id': id } });
    assert.equal((await at(ADMIN_TOKEN)).status, 200);
    assert.equal((await at(SESSION_TOKEN)).status, 404);
    assert.equal((await at(ADMIN_TOKEN, 'nonsense')).status, 404);
    const headers = { 'mcp-session-id': session };
    const foreign = await gateway.api('/mcp', { method: 'DELETE', token: SESSION_TOKEN, headers });
    assert.equal(foreign.status, 404);
    assert.equal((await gateway.api('/mcp', { method: 'DELETE', headers })).status, 200);
    assert.equal((await at(ADMIN_TOKEN)).status, 404);
    // Of those that never say goodbye the one unused longest goes.
    const first = await open(SESSION_TOKEN);
    const second = await open(SESSION_TOKEN);
    for (let i = 0; i < 14; i++) await open(SESSION_TOKEN);
    assert.equal((await at(SESSION_TOKEN, first)).status, 200); // used just now
    await open(SESSION_TOKEN);
    assert.equal((await at(SESSION_TOKEN, second)).status, 404);
    assert.equal((await at(SESSION_TOKEN, first)).status, 200);
  });

  it('a plain script posts one call, without opening anything', async () => {
    const { result } = await said(await post(rpc('tools/call', { name: 'search_messages', arguments: {} })));
    const { data } = (result?.structuredContent ?? {}) as { data?: { id: string }[] };
    assert.deepEqual(
      data?.map(({ id }) => id),
      ['msg_2', 'msg_1'],
    );
    for (const method of ['GET', 'DELETE', 'PUT', 'PATCH']) {
      const response = await gateway.api('/mcp', { method, headers: ACCEPT });
      assert.equal(response.status, 405, method);
      await response.text();
    }
  });

  it('a stream ends soon after its token', async () => {
    const principalOf = gateway.rooms.sessions.principalOf;
    const listening = modern(
      'subscriptions/listen',
      { notifications: { toolsListChanged: true } },
      { token: SESSION_TOKEN },
    );
    const session = await open(SESSION_TOKEN);
    const headers = { accept: 'text/event-stream', 'mcp-session-id': session };
    const streams = await Promise.all([listening, gateway.api('/mcp', { token: SESSION_TOKEN, headers })]);
    assert.deepEqual(
      streams.map(({ status }) => status),
      [200, 200],
    );
    gateway.rooms.sessions.principalOf = async () => null;
    try {
      for (const stream of streams) await assert.rejects(stream.text(), /terminated/);
    } finally {
      gateway.rooms.sessions.principalOf = principalOf;
    }
  });

  it('one client cannot hold all there is', async () => {
    const leave = new AbortController();
    const listen = (token: string): Promise<Response> =>
      modern(
        'subscriptions/listen',
        { notifications: { toolsListChanged: true } },
        { token, signal: leave.signal },
      );
    const streams = await Promise.all(Array.from({ length: 32 }, () => listen(SESSION_TOKEN)));
    assert.deepEqual(new Set(streams.map(({ status }) => status)), new Set([200]));
    const refused = await listen(SESSION_TOKEN);
    assert.deepEqual([refused.status, refused.headers.has('retry-after')], [503, true]);
    assert.equal((await modern('tools/list')).status, 200);
    leave.abort();
    await assert.rejects(streams[0]?.text() ?? Promise.resolve());
  });
});
