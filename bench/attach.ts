// A large mailbox: beginning to watch it costs what a SELECT and a STATUS cost, no old mail is read, and a restart with
// all of its mail in the ledger is quick.
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../test/support/dovecot.ts';
import { startGateway, type TestGateway } from '../test/support/gateway.ts';
import { bareClient } from './baselines/imap.ts';
import type { Benchmark, BenchmarkOptions, Line } from './benchmark.ts';
import { LedgerView, requireRealDisk } from './ledger-view.ts';
import { median } from './statistics.ts';

const USER = 'bench';
const MAILS = { full: 100_000, quick: 5_000 };
const RUNS = { full: 7, quick: 3 };
const MAILS_PER_COMMAND = 2_500;
const ATTACH_BUDGET = 1.5;
const RESTART_BUDGET_S = 2;
const READY_LIMIT_MS = 300_000;

export const attach: Benchmark = { name: 'attach', run };

async function run({ quick, say }: BenchmarkOptions): Promise<Line[]> {
  const mails = quick ? MAILS.quick : MAILS.full;
  const runs = quick ? RUNS.quick : RUNS.full;
  await using dovecot = await startDovecot({ users: { [USER]: DEFAULT_PASSWORD }, noStartTls: true });
  for (let at = 0; at < mails; at += MAILS_PER_COMMAND)
    await dovecot.deliverMany(
      USER,
      Array.from({ length: MAILS_PER_COMMAND }, (_, i) => smallMail(at + i)),
    );
  say(`${mails} mails are in the mailbox`);
  return [
    await firstAttach(dovecot, mails, runs, say),
    await restart(dovecot, mails, quick ? 1 : RUNS.full, say),
  ];
}

async function firstAttach(
  dovecot: Dovecot,
  mails: number,
  runs: number,
  say: BenchmarkOptions['say'],
): Promise<Line> {
  await using gateway = await startGateway();
  requireRealDisk(gateway.folder);
  const ledger = new LedgerView(gateway);
  const ours: number[] = [];
  const baseline: number[] = [];
  try {
    for (let at = 0; at <= runs; at++) {
      const bareMs = await selectAndStatus(dovecot);
      const { ms, id } = await watched(gateway, dovecot, { label: `new-${at}`, from_zero: false });
      const read = ledger.value(`select count(*) from messages where account_id = '${id}'`);
      if (read !== 0) throw new Error(`${String(read)} old mails were read`);
      if (at === 0) continue; // both sides compile their code
      baseline.push(bareMs);
      ours.push(ms);
    }
  } finally {
    ledger.close();
  }
  say(`first attach: ${median(ours).toFixed(1)} ms, bare ${median(baseline).toFixed(1)} ms`);
  return {
    name: 'attach',
    against: `bare ImapFlow's sign-in, SELECT and STATUS of ${mails} mails`,
    unit: 'ms',
    ours: median(ours),
    baseline: median(baseline),
    runs: { ours, baseline },
    budget: { of: 'most', value: ATTACH_BUDGET },
  };
}

async function restart(
  dovecot: Dovecot,
  mails: number,
  runs: number,
  say: BenchmarkOptions['say'],
): Promise<Line> {
  await using gateway = await startGateway();
  const ledger = new LedgerView(gateway);
  const { id } = await watched(gateway, dovecot, { label: 'known', from_zero: true });
  await ledger.until(`select count(*) from messages where account_id = '${id}'`, mails);
  ledger.close();
  say(`${mails} mails are in the ledger`);
  const ours: number[] = [];
  for (let at = 0; at < runs; at++) {
    await gateway.stop();
    const startedAt = performance.now();
    await gateway.start();
    await idleAt(gateway, id);
    ours.push((performance.now() - startedAt) / 1000);
  }
  return {
    name: 'attach-restart',
    against: `none: from the start of the process with ${mails} known messages until it is in IDLE`,
    unit: 's',
    ours: median(ours),
    baseline: null,
    runs: { ours, baseline: [] },
    budget: { of: 'value', value: RESTART_BUDGET_S },
  };
}

/** By a new connection, as ours is. */
async function selectAndStatus(dovecot: Dovecot): Promise<number> {
  const startedAt = performance.now();
  const client = bareClient({ port: dovecot.imapPort, user: USER, password: DEFAULT_PASSWORD });
  client.on('error', () => client.close());
  await client.connect();
  await client.mailboxOpen('INBOX', { readOnly: true });
  await client.status('INBOX', { messages: true, uidNext: true, uidValidity: true, highestModseq: true });
  const ms = performance.now() - startedAt;
  client.close();
  return ms;
}

/** Adds the account, and tells how long it took from the beginning of watching until its mailbox is in IDLE. */
async function watched(
  gateway: TestGateway,
  dovecot: Dovecot,
  { label, from_zero }: { label: string; from_zero: boolean },
): Promise<{ ms: number; id: string }> {
  const endpoint = { host: '127.0.0.1', port: dovecot.imapPort, security: 'none' };
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), READY_LIMIT_MS);
  const events = gateway.events(limit.signal);
  await events.next(); // from here on nothing is missed
  const begun = new Map<unknown, number>();
  let ms = 0;
  const adding = gateway.request<{ id: string }>('POST', '/v1/accounts', {
    label,
    address: 'bench@receiver.example',
    imap: endpoint,
    smtp: endpoint,
    require_tls: false,
    auth: { type: 'basic', username: USER, password: DEFAULT_PASSWORD },
    watch: { from_zero },
  });
  for await (const event of events) {
    if (event?.type !== 'watch.changed') continue;
    const { account_id: account, state } = event.data;
    if (state === 'connecting') begun.set(account, performance.now());
    const startedAt = begun.get(account); // none for accounts of earlier runs, which are watched still
    if (state !== 'idle' || startedAt === undefined) continue;
    ms = performance.now() - startedAt;
    break;
  }
  clearTimeout(timer);
  const { status, body } = await adding;
  if (status !== 201 || limit.signal.aborted)
    throw new Error(`the account is not watched: ${JSON.stringify(body)}\n${gateway.log().slice(-2_000)}`);
  return { ms, id: body.id };
}

const idleAt = (gateway: TestGateway, id: string): Promise<true> =>
  gateway.until(async () => {
    const { status } = await gateway.get<{ status: { state: string } }>(`/v1/accounts/${id}`);
    return status.state === 'idle' ? true : null;
  }, READY_LIMIT_MS);

const smallMail = (index: number): Buffer =>
  Buffer.from(
    [
      `From: Person ${index % 97} <person${index % 97}@company${index % 2_500}.example>`,
      'To: Bench <bench@receiver.example>',
      `Subject: Note ${index}`,
      `Message-ID: <attach.${index}@mail.example>`,
      'Date: Sun, 01 Nov 2026 12:00:00 +0000',
      '',
      `This is note ${index}.`,
      '',
    ].join('\r\n'),
  );
