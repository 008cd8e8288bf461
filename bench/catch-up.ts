// Back after an hour offline: the gateway was stopped, mail came, and it is started. All of it counts, from the start of the
// process until the last row is committed; the baseline is a bare client that has nothing to start and keeps nothing.
import { startDovecot } from '../test/support/dovecot.ts';
import { FIELDS_IN_WORDS } from './baselines/imap.ts';
import type { Benchmark, BenchmarkOptions, Line } from './benchmark.ts';
import { baselineMs, fill, newUser, startWatching, untilTaken } from './new-mail.ts';
import { median } from './statistics.ts';

const MAILS = { full: 10_000, quick: 2_000 };
const RUNS = { full: 5, quick: 1 };
const MS_PER_S = 1_000;

export const catchUp: Benchmark = { name: 'catch-up', run };

async function run({ quick, say }: BenchmarkOptions): Promise<Line[]> {
  const mails = quick ? MAILS.quick : MAILS.full;
  const runs = quick ? RUNS.quick : RUNS.full;
  await using dovecot = await startDovecot({ noStartTls: true });
  const seconds = { ours: [] as number[], bare: [] as number[] };
  for (let number = 1; number <= runs; number++) {
    const task = await newUser(dovecot, `bench${number}`);
    const { gateway } = await startWatching(task);
    await using _ = gateway;
    await gateway.stop();
    await fill(dovecot, task, mails);
    await baselineMs('fetch-fields', task, mails); // not counted: Dovecot writes its index
    const startedAt = performance.now();
    await gateway.launch();
    const endedAt = await untilTaken(gateway, mails);
    seconds.ours.push((endedAt - startedAt) / MS_PER_S);
    await gateway.stop();
    seconds.bare.push((await baselineMs('fetch-fields', task, mails)) / MS_PER_S);
    say(
      `run ${number}: ours ${seconds.ours.at(-1)?.toFixed(2)} s, bare ${seconds.bare.at(-1)?.toFixed(2)} s`,
    );
  }
  return [
    {
      name: 'catch-up',
      against: `bare ImapFlow fetch of ${FIELDS_IN_WORDS}, already running`,
      unit: 's',
      ours: median(seconds.ours),
      baseline: median(seconds.bare),
      runs: { ours: seconds.ours, baseline: seconds.bare },
      budget: { of: 'none', value: 0 },
    },
  ];
}
