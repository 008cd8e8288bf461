// Who may scrape the gateway's metrics, and when it says that it is ready.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { SESSION_TOKEN, startGateway } from './support.ts';

describe('metrics', () => {
  const metrics = () =>
    new Metrics({
      watched: () => [],
      checks: () => ({}),
      jobs: async () => ({ dead: 2 }),
      submissions: async () => ({}),
      models: () => [],
    });

  it('are for people with a key, and for everybody only where the settings say so', async () => {
    const closed = await startGateway({ metrics: metrics() });
    const open = await startGateway({ metrics: metrics(), metricsOpen: true });
    try {
      assert.equal((await closed.api('/metrics', { token: null })).status, 401);
      assert.equal((await closed.api('/metrics', { token: SESSION_TOKEN })).status, 403);
      const answer = await closed.api('/metrics');
      assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
      const text = await answer.text();
      assert.match(text, /^postern_dead_letters 2$/m);
      assert.match(
        text,
        /^postern_http_requests_total\{method="GET",route="\/metrics",status="403"\} 1$/m,
        'requests are counted by route',
      );
      assert.equal((await open.api('/metrics', { token: null })).status, 200);
      assert.equal((await closed.api('/metrics', { method: 'POST' })).status, 405);
    } finally {
      await closed.close();
      await open.close();
    }
  });

  it('are not there where nobody keeps any', async () => {
    const gateway = await startGateway();
    try {
      assert.equal((await gateway.api('/metrics')).status, 404);
    } finally {
      await gateway.close();
    }
  });
});

it('a gateway that is still starting is alive and not ready', async () => {
  let isStarted = false;
  const starting = await startGateway({ isStarted: () => isStarted });
  try {
    assert.equal((await starting.api('/healthz', { token: null })).status, 200);
    assert.equal((await starting.api('/readyz', { token: null })).status, 503);
    isStarted = true;
    assert.equal((await starting.api('/readyz', { token: null })).status, 200);
  } finally {
    await starting.close();
  }
});
