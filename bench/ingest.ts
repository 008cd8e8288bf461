// New mail in: the real gateway takes a full mailbox into its ledger, beside bare ImapFlow clients that keep nothing.
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../test/support/dovecot.ts';
import { startGateway } from '../test/support/gateway.ts';
import { FIELDS_IN_WORDS } from './baselines/imap.ts';
import type { Benchmark, BenchmarkOptions, Line } from './benchmark.ts';
import { runBaseline } from './child.ts';
import { LedgerView, requireRealDisk } from './ledger-view.ts';
import { rawMail } from './mails.ts';
import { profilingEnv } from './profiling.ts';
import { rulesYaml } from './rule-set.ts';
import { median } from './statistics.ts';

const USER = 'bench';
const MAILS = { full: 5_000, quick: 1_000 };
const RUNS = { full: 5, quick: 3 };
const RULES = 1_000;
const APPEND_AT_ONCE = 100; // some 2 MB in one command

export const ingest: Benchmark = { name: 'ingest', run };

async function run({ quick, say }: BenchmarkOptions): Promise<Line[]> {
  const mails = quick ? MAILS.quick : MAILS.full;
  const runs = quick ? RUNS.quick : RUNS.full;
  await using dovecot = await startDovecot({ users: { [USER]: DEFAULT_PASSWORD }, noStartTls: true });
  for (let at = 0; at < mails; at += APPEND_AT_ONCE) {
    const batch = Array.from({ length: Math.min(APPEND_AT_ONCE, mails - at) }, (_, i) => rawMail(at + i));
    await dovecot.deliverMany(USER, batch);
  }
  const task = { port: dovecot.imapPort, user: USER, password: DEFAULT_PASSWORD };
  const rate = async (baseline: string): Promise<number> => {
    const { ms, count } = await runBaseline(baseline, task);
    if (count !== mails) throw new Error(`${baseline} fetched ${count} mails, not ${mails}`);
    return (mails * 1_000) / ms;
  };
  await rate('fetch-fields'); // not counted: Dovecot writes its index when it is first asked for the structures
  const rates = { ours: [] as number[], fetch: [] as number[], parse: [] as number[] };
  for (let number = 1; number <= runs; number++) {
    rates.ours.push(await rateOfGateway(dovecot, mails));
    rates.fetch.push(await rate('fetch-fields'));
    rates.parse.push(await rate('fetch-and-parse'));
    const [ours, fetch, parse] = [rates.ours, rates.fetch, rates.parse].map((all) => all.at(-1)?.toFixed(0));
    say(`run ${number}: ours ${ours} mails/s, bare fetch ${fetch}, with simpleParser ${parse}`);
  }
  const line = (name: string, against: string, baseline: number[], budget: number): Line => ({
    name,
    against,
    unit: 'mails/s',
    ours: median(rates.ours),
    baseline: median(baseline),
    runs: { ours: rates.ours, baseline },
    budget: { of: 'ratio', value: budget },
  });
  return [
    line('ingest', `bare ImapFlow fetch of ${FIELDS_IN_WORDS}`, rates.fetch, 0.8),
    line('ingest-parsed', 'bare ImapFlow fetch of the source with simpleParser', rates.parse, 2),
  ];
}

/**
 * From the request that switches the account on, before it connects, until the last mail's row is committed. The
 * gateway is a process of its own with all its parts running, in an empty folder; its start is not counted.
 */
async function rateOfGateway(dovecot: Dovecot, mails: number): Promise<number> {
  await using gateway = await startGateway({
    rules: { 'rules.yaml': rulesYaml(RULES) },
    env: profilingEnv(),
  });
  requireRealDisk(gateway.folder);
  const endpoint = { host: '127.0.0.1', port: dovecot.imapPort, security: 'none' };
  const added = await gateway.request<{ id: string }>('POST', '/v1/accounts', {
    label: 'bench',
    address: 'bench@receiver.example',
    active: false,
    imap: endpoint,
    smtp: endpoint,
    require_tls: false,
    auth: { type: 'basic', username: USER, password: DEFAULT_PASSWORD },
    watch: { from_zero: true },
  });
  if (added.status !== 201) throw new Error(`the account was not added: ${JSON.stringify(added.body)}`);
  const ledger = new LedgerView(gateway);
  try {
    const startedAt = performance.now();
    const switching = gateway.request('PATCH', `/v1/accounts/${added.body.id}`, { active: true });
    const endedAt = await ledger.until('select done from backfills', mails);
    const { status, body } = await switching;
    if (status !== 200) throw new Error(`the account was not switched on: ${JSON.stringify(body)}`);
    const taken = ledger.value('select count(*) from messages');
    if (taken !== mails) throw new Error(`the ledger has ${String(taken)} messages, not ${mails}`);
    if (!ledger.value('select count(*) from decisions')) throw new Error('no rule matched any mail');
    return (mails * 1_000) / (endedAt - startedAt);
  } finally {
    ledger.close();
    await gateway.stop();
  }
}
