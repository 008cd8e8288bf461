// Live events over real HTTP.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, it } from 'node:test';
import { ADMIN_TOKEN, SESSION_TOKEN, startGateway, type TestGateway } from './support.ts';

let gateway: TestGateway;
before(async () => {
  gateway = await startGateway({ streams: { keepAliveMs: 10, maxStreams: 3, maxWaitingBytes: 64 * 1024 } });
});
after(() => gateway.close());

/** Opens a stream; `until` reads on until the text it has seen contains what is waited for. */
async function listen(headers: Record<string, string> = {}) {
  const abort = new AbortController();
  const response = await gateway.api('/v1/events', { headers, signal: abort.signal });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let seen = '';
  return {
    response,
    async until(wanted: string): Promise<string> {
      while (!seen.includes(wanted)) {
        const chunk = await reader?.read();
        if (!chunk || chunk.done) throw new Error(`the stream ended before ${wanted}: ${seen}`);
        seen += chunk.value;
      }
      return seen;
    },
    async end(): Promise<void> {
      while (!(await reader?.read())?.done);
    },
    close: () => abort.abort(),
  };
}

async function rawStream(): Promise<Socket> {
  const { port } = gateway.server.address();
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(`GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${ADMIN_TOKEN}\r\n\r\n`);
  await once(socket, 'data');
  return socket;
}

it('an event is heard with its id, type and data, and one that was missed after coming back', async () => {
  const first = await listen();
  assert.match(first.response.headers.get('content-type') ?? '', /^text\/event-stream/);
  await first.until(': connected');
  gateway.rooms.bus.publish('draft.changed', { id: 'drf_1', state: 'waiting' });
  const text = await first.until('"state":"waiting"');
  const id = /^id: (evt_\w+)$/m.exec(text)?.[1];
  assert.ok(id);
  assert.match(text, /^event: draft\.changed$/m);
  first.close();

  gateway.rooms.bus.publish('submission.changed', { id: 'sub_9' });
  const second = await listen({ 'Last-Event-ID': id });
  const missed = await second.until('sub_9');
  assert.ok(!missed.includes('drf_1'));
  second.close();
});

it('a stream that is silent carries keep-alive comments', async () => {
  const stream = await listen();
  await stream.until(': keep-alive');
  stream.close();
});

it('a session hears no events', async () => {
  assert.equal((await gateway.api('/v1/events', { token: SESSION_TOKEN })).status, 403);
  assert.equal((await gateway.api('/v1/events', { token: null })).status, 401);
});

it('a client that does not read is dropped and holds nobody up', { timeout: 20_000 }, async () => {
  const slow = await rawStream();
  slow.pause();
  const dropped = once(slow, 'close');
  const filler = 'x'.repeat(32 * 1024);
  // What the kernel's buffers take differs between machines: publish until the server gives up.
  let gone = false;
  slow.on('close', () => (gone = true));
  slow.on('error', () => undefined);
  for (let i = 0; i < 10_000 && !gone; i++) {
    gateway.rooms.bus.publish('message.received', { id: filler });
    await new Promise((resolve) => setImmediate(resolve));
    if (slow.readyState !== 'open') break;
    if (i > 1000) slow.resume(); // the reset is only seen by who reads
  }
  await dropped;
});

it('more streams than the bound are refused with a time to come back', async () => {
  const other = await startGateway({ streams: { maxStreams: 1 } });
  const abort = new AbortController();
  const first = await other.api('/v1/events', { signal: abort.signal });
  assert.equal(first.status, 200);
  const second = await other.api('/v1/events');
  assert.equal(second.status, 503);
  assert.ok(Number(second.headers.get('retry-after')) > 0);
  abort.abort();
  await other.close();
});

it('streams end when the gateway stops', async () => {
  const other = await startGateway();
  const response = await other.api('/v1/events');
  const ended = response.text();
  await other.close();
  assert.match(await ended, /: connected/);
});
