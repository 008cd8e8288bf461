// What a scraper is told, and what it is never told.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { WatchStatus } from '../contracts/account.ts';
import { type MetricSources, Metrics } from './metrics.ts';

const status = (change: Partial<WatchStatus> = {}) =>
  ({
    state: 'idle',
    since: 1,
    mode: 'idle',
    last_alive_at: 1_700_000_000_000,
    checked_at: null,
    alarm: null,
    last_message_at: null,
    waiting: 0,
    lag_ms: 0,
    received: 0,
    reconnects: 0,
    next_try_at: null,
    last_error: null,
    ...change,
  }) as WatchStatus;

const watch = (account: string, mailbox: string, seen: WatchStatus) => ({
  account: { settings: { label: account } },
  mailbox,
  health: { view: () => seen },
});

const sources = (change: Partial<MetricSources> = {}): MetricSources => ({
  watched: () => [],
  checks: () => ({ ok: 0, failed: 0 }),
  jobs: async () => ({ ready: 2, later: 1, running: 3, dead: 4 }),
  submissions: async () => ({ queued: 5 }),
  models: () => [],
  ...change,
});

/** The samples by name and labels. Fails where a line is not of the format. */
function samples(text: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '' || /^# (HELP|TYPE) [a-z_:]+/.test(line)) continue;
    const [, series = '', value] =
      /^([a-zA-Z_:][\w:]*(?:\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*",?)*\})?) (\S+)$/.exec(line) ?? [];
    assert.ok(value !== undefined, `not a line of the text format: ${line}`);
    assert.ok(!found.has(series), `twice: ${series}`);
    found.set(series, Number(value));
  }
  return found;
}

it('tells of each mailbox how it is, and how many are in which state', async () => {
  const lagging = status({
    state: 'backing-off',
    waiting: 7,
    lag_ms: 90_500,
    received: 12,
    reconnects: 3,
    alarm: 'quiet',
  });
  const metrics = new Metrics(
    sources({
      watched: () => [
        watch('sales', 'INBOX', status()),
        watch('sales', 'a "quoted" \\ name\nwith a line', lagging),
      ],
    }),
  );
  metrics.start();
  const { type, text } = await metrics.expose();
  metrics.stop();
  assert.match(type, /^text\/plain; version=0\.0\.4/);
  const found = samples(text);
  const odd = 'account="sales",mailbox="a \\"quoted\\" \\\\ name\\nwith a line"';
  for (const [series, value] of [
    ['postern_watch_lag_seconds{account="sales",mailbox="INBOX"}', 0],
    [`postern_watch_lag_seconds{${odd}}`, 90.5],
    [`postern_watch_waiting{${odd}}`, 7],
    [`postern_watch_state{${odd},state="backing-off"}`, 1],
    [`postern_watch_reconnects_total{${odd}}`, 3],
    [`postern_watch_alarm{${odd},reason="quiet"}`, 1],
    [`postern_messages_received_total{${odd}}`, 12],
    ['postern_watch_last_alive_timestamp_seconds{account="sales",mailbox="INBOX"}', 1_700_000_000],
    ['postern_watch_mailboxes{state="idle"}', 1],
    ['postern_watch_mailboxes{state="needs-sign-in"}', 0],
    ['postern_jobs{state="running"}', 3],
    ['postern_dead_letters', 4],
    ['postern_submissions{state="queued"}', 5],
  ] as const)
    assert.equal(found.get(series), value, series);
  assert.ok(!text.includes('postern_watch_checked_timestamp_seconds{'), 'what is not known is not told');
  assert.ok(found.has('postern_event_loop_delay_seconds{stat="p99"}'));
  assert.ok(found.has('process_resident_memory_bytes'));
});

it('forgets what is watched no more, and never counts back within one watcher', async () => {
  let watched = [watch('sales', 'INBOX', status({ received: 1 }))];
  const metrics = new Metrics(sources({ watched: () => watched }));
  const series = 'postern_messages_received_total{account="sales",mailbox="INBOX"}';
  assert.equal(samples((await metrics.expose()).text).get(series), 1);
  watched = [watch('sales', 'INBOX', status({ received: 5 }))];
  assert.equal(samples((await metrics.expose()).text).get(series), 5);
  watched = [];
  assert.equal(samples((await metrics.expose()).text).get(series), undefined);
});

it('counts requests by route', async () => {
  const metrics = new Metrics(sources());
  for (let at = 0; at < 3; at++) metrics.requests.count('GET', '/v1/drafts/:id', 200);
  metrics.requests.count('GET', null, 404);
  const found = samples((await metrics.expose()).text);
  assert.equal(found.get('postern_http_requests_total{method="GET",route="/v1/drafts/:id",status="200"}'), 3);
  assert.equal(found.get('postern_http_requests_total{method="GET",route="none",status="404"}'), 1);
});

it('gives ten thousand mailboxes five thousand series of each kind, and counts them all', async () => {
  const many = Array.from({ length: 10_000 }, (_, at) => watch(`a${at}`, 'INBOX', status()));
  const found = samples((await new Metrics(sources({ watched: () => many })).expose()).text);
  assert.equal(
    [...found.keys()].filter((name) => name.startsWith('postern_watch_lag_seconds')).length,
    5_000,
  );
  assert.equal(found.get('postern_watch_mailboxes_left_out'), 5_000);
  assert.equal(found.get('postern_watch_mailboxes{state="idle"}'), 10_000);
});

it('shows how long the event loop was blocked', async () => {
  const metrics = new Metrics(sources());
  metrics.start();
  const timer = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const longest = async () =>
    samples((await metrics.expose()).text).get('postern_event_loop_delay_seconds{stat="max"}') ?? 0;
  await timer(200); // it measures from its second strike on, which comes 40 ms after the start
  const blockedUntil = performance.now() + 200;
  while (performance.now() < blockedUntil);
  await timer(1);
  const found = await longest();
  metrics.stop();
  assert.ok(found > 0.1 && found < 30, String(found));
});
