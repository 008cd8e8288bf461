// What an idle watched mailbox takes, beside a bare ImapFlow connection in IDLE: what a process with many of them takes
// more than one with a few, divided by how many more they are.
import type { Benchmark, BenchmarkOptions, Line } from './benchmark.ts';
import { type Crowd, type Idlers, seedGateway, startBare, startCrowdedDovecot, startOurs } from './crowd.ts';
import { type Footprint, FootprintProbe } from './footprint.ts';
import { median } from './statistics.ts';

const MAILBOXES = { full: [1_000, 3_000], quick: [100] };
const FEW = 10; // what a process takes for itself, its code at work, is taken off
const RUNS = { full: 5, quick: 1 };
const BUDGET = 1.3;
const KB = 1_000;

export const memory: Benchmark = { name: 'memory', run };

async function run({ quick, say }: BenchmarkOptions): Promise<Line[]> {
  const lines: Line[] = [];
  for (const accounts of quick ? MAILBOXES.quick : MAILBOXES.full) {
    await using dovecot = await startCrowdedDovecot(accounts);
    for (const tls of [false, true]) {
      const first = accounts === MAILBOXES.full[0] || quick;
      const runs = quick ? RUNS.quick : first ? RUNS.full : 1;
      const name = `memory${tls ? '-tls' : ''}${first ? '' : `-${accounts}`}`;
      lines.push(await compare(name, { dovecot, accounts, tls }, runs, say));
    }
  }
  return lines;
}

async function compare(
  name: string,
  crowd: Crowd,
  runs: number,
  say: BenchmarkOptions['say'],
): Promise<Line> {
  const small = { ...crowd, accounts: FEW };
  await using probe = await FootprintProbe.open();
  await using few = await seedGateway(small);
  await using many = await seedGateway(crowd);
  const measured = async (side: string, start: (env: Record<string, string>) => Promise<Idlers>) => {
    await using idlers = await start(probe.env(side));
    return await probe.read(side, idlers.pid);
  };
  const rest = crowd.accounts - FEW;
  const each = (less: Footprint, more: Footprint): number => (more.rss - less.rss) / rest / KB;
  const baseline: number[] = [];
  const ours: number[] = [];
  for (let at = 1; at <= runs; at++) {
    const bareFew = await measured('bare-few', (env) => startBare(small, env));
    const bareMany = await measured('bare-many', (env) => startBare(crowd, env));
    baseline.push(each(bareFew, bareMany));
    const oursFew = await measured('ours-few', (env) => startOurs(few, FEW, env));
    const oursMany = await measured('ours-many', (env) => startOurs(many, crowd.accounts, env));
    ours.push(each(oursFew, oursMany));
    const heap = (less: Footprint, more: Footprint) =>
      Math.round((more.heapUsed - less.heapUsed) / rest / KB);
    say(
      `${name} ${at} of ${runs}: ours ${ours.at(-1)?.toFixed(1)} kB (heap ${heap(oursFew, oursMany)} kB), ` +
        `bare ${baseline.at(-1)?.toFixed(1)} kB (heap ${heap(bareFew, bareMany)} kB); ` +
        `${crowd.accounts} mailboxes in ${Math.round(oursMany.rss / 1e6)} MB`,
    );
  }
  return {
    name,
    against: `bare ImapFlow in IDLE, ${crowd.accounts} ${crowd.tls ? 'TLS ' : ''}connections`,
    unit: 'kB',
    ours: median(ours),
    baseline: median(baseline),
    runs: { ours, baseline },
    budget: { of: 'most', value: BUDGET },
  };
}
