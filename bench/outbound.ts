// Mail out: the real gateway's durable outbox beside a bare nodemailer pool, both to the same smtp-sink.
import { setTimeout as delay } from 'node:timers/promises';
import { startGateway, TestGateway } from '../test/support/gateway.ts';
import type { PoolTask } from './baselines/nodemailer-pool.ts';
import type { Benchmark, BenchmarkOptions, Line } from './benchmark.ts';
import { runBaseline } from './child.ts';
import { LedgerView, requireRealDisk } from './ledger-view.ts';
import { outgoingMail } from './mails.ts';
import { profilingEnv } from './profiling.ts';
import { type CountingSink, startCountingSink } from './sink.ts';
import { median } from './statistics.ts';

const MAILS = { full: 2_000, quick: 300 };
const RUNS = { full: 5, quick: 2 };
const CONNECTIONS = 5; // as many as Postern opens for an account
const CLIENTS = 10; // that write mails at the same time
const SINK_LIMIT_MS = 5_000; // for its last words about what it took
const BUDGET = 0.7;
const FROM = 'bench@sender.example';
const UNSENT = "select exists (select 1 from submissions where state in ('queued', 'sending'))";
const SIGN_IN = { user: 'bench', password: 'open sesame' };

export const outbound: Benchmark = { name: 'outbound', run };

interface Measured {
  outbox: number;
  bytes: number;
  created: number;
  composing: number;
}

async function run({ quick, say }: BenchmarkOptions): Promise<Line[]> {
  const mails = quick ? MAILS.quick : MAILS.full;
  const all: Measured[] = [];
  for (let number = 1; number <= (quick ? RUNS.quick : RUNS.full); number++) {
    const measured = {
      outbox: await rateFromOutbox(mails),
      bytes: await rateOfPool(mails, true),
      created: await rateWithCreation(mails),
      composing: await rateOfPool(mails, false),
    };
    all.push(measured);
    const [outbox, bytes, created, composing] = Object.values(measured).map((rate) => rate.toFixed(0));
    say(
      `run ${number}: outbox ${outbox} mails/s, pool ${bytes}; created and sent ${created}, pool that composes ${composing}`,
    );
  }
  const line = (name: string, against: string, ours: keyof Measured, baseline: keyof Measured): Line => {
    const runs = { ours: all.map((one) => one[ours]), baseline: all.map((one) => one[baseline]) };
    return {
      name,
      against,
      unit: 'mails/s',
      ours: median(runs.ours),
      baseline: median(runs.baseline),
      runs,
      budget: { of: 'ratio', value: BUDGET },
    };
  };
  const pool = `bare nodemailer pool of ${CONNECTIONS}`;
  return [
    line('outbound', `${pool}, mails composed before on both sides`, 'outbox', 'bytes'),
    line(
      'outbound-created',
      `${pool} that composes; ours with POST, digest and commit`,
      'created',
      'composing',
    ),
  ];
}

async function rateOfPool(mails: number, composed: boolean): Promise<number> {
  await using sink = await startCountingSink();
  const task: PoolTask = {
    port: sink.port,
    mails,
    connections: CONNECTIONS,
    composed,
    from: FROM,
    ...SIGN_IN,
  };
  const { ms, count } = await runBaseline('nodemailer-pool', task);
  if (count !== mails) throw new Error(`the pool sent ${count} mails, not ${mails}`);
  await requireTaken(sink, mails);
  return (mails * 1_000) / ms;
}

/**
 * The mails wait, approved, in the ledger of a gateway that was stopped; a new process is started on it. Counted from
 * when it listens, just before its workers start, until the last mail is committed as sent.
 */
async function rateFromOutbox(mails: number): Promise<number> {
  await using sink = await startCountingSink();
  await using gateway = await startGateway({ env: { POSTERN_ROLES: 'api' } });
  requireRealDisk(gateway.folder);
  await addAccount(gateway, sink.port);
  await create(gateway, mails);
  await gateway.stop();

  await using working = new TestGateway(gateway.folder, { POSTERN_ROLES: 'work,api', ...profilingEnv() });
  await working.start();
  const ledger = new LedgerView(gateway);
  try {
    const startedAt = loggedAt(working.log(), 'http listens');
    const endedAt = (await ledger.until(UNSENT, 0)) + performance.timeOrigin;
    await requireSent(ledger, sink, mails);
    return (mails * 1_000) / (endedAt - startedAt);
  } finally {
    ledger.close();
    await working.stop();
  }
}

/** From the first POST until the last mail is committed as sent, on a gateway that runs with all its parts. */
async function rateWithCreation(mails: number): Promise<number> {
  await using sink = await startCountingSink();
  await using gateway = await startGateway({ env: profilingEnv() });
  requireRealDisk(gateway.folder);
  await addAccount(gateway, sink.port);
  const ledger = new LedgerView(gateway);
  try {
    const startedAt = performance.now();
    await create(gateway, mails);
    const endedAt = await ledger.until(UNSENT, 0);
    await requireSent(ledger, sink, mails);
    return (mails * 1_000) / (endedAt - startedAt);
  } finally {
    ledger.close();
    await gateway.stop();
  }
}

async function addAccount(gateway: TestGateway, port: number): Promise<void> {
  const endpoint = { host: '127.0.0.1', port, security: 'none' };
  const { status, body } = await gateway.request('POST', '/v1/accounts', {
    label: 'bench',
    address: FROM,
    imap: endpoint,
    smtp: endpoint,
    require_tls: false,
    auth: { type: 'basic', username: SIGN_IN.user, password: SIGN_IN.password },
    watch: { mode: 'off' },
    sent_copy: 'none', // the pool files no copies either
  });
  if (status !== 201) throw new Error(`the account was not added: ${JSON.stringify(body)}`);
}

async function create(gateway: TestGateway, mails: number): Promise<void> {
  let next = 0;
  const client = async (): Promise<void> => {
    for (let index = next++; index < mails; index = next++) {
      const { to, ...content } = outgoingMail(index);
      const mail = { account: 'bench', to: [to], ...content };
      const { status, body } = await gateway.request('POST', '/v1/submissions', mail);
      if (status !== 201) throw new Error(`a mail was refused: ${JSON.stringify(body)}`);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
}

async function requireSent(ledger: LedgerView, sink: CountingSink, mails: number): Promise<void> {
  const sent = ledger.value("select count(*) from submissions where state = 'sent'");
  if (sent !== mails) throw new Error(`${String(sent)} mails are sent in the ledger, not ${mails}`);
  await requireTaken(sink, mails);
}

/** Each mail once: none is missing, and none came twice. */
async function requireTaken(sink: CountingSink, mails: number): Promise<void> {
  const endsAt = performance.now() + SINK_LIMIT_MS;
  while (sink.count() < mails && performance.now() < endsAt) await delay(5);
  if (sink.count() !== mails) throw new Error(`the sink took ${sink.count()} mails, not ${mails}`);
}

/** When the gateway logged `message`, in epoch milliseconds. */
function loggedAt(log: string, message: string): number {
  const line = log.split('\n').find((text) => text.includes(`"msg":"${message}"`));
  const { time } = JSON.parse(line ?? '{}') as { time?: string };
  if (time === undefined) throw new Error(`the gateway did not log “${message}”`);
  return Date.parse(time);
}
