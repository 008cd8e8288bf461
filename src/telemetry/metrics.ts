// Metrics in the text format of Prometheus: the only place where prom-client is used. Everything is read at the moment of
// asking, from where it is kept anyway: what nobody asks for costs nothing. Labels are names that an operator chose
// (account, mailbox) or that the code knows (state, route), never anything that came by mail.
import type { Registry } from 'prom-client';
import { type WatchStatus, watchState } from '../contracts/account.ts';
import type { Part } from '../kernel/lifecycle.ts';
import { EventLoopMonitor } from './event-loop.ts';
import { RequestCounts } from './request-counts.ts';

const MAX_MAILBOXES = 5_000; // each has some ten series: more would make an answer of megabytes
const MAX_LABEL_CHARS = 200; // the name of a mailbox may be five times as long
const MS_PER_SECOND = 1_000;
const US_PER_SECOND = 1_000_000;
const MICROS = 1_000_000; // of a currency
const STARTED_AT_S = Math.round(Date.now() / MS_PER_SECOND - process.uptime());

export interface WatchedFigures {
  account: { settings: { label: string } };
  mailbox: string;
  health: { view(): WatchStatus };
}

export interface MetricSources {
  watched(): Iterable<WatchedFigures>;
  /** Looks of the canary since the start, by how they ended. */
  checks(): Readonly<Record<string, number>>;
  /** Jobs in each state. */
  jobs(): Promise<Readonly<Record<string, number>>>;
  submissions(): Promise<Readonly<Record<string, number>>>;
  /** What the models of agents used since the start. */
  models(): readonly ModelUse[];
}

export interface ModelUse {
  agent: string;
  steps: number;
  input: number;
  output: number;
  costMicros: number;
  /** Attempts of turns without an answer, by code. */
  failures: Readonly<Record<string, number>>;
}

type Labels = Record<string, string>;
/** A metric of this name without what it held before; `put` gives it a value. */
type Fill = (
  kind: 'Gauge' | 'Counter',
  name: string,
  help: string,
  labels: readonly string[],
) => (labels: Labels, value: number) => void;

export class Metrics implements Part {
  readonly name = 'metrics';
  readonly requests = new RequestCounts();
  readonly #sources: MetricSources;
  readonly #loop = new EventLoopMonitor();
  #registry: { register: Registry; fill: Fill } | undefined;
  #running: Promise<{ type: string; text: string }> | undefined;

  constructor(sources: MetricSources) {
    this.#sources = sources;
  }

  start(): void {
    this.#loop.start();
  }

  stop(): void {
    this.#loop.stop();
    this.#registry?.register.clear();
  }

