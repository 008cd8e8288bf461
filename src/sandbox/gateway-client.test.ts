import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import type { LiveEvent } from '../contracts/live-event.ts';
import { Follower } from './follower.ts';
import { GatewayClient } from './gateway-client.ts';

describe("the sandbox's client", () => {
  it('hears events whole, however the stream is cut, and passes over comments', async () => {
    await using gateway = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const piece of [
        ': hello\n\nid: 1\nda',
        'ta: {"type":"draft.changed"}\n',
        '\n:\n\ndata: {"type":"watch.changed"}\n\n',
      ]) {
        response.write(piece);
      }
    });
    const heard: string[] = [];
    const both = new Promise<void>((resolve) => {
      void gateway.client.follow(
        (event: LiveEvent) => heard.push(event.type) === 2 && resolve(),
        () => undefined,
      );
    });
    await both;
    assert.deepEqual(heard, ['draft.changed', 'watch.changed']);
  });

  it('says in the words of the gateway what was refused', async () => {
    await using gateway = await serve((_request, response) => {
      response.writeHead(409, { 'content-type': 'application/problem+json' });
      response.end(
        JSON.stringify({ code: 'draft_digest_mismatch', detail: 'The draft is another one.', hint: 'Look.' }),
      );
    });
    await assert.rejects(gateway.client.post('/v1/drafts/drf_1/approve', {}), {
      code: 'draft_digest_mismatch',
      message: 'The draft is another one.',
      hint: 'Look.',
    });
  });

  it('ends all waiting when the gateway is gone', async () => {
    await using gateway = await serve((request, response) => {
      if (request.url?.startsWith('/v1/events')) {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(':\n\n');
        stream = response;
      } else {
        response.end('{"data":[],"next_page_token":null}');
      }
    });
    let stream: ServerResponse | undefined;
    const follower = new Follower(gateway.client, () => undefined, new AbortController().signal);
    await follower.start();
    const waiting = assert.rejects(follower.until('never', () => undefined));
    stream?.destroy();
    await waiting;
  });
});

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new GatewayClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, 'token');
  return {
    client,
    async [Symbol.asyncDispose]() {
      client.close();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
