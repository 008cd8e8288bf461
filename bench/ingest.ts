// New mail in: the real gateway takes a full mailbox into its ledger, beside bare ImapFlow clients that keep nothing, and
// beside mbsync, which keeps all of it in files.
import { startDovecot } from '../test/support/dovecot.ts';
import { findProgram } from '../test/support/services.ts';
import { FIELDS_IN_WORDS } from './baselines/imap.ts';
import type { Benchmark, BenchmarkOptions, Budget, Line } from './benchmark.ts';
import { baselineMs, fill, newUser, startWatching, switchAccount, untilOff, untilTaken } from './new-mail.ts';
import { median } from './statistics.ts';

const MAILS = { full: 5_000, quick: 1_000 };
const RUNS = { full: 5, quick: 3 };

export const ingest: Benchmark = { name: 'ingest', run };

async function run({ quick, say }: BenchmarkOptions): Promise<Line[]> {
  const mails = quick ? MAILS.quick : MAILS.full;
  const runs = quick ? RUNS.quick : RUNS.full;
  const hasMbsync = findProgram('mbsync') !== undefined;
  if (!hasMbsync) say('NOT MEASURED: mbsync is not installed; run scripts/test-services as root');
  await using dovecot = await startDovecot({ noStartTls: true });
  const rates = { ours: [] as number[], fetch: [] as number[], parse: [] as number[], sync: [] as number[] };
  for (let number = 1; number <= runs; number++) {
    const task = await newUser(dovecot, `bench${number}`);
    const rate = async (name: string): Promise<number> =>
      (mails * 1_000) / (await baselineMs(name, task, mails));
    const { gateway, accountId } = await startWatching(task);
    await using _ = gateway;
    await switchAccount(gateway, accountId, false);
    await untilOff(gateway, accountId);
    await fill(dovecot, task, mails);
    await rate('fetch-fields'); // not counted: Dovecot writes its index when it is first asked for the structures
    rates.ours.push((mails * 1_000) / (await takingMs(gateway, accountId, mails)));
    await gateway.stop();
    rates.fetch.push(await rate('fetch-fields'));
    rates.parse.push(await rate('fetch-and-parse'));
    if (hasMbsync) rates.sync.push(await rate('mbsync'));
    const [ours, fetch, parse] = [rates.ours, rates.fetch, rates.parse].map((all) => all.at(-1)?.toFixed(0));
    say(`run ${number}: ours ${ours} mails/s, bare fetch ${fetch}, with simpleParser ${parse}`);
  }
  const line = (name: string, against: string, baseline: number[], budget: Budget): Line => ({
    name,
    against,
    unit: 'mails/s',
    ours: median(rates.ours),
    baseline: median(baseline),
    runs: { ours: rates.ours, baseline },
    budget,
  });
  const atLeast = (value: number): Budget => ({ of: 'ratio', value });
  return [
    line('ingest', `bare ImapFlow fetch of ${FIELDS_IN_WORDS}`, rates.fetch, atLeast(0.8)),
    line('ingest-parsed', 'bare ImapFlow fetch of the source with simpleParser', rates.parse, atLeast(2)),
    ...(hasMbsync
      ? [line('ingest-mbsync', 'mbsync of whole mails into a Maildir', rates.sync, { of: 'none', value: 0 })]
      : []),
  ];
}

/** From the request that switches the account on, before it connects, until the last mail's row is committed. */
async function takingMs(
  gateway: Awaited<ReturnType<typeof startWatching>>['gateway'],
  accountId: string,
  mails: number,
): Promise<number> {
  const startedAt = performance.now();
  const switching = switchAccount(gateway, accountId, true);
  const endedAt = await untilTaken(gateway, mails);
  await switching;
  return endedAt - startedAt;
}