  /** All metrics as they are now. Whoever asks while it is being made gets the same answer. */
  expose(): Promise<{ type: string; text: string }> {
    this.#running ??= this.#collect().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #collect(): Promise<{ type: string; text: string }> {
    this.#registry ??= await openRegistry();
    const { register, fill } = this.#registry;
    const [jobs, submissions] = await Promise.all([this.#sources.jobs(), this.#sources.submissions()]);
    fillWatch(fill, [...this.#sources.watched()]);
    const outcome = fill('Counter', 'postern_watch_checks_total', 'Looks of the canary.', ['outcome']);
    fillEach(outcome, 'outcome', this.#sources.checks());
    const { dead = 0, ...living } = jobs;
    fillEach(fill('Gauge', 'postern_jobs', 'Jobs in the queue.', ['state']), 'state', living);
    fill('Gauge', 'postern_dead_letters', 'Jobs that failed at every attempt.', [])({}, dead);
    fillEach(fill('Gauge', 'postern_submissions', 'Outgoing mails.', ['state']), 'state', submissions);
    fillModels(fill, this.#sources.models());
    fillRequests(fill, this.requests);
    fillProcess(fill, this.#loop);
    return { type: register.contentType, text: await register.metrics() };
  }
}

function fillModels(fill: Fill, models: readonly ModelUse[]): void {
  const steps = fill('Counter', 'postern_model_steps_total', 'Answers of models.', ['agent']);
  const tokens = fill('Counter', 'postern_model_tokens_total', 'Tokens that models used.', ['agent', 'kind']);
  const cost = fill('Counter', 'postern_model_cost_total', "By the prices of the agents' rules.", ['agent']);
  const failures = fill('Counter', 'postern_model_failures_total', 'Attempts of turns without an answer.', [
    'agent',
    'code',
  ]);
  for (const { agent, ...use } of models) {
    steps({ agent }, use.steps);
    tokens({ agent, kind: 'input' }, use.input);
    tokens({ agent, kind: 'output' }, use.output);
    cost({ agent }, use.costMicros / MICROS);
    for (const [code, count] of Object.entries(use.failures)) failures({ agent, code }, count);
  }
}

type Put = ReturnType<Fill>;

function fillEach(put: Put, label: string, counts: Readonly<Record<string, number>>): void {
  for (const [value, count] of Object.entries(counts)) put({ [label]: value }, count);
}

/** The figures of one mailbox, by the name of their metric. Absent where there is nothing to tell yet. */
const MAILBOX_GAUGES: readonly [name: string, help: string, value: (status: WatchStatus) => number | null][] =
  [
    [
      'postern_watch_lag_seconds',
      'For how long the oldest message that waits on the server has been known to wait.',
      ({ lag_ms: lag }) => lag / MS_PER_SECOND,
    ],
    ['postern_watch_waiting', 'Messages on the server above the checkpoint.', ({ waiting }) => waiting],
    [
      'postern_watch_last_alive_timestamp_seconds',
      'When the server was last heard.',
      ({ last_alive_at: at }) => at && at / MS_PER_SECOND,
    ],
    [
      'postern_watch_checked_timestamp_seconds',
      'When the canary last saw over another connection that nothing waits too long.',
      ({ checked_at: at }) => at && at / MS_PER_SECOND,
    ],
  ];
const MAILBOX_COUNTERS: typeof MAILBOX_GAUGES = [
  ['postern_watch_reconnects_total', 'How often watching was interrupted.', ({ reconnects }) => reconnects],
  ['postern_messages_received_total', 'New messages taken in.', ({ received }) => received],
];

function fillWatch(fill: Fill, all: readonly WatchedFigures[]): void {
  const place = ['account', 'mailbox'] as const;
  const states: Record<string, number> = {};
  for (const name of watchState.options) states[name] = 0;
  const seen = all.map(({ account, mailbox, health }) => ({
    labels: { account: account.settings.label, mailbox: mailbox.slice(0, MAX_LABEL_CHARS) },
    status: health.view(),
  }));
  for (const { status } of seen) states[status.state] = (states[status.state] ?? 0) + 1;
  fillEach(
    fill('Gauge', 'postern_watch_mailboxes', 'Watched mailboxes in each state.', ['state']),
    'state',
    states,
  );
  const shown = seen.slice(0, MAX_MAILBOXES);
  fill(
    'Gauge',
    'postern_watch_mailboxes_left_out',
    'Watched mailboxes without series of their own.',
    [],
  )({}, all.length - shown.length);
  const state = fill('Gauge', 'postern_watch_state', 'The state of each watched mailbox, as 1.', [
    ...place,
    'state',
  ]);
  for (const { labels, status } of shown) state({ ...labels, state: status.state }, 1);
  const alarm = fill('Gauge', 'postern_watch_alarm', 'What the canary found and is having mended, as 1.', [
    ...place,
    'reason',
  ]);
  for (const { labels, status } of seen)
    if (status.alarm !== null) alarm({ ...labels, reason: status.alarm }, 1);
  for (const [kind, figures] of [
    ['Gauge', MAILBOX_GAUGES],
    ['Counter', MAILBOX_COUNTERS],
  ] as const) {
    for (const [name, help, value] of figures) {
      const put = fill(kind, name, help, place);
      for (const { labels, status } of shown) {
        const figure = value(status);
        if (figure !== null) put(labels, figure);
      }
    }
  }
}

function fillRequests(fill: Fill, counts: RequestCounts): void {
  const labels = ['method', 'route', 'status'] as const;
  const put = fill('Counter', 'postern_http_requests_total', 'HTTP requests that were answered.', labels);
  for (const { count, ...series } of counts.all()) put({ ...series }, count);
}

/**
 * The figures of any Node process, under their usual names. Not prom-client's own: its count of open handles asks Node
 * for internals (`process._getActiveHandles`), and Node 24 ends the process for it when one of them is half closed.
 */
function fillProcess(fill: Fill, loop: EventLoopMonitor): void {
  const delay = fill(
    'Gauge',
    'postern_event_loop_delay_seconds',
    'How long the event loop made others wait, since the last reading.',
    ['stat'],
  );
  fillEach(delay, 'stat', { ...loop.read() });
  const cpu = process.cpuUsage();
  const { rss, heapTotal, heapUsed, external } = process.memoryUsage();
  const figures: [kind: 'Gauge' | 'Counter', name: string, help: string, value: number][] = [
    ['Counter', 'process_cpu_user_seconds_total', 'User CPU time.', cpu.user / US_PER_SECOND],
    ['Counter', 'process_cpu_system_seconds_total', 'System CPU time.', cpu.system / US_PER_SECOND],
    ['Counter', 'process_cpu_seconds_total', 'CPU time.', (cpu.user + cpu.system) / US_PER_SECOND],
    ['Gauge', 'process_start_time_seconds', 'When the process started.', STARTED_AT_S],
    ['Gauge', 'process_resident_memory_bytes', 'Resident memory.', rss],
    ['Gauge', 'nodejs_heap_size_total_bytes', 'Heap that is reserved.', heapTotal],
    ['Gauge', 'nodejs_heap_size_used_bytes', 'Heap that is used.', heapUsed],
    ['Gauge', 'nodejs_external_memory_bytes', 'Memory of buffers outside the heap.', external],
  ];
  for (const [kind, name, help, value] of figures) fill(kind, name, help, [])({}, value);
  const open: Record<string, number> = {};
  for (const type of process.getActiveResourcesInfo()) open[type] = (open[type] ?? 0) + 1;
  fillEach(fill('Gauge', 'nodejs_active_resources', 'Sockets, timers and the like.', ['type']), 'type', open);
  fill('Gauge', 'nodejs_version_info', 'The version of Node, as 1.', ['version'])(
    { version: process.version },
    1,
  );
}

/** Loaded when somebody first asks: a gateway that nobody scrapes does without its memory. */
async function openRegistry(): Promise<{ register: Registry; fill: Fill }> {
  const { default: prometheus } = await import('prom-client');
  const register = new prometheus.Registry();
  const fill: Fill = (kind, name, help, labelNames) => {
    register.removeSingleMetric(name);
    const metric = new prometheus[kind]({ name, help, labelNames: [...labelNames], registers: [register] });
    return (labels, value) => metric.inc(labels, value);
  };
  return { register, fill };
}
