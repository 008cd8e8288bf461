import assert from 'node:assert/strict';
import { it } from 'node:test';
import { McpServer } from '@modelcontextprotocol/server';
import type { PosternError } from '../../kernel/errors.ts';
import type { Caller } from './caller.ts';
import { McpSessions } from './sessions.ts';

const callerNamed = (id: string): Caller => ({
  principal: { kind: 'key', id, name: id },
  requestId: 'req_1',
});
const accept = 'application/json, text/event-stream';
const post = (session?: string): Request =>
  new Request('http://gateway/mcp', {
    method: 'POST',
    headers: {
      ...{ accept, 'content-type': 'application/json' },
      ...(session === undefined ? {} : { 'mcp-session-id': session }),
    },
  });
const initialize = {
  ...{ jsonrpc: '2.0', id: 1, method: 'initialize' },
  params: {
    ...{ protocolVersion: '2025-11-25', capabilities: {} },
    clientInfo: { name: 'test', version: '1' },
  },
};
const ping = { jsonrpc: '2.0', id: 2, method: 'ping' };

function sessionsOf(most: number) {
  let now = 0;
  const sessions = new McpSessions(
    { now: () => ++now },
    15_000,
    () => ({ server: new McpServer({ name: 'test', version: '1' }), refresh: () => undefined }),
    most,
  );
  const open = async (who: string): Promise<string> => {
    const response = await sessions.open(post(), initialize, callerNamed(who));
    await response.text();
    return response.headers.get('mcp-session-id') ?? '';
  };
  const status = async (id: string, who: string): Promise<number> => {
    const leaves = new AbortController();
    const request = new Request(post(id), { signal: leaves.signal });
    const response = await sessions.serve(id, request, ping, callerNamed(who));
    await response.text();
    leaves.abort(); // as the door does when an answer is out
    return response.status;
  };
  const later = (ms: number): void => {
    now += ms;
  };
  return { sessions, open, status, later };
}

it('when there are as many as there may be, the one unused longest makes room for the next agent', async () => {
  const { sessions, open, status } = sessionsOf(3);
  const [a, b, c] = [await open('a'), await open('b'), await open('c')];
  assert.equal(await status(a, 'a'), 200);
  const d = await open('d');
  assert.equal(sessions.count, 3);
  assert.deepEqual(
    await Promise.all([status(a, 'a'), status(b, 'b'), status(c, 'c'), status(d, 'd')]),
    [200, 404, 200, 200],
  );
  await sessions.stop();
});

it('one that is in use stays, and where all are, the next is turned away', async () => {
  const { sessions, open } = sessionsOf(2);
  const leaves = new AbortController();
  for (const who of ['a', 'b']) {
    const id = await open(who);
    const headers = { accept, 'mcp-session-id': id };
    const listening = new Request('http://gateway/mcp', { headers, signal: leaves.signal });
    assert.equal((await sessions.serve(id, listening, undefined, callerNamed(who))).status, 200);
  }
  await assert.rejects(open('c'), (error: PosternError) => error.code === 'too_many_sessions');
  leaves.abort();
  await open('c');
  assert.equal(sessions.count, 2);
  await sessions.stop();
});

it('one that nobody used for half an hour ends', async () => {
  const { sessions, open, status, later } = sessionsOf(10);
  const [a, b] = [await open('a'), await open('b')];
  later(29 * 60_000);
  assert.equal(await status(a, 'a'), 200);
  later(2 * 60_000);
  sessions.sweep();
  assert.deepEqual([await status(a, 'a'), await status(b, 'b')], [200, 404]);
  await sessions.stop();
});
