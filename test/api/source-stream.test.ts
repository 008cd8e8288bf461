// The stream of a source over HTTP, before a source of the test's own: who may read it, how fast, and how it ends.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { SourceItem } from '../../src/watch/source-reader.ts';
import { ADMIN_TOKEN, SESSION_TOKEN, startGateway, type TestGateway } from './support.ts';

const KEEP_ALIVE_MS = 20;
const STREAM = '/v1/sources/src_1/stream';

describe('the stream of a source', () => {
  let gateway: TestGateway;
  let pulled = 0;

  beforeEach(async () => {
    pulled = 0;
    gateway = await startGateway({ streams: { keepAliveMs: KEEP_ALIVE_MS } });
    const { body } = await added();
    const consumer = {
      id: 'src_1',
      account_id: body.id,
      name: 'warehouse',
      mailboxes: null,
      cursors: [],
      created_at: 1,
      last_seen_at: null,
    };
    gateway.rooms.sources.get = async () => consumer;
  });
  afterEach(() => gateway.close());

  async function added(): Promise<{ body: { id: string } }> {
    const response = await gateway.api('/v1/accounts', {
      json: {
        label: 'sales',
        address: 'sales@company.example',
        imap: { host: 'imap.company.example', port: 993, security: 'tls' },
        smtp: { host: 'smtp.company.example', port: 465, security: 'tls' },
        auth: { type: 'basic', username: 'sales', password: 'secret' },
      },
    });
    assert.equal(response.status, 201);
    return { body: (await response.json()) as { id: string } };
  }

  const streams = (items: (signal: AbortSignal) => AsyncGenerator<SourceItem>): void => {
    gateway.rooms.sources.stream = (_id, _options, signal) => items(signal);
  };

  async function listen(): Promise<IncomingMessage> {
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
    const [response] = await once(get(`${gateway.url}${STREAM}`, { headers }), 'response');
    return response as IncomingMessage;
  }

  // biome-ignore lint/correctness/useYield: nothing comes
  async function* silent(signal: AbortSignal): AsyncGenerator<SourceItem> {
    if (!signal.aborted) await once(signal, 'abort');
  }

  it('is for keys, not for sessions and nobody', async () => {
    streams(silent);
    assert.equal((await gateway.api(STREAM, { token: SESSION_TOKEN })).status, 403);
    assert.equal((await gateway.api(STREAM, { token: null })).status, 401);
    assert.equal((await gateway.api(STREAM, { json: {} })).status, 405);
    const wrong = await gateway.api(`${STREAM}?max_in_flight=0`);
    assert.deepEqual([wrong.status, ((await wrong.json()) as { code: string }).code], [400, 'invalid_input']);
  });

  it('takes nothing more from the source while the consumer does not read', async () => {
    const detail = 'x'.repeat(1024 * 1024);
    streams(async function* () {
      for (pulled = 1; pulled <= 1000; pulled++) yield { type: 'waiting', code: 'timeout', detail };
    });
    const response = await listen();
    response.pause();
    // Until the way to the consumer is full: as long as requests beside it find that more was pulled.
    for (let before = -1, same = 0; same < 20; same = pulled === before ? same + 1 : 0) {
      before = pulled;
      await gateway.api('/healthz');
    }
    assert.ok(pulled < 100, `${pulled} MB were taken for a consumer that reads nothing`);
    response.destroy();
  });

  it('says now and then that it is alive', async () => {
    streams(silent);
    const response = await listen();
    const [chunk] = await once(response, 'data');
    assert.match(String(chunk), /^\{"type":"keep_alive"\}\n/);
    response.destroy();
  });

  it('ends the reading when the consumer hangs up', async () => {
    const ended = Promise.withResolvers<void>();
    streams(async function* (signal) {
      yield { type: 'caught_up' };
      await once(signal, 'abort');
      ended.resolve();
    });
    const response = await listen();
    await once(response, 'data');
    response.destroy();
    await ended.promise;
  });

  it('says so when the gateway stops', async () => {
    streams(async function* (signal) {
      yield { type: 'caught_up' };
      yield* silent(signal);
    });
    const response = await listen();
    let text = '';
    response.on('data', (chunk) => {
      text += String(chunk);
    });
    await once(response, 'data');
    const end = once(response, 'end');
    await Promise.all([gateway.server.stop(), end]);
    assert.equal(JSON.parse(text.trim().split('\n').at(-1) ?? '').code, 'stopping');
  });

  it('keeps to itself what went wrong inside', async () => {
    // biome-ignore lint/correctness/useYield: it fails before
    streams(async function* () {
      throw new Error('the secret is 42');
    });
    const text = await (await gateway.api(STREAM)).text();
    assert.match(text, /"code":"internal"/);
    assert.ok(!text.includes('42'));
  });
});
