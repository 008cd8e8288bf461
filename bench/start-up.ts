// From when a process has loaded its code until the last of many mailboxes is in IDLE, beside a bare ImapFlow loop that
// does the same; and how late the event loop is meanwhile.
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Benchmark, BenchmarkOptions, Line } from './benchmark.ts';
import { seedGateway, startBare, startCrowdedDovecot, startOurs } from './crowd.ts';
import { FootprintProbe } from './footprint.ts';
import { requireRealDisk } from './ledger-view.ts';
import { median } from './statistics.ts';

const MAILBOXES = { full: 1_000, quick: 100 };
const RUNS = { full: 5, quick: 1 };
const BUDGET = 1.5;
const DELAY_BUDGET_MS = 100; // a request or a new mail waits no longer than that for its turn

export const startUp: Benchmark = { name: 'start-up', run };

async function run({ quick, say }: BenchmarkOptions): Promise<Line[]> {
  const accounts = quick ? MAILBOXES.quick : MAILBOXES.full;
  const runs = quick ? RUNS.quick : RUNS.full;
  await using dovecot = await startCrowdedDovecot(accounts);
  await using probe = await FootprintProbe.open();
  const crowd = { dovecot, accounts, tls: false };
  await using gateway = await seedGateway(crowd);
  requireRealDisk(gateway.folder);
  const [data, untouched] = [join(gateway.folder, 'data'), join(gateway.folder, 'untouched')];
  await cp(data, untouched, { recursive: true });
  const bare = async () => {
    await using idlers = await startBare(crowd, probe.env('bare'));
    const { cpuMs, loopDelayMaxMs } = await probe.read('bare', idlers.pid);
    return { ms: idlers.readyMs, sinceStartMs: idlers.sinceStartMs, cpuMs, delayMs: loopDelayMaxMs };
  };
  const ours = async () => {
    await using idlers = await startOurs(gateway, accounts, probe.env('ours'));
    const { cpuMs, loopDelayMaxMs } = await probe.read('ours', idlers.pid);
    return { ms: idlers.readyMs, sinceStartMs: idlers.sinceStartMs, cpuMs, delayMs: loopDelayMaxMs };
  };
  await bare(); // the server makes the mailboxes of its users at their first sign-in
  const seen = { bare: [] as number[], first: [] as number[], again: [] as number[] };
  const delays = { ours: [] as number[], bare: [] as number[] };
  for (let at = 1; at <= runs; at++) {
    await rm(data, { recursive: true });
    await cp(untouched, data, { recursive: true });
    const [baseline, first, again] = [await bare(), await ours(), await ours()];
    seen.bare.push(baseline.ms / 1000);
    seen.first.push(first.ms / 1000);
    seen.again.push(again.ms / 1000);
    delays.bare.push(baseline.delayMs);
    delays.ours.push(Math.max(first.delayMs, again.delayMs));
    say(
      `${at} of ${runs}: bare ${told(baseline)}, ours for the first time ${told(first)}, again ${told(again)}`,
    );
  }
  const line = (name: string, values: number[], what: string): Line => ({
    name,
    against: `bare ImapFlow loop until ${accounts} are in IDLE${what}`,
    unit: 's',
    ours: median(values),
    baseline: median(seen.bare),
    runs: { ours: values, baseline: seen.bare },
    budget: { of: 'most', value: BUDGET },
  });
  return [
    line('start-up', seen.again, ''),
    line('start-up-first', seen.first, '; ours commits each beginning'),
    {
      name: 'start-up-delay',
      against: 'the longest that the event loop was held up meanwhile',
      unit: 'ms',
      ours: median(delays.ours),
      baseline: median(delays.bare),
      runs: { ours: delays.ours, baseline: delays.bare },
      budget: { of: 'value', value: DELAY_BUDGET_MS },
    },
  ];
}

interface Start {
  ms: number;
  sinceStartMs: number;
  cpuMs: number;
  delayMs: number;
}

const told = ({ ms, sinceStartMs, cpuMs, delayMs }: Start): string =>
  `${seconds(ms)} (${seconds(sinceStartMs)} since the process began, CPU ${seconds(cpuMs)}, event loop late by ${Math.round(delayMs)} ms)`;
const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
