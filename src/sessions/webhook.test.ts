// Agents behind a webhook: the signature, what each answer means, and when it is tried again.
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import { Webhook } from 'standardwebhooks';
import type { SessionEvent } from '../contracts/session.ts';
import type { RunContext } from './runner.ts';
import { webhookRunner } from './webhook.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const TOO_LONG = `whsec_${Buffer.alloc(65, 7).toString('base64')}`;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NOW = Date.now();

interface Received {
  headers: Record<string, string>;
  body: string;
}

describe('an agent behind a webhook', () => {
  const received: Received[] = [];
  let answer: (res: ServerResponse) => void;
  const server = createServer((req: IncomingMessage, res) => {
    let body = '';
    req.setEncoding('utf8');
    req.on('data', (chunk: string) => {
      body += chunk;
    });
    req.on('end', () => {
      received.push({ headers: req.headers as Record<string, string>, body });
      answer(res);
    });
  });
  let url: string;
  let gone: string | null = null;
  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  });
  after(() => void server.close().closeAllConnections());
  beforeEach(() => {
    received.length = 0;
    gone = null;
    answer = (res) => res.writeHead(204).end();
  });

  const event = {
    type: 'message.received',
    timestamp: new Date(NOW).toISOString(),
    data: { session: { agent: 'writer' }, message: { text: 'Grüße, 見積もり 🙂' } },
  } as unknown as SessionEvent;
  const run = (context: Partial<RunContext> = {}, options: object = {}) =>
    webhookRunner({
      url,
      secrets: () => [SECRET],
      allowPrivate: true,
      timeoutMs: 30_000,
      now: () => NOW,
      endpoints: {
        whyDisabled: async () => gone,
        disable: async (_, { reason }) => {
          gone = reason;
        },
      },
      ...options,
    }).run(event, {
      turnId: 'trn_1',
      attempt: 1,
      limitMs: 20_000,
      signal: new AbortController().signal,
      folder: '',
      ...context,
    });
  const says = (status: number, body = '', headers: Record<string, string> = {}): void => {
    answer = (res) => res.writeHead(status, headers).end(body);
  };

  it('is sent the event by the Standard Webhooks specification, and its library verifies it', async () => {
    await run();
    const [{ headers, body }] = received as [Received];
    assert.deepEqual(new Webhook(SECRET).verify(body, headers), event);
    assert.throws(() => new Webhook(SECRET).verify(body.replace('Grüße', 'Gruesse'), headers));
    assert.throws(() => new Webhook(`whsec_${Buffer.alloc(32, 8).toString('base64')}`).verify(body, headers));
    assert.equal(headers['webhook-timestamp'], String(Math.floor(NOW / 1_000)));
    assert.equal(headers['content-type'], 'application/json');
  });

  it('is signed by each of its secrets while one is changed for another, the first in front', async () => {
    const next = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
    await run({}, { secrets: () => [next, SECRET] });
    const [{ headers, body }] = received as [Received];
    for (const secret of [next, SECRET]) assert.ok(new Webhook(secret).verify(body, headers));
    const [first = '', ...others] = (headers['webhook-signature'] ?? '').split(' ');
    assert.equal(others.length, 1);
    assert.ok(new Webhook(next).verify(body, { ...headers, 'webhook-signature': first }));
    assert.throws(() => new Webhook(SECRET).verify(body, { ...headers, 'webhook-signature': first }));
  });

  it('is sent the same id at every attempt', async () => {
    for (const attempt of [1, 2, 3]) await run({ attempt });
    assert.deepEqual(
      received.map(({ headers }) => headers['webhook-id']),
      ['trn_1', 'trn_1', 'trn_1'],
    );
  });

  const handled: [what: string, status: number, body: string, type: string][] = [
    ['204', 204, '', ''],
    ['200 without a body', 200, '', ''],
    ['201 and words', 201, 'ok', 'text/plain'],
    ['202 and an empty answer', 202, '{"actions":[]}', 'application/json'],
    ['200 and a page', 200, '<html>ok</html>', 'text/html'],
  ];
  for (const [what, status, body, type] of handled) {
    it(`that answers with ${what} has handled the event and wants nothing`, async () => {
      says(status, body, type ? { 'content-type': type } : {});
      assert.deepEqual(await run(), { answer: { actions: [] }, log: null });
    });
  }

  it('that answers with 202 and no actions works on', async () => {
    for (const body of ['', 'accepted']) {
      says(202, body);
      assert.deepEqual(await run(), { answer: { actions: [] }, log: null, worksOn: true });
    }
  });

  for (const type of [
    'application/json',
    'application/json; charset=utf-8',
    'application/vnd.x+json',
    'text/plain',
    '',
  ]) {
    it(`may answer with actions as ${type || 'nothing in particular'}`, async () => {
      says(200, '{"actions":[{"type":"done"}]}', type ? { 'content-type': type } : {});
      assert.deepEqual((await run()).answer, { actions: [{ type: 'done' }] });
    });
  }

  it('that answers with JSON of another shape is told what is wrong', async () => {
    says(200, '"ok"', { 'content-type': 'application/json' });
    await assert.rejects(run(), { code: 'answer_invalid', retry: 'never' });
    says(200, '{"actions":[{"type":"reply","txt":""}]}');
    await assert.rejects(run(), { code: 'answer_invalid', message: /actions\[0\]/ });
  });

  for (const status of [400, 401, 404, 422]) {
    it(`that answers with ${status} has handled the event by refusing it`, async () => {
      says(status, 'secret words of the other side');
      await assert.rejects(run(), {
        code: 'webhook_refused',
        retry: 'never',
        message: `${new URL(url).origin} answered with status ${status}.`,
      });
    });
  }

  it('that answers with 410 is disabled: what comes then is a dead letter and no request', async () => {
    says(410, 'secret words of the other side');
    for (const _ of [1, 2])
      await assert.rejects(run(), {
        code: 'endpoint_disabled',
        retry: 'never',
        message: `The endpoint is disabled: ${new URL(url).origin} answered with status 410.`,
      });
    assert.equal(received.length, 1);
  });

  it('that redirects to another origin is not followed: the token would go with it', async () => {
    const other = createServer((_, res) => void res.writeHead(204).end());
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    let asked = 0;
    other.on('request', () => asked++);
    says(307, '', { location: `http://127.0.0.1:${port}/` });
    await assert.rejects(run(), { code: 'egress_refused', retry: 'never', message: /to another origin/ });
    assert.equal(asked, 0);
    other.close();
  });

  const schedule = [
    5_000,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
  ];
  for (const status of [408, 429, 500, 503]) {
    it(`that answers with ${status} is tried again by the schedule`, async () => {
      says(status);
      for (const [at, wait] of schedule.entries()) {
        const { code, retry } = await failure(run({ attempt: at + 1 }));
        assert.equal(code, 'webhook_unavailable');
        assert.ok(retry.afterMs >= 0.9 * wait && retry.afterMs <= 1.1 * wait, `${retry.afterMs} for ${wait}`);
      }
    });
  }

  it('that cannot be reached, or does not answer in time, is tried again by the schedule', async () => {
    answer = () => undefined;
    const late = await failure(run({ attempt: 2, limitMs: 100 }));
    assert.deepEqual([late.code, late.details.cause], ['webhook_unavailable', 'timeout']);
    assert.ok(late.retry.afterMs >= 0.9 * 5 * MINUTE);
    const shorter = await failure(run({ attempt: 1 }, { timeoutMs: 100 }));
    assert.deepEqual([shorter.code, shorter.details.cause], ['webhook_unavailable', 'timeout']);
    const off = await failure(run({ attempt: 3 }, { url: 'http://127.0.0.1:1/' }));
    assert.deepEqual([off.code, off.details.cause], ['webhook_unavailable', 'unreachable']);
    assert.ok(off.retry.afterMs >= 0.9 * 30 * MINUTE);
  });

  const wishes: [wish: string, afterMs: number][] = [
    ['120', 2 * MINUTE],
    [new Date(NOW + HOUR).toUTCString(), HOUR],
    ['999999999', 24 * HOUR],
  ];
  for (const [wish, afterMs] of wishes) {
    it(`that wants to be left alone (Retry-After: ${wish}) is left alone`, async () => {
      says(429, '', { 'retry-after': wish });
      const { retry } = await failure(run());
      assert.ok(Math.abs(retry.afterMs - afterMs) < 1_000, String(retry.afterMs));
    });
  }

  it('cannot shorten the schedule by its Retry-After', async () => {
    for (const wish of ['0', '-5', 'soon', new Date(NOW - HOUR).toUTCString()]) {
      says(503, '', { 'retry-after': wish });
      assert.ok((await failure(run({ attempt: 2 }))).retry.afterMs >= 0.9 * 5 * MINUTE);
    }
  });

  it('is not made to wait hours because Postern was stopped', async () => {
    const stop = new AbortController();
    answer = () => stop.abort();
    await assert.rejects(run({ attempt: 5, signal: stop.signal }), { code: 'stopping', retry: 'later' });
  });

  it('without a usable secret is not called, and the error does not show the secret', async () => {
    for (const secret of ['', 'whsec_', 'whsec_canary-that-is-no-base64!', 'whsec_Y2FuYXJ5', TOO_LONG])
      await assert.rejects(
        run({}, { secrets: () => [SECRET, secret] }),
        (error: Error & { code: string }) => {
          assert.equal(error.code, 'webhook_secret_invalid');
          return !error.message.includes('canary');
        },
      );
    assert.equal(received.length, 0);
  });

  it('inside the network is not called unless that is allowed', async () => {
    await assert.rejects(run({}, { allowPrivate: false }), { code: 'egress_refused' });
    assert.equal(received.length, 0);
  });
});

interface Failure {
  code: string;
  retry: { afterMs: number };
  details: { cause: string };
}

async function failure(running: Promise<unknown>): Promise<Failure> {
  try {
    await running;
  } catch (error) {
    return error as Failure;
  }
  throw new assert.AssertionError({ message: 'it did not fail' });
}
