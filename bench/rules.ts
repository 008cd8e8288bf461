// 10,000 rules against one message, in this process, and 100 beside them: what a message costs has to grow with the rules
// that could match it. Matching is pure, so there is nothing to start.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../src/kernel/logger.ts';
import { metadataOf } from '../src/mail/metadata.ts';
import { loadRules } from '../src/rules/load.ts';
import type { Benchmark, BenchmarkOptions, Line } from './benchmark.ts';
import { rawMail } from './mails.ts';
import { rulesYaml } from './rule-set.ts';
import { median, percentile } from './statistics.ts';

const RULES = 10_000;
const FEW_RULES = 100;
const MESSAGES = 500; // different ones, so that no branch or cache learns a message
const ROUNDS = { full: 10, quick: 2 };
const BUDGET_US = 50;
const BUDGET_GROWTH = 3;

export const rules: Benchmark = { name: 'rules', run };

async function run({ quick, say }: BenchmarkOptions): Promise<Line[]> {
  const [many, few] = [await ruleSet(RULES), await ruleSet(FEW_RULES)];
  const inputs = Array.from({ length: MESSAGES }, (_, index) => {
    const raw = rawMail(index);
    const headers = raw.subarray(0, raw.indexOf('\r\n\r\n') + 4);
    const metadata = metadataOf({ headers, bodyStructure: undefined, size: raw.length });
    return {
      account: 'bench',
      mailbox: 'INBOX',
      metadata,
      flags: [],
      isReply: false,
      trust: 'unverified' as const,
    };
  });
  const times: number[] = [];
  const timesOfFew: number[] = [];
  let matched = 0;
  const timed = (set: typeof many, input: (typeof inputs)[number], into: number[]): void => {
    const startedAt = process.hrtime.bigint();
    matched += set.match(input).length;
    into.push(Number(process.hrtime.bigint() - startedAt) / 1_000);
  };
  for (let round = 0; round < (quick ? ROUNDS.quick : ROUNDS.full); round++) {
    for (const input of inputs) timed(many, input, times);
    for (const input of inputs) timed(few, input, timesOfFew);
  }
  if (matched === 0) throw new Error('no rule matched any mail');
  say(`${times.length} matches, p99 ${percentile(times, 0.99).toFixed(1)} µs`);
  const shares = (all: readonly number[]): number[] =>
    [0.01, 0.5, 0.9, 0.99].map((at) => percentile(all, at));
  return [
    {
      name: 'rules',
      against: `nothing: ${RULES} rules against one message`,
      unit: 'µs',
      ours: median(times),
      baseline: null,
      runs: { ours: shares(times), baseline: [] },
      budget: { of: 'value', value: BUDGET_US },
    },
    {
      name: 'rules-growth',
      against: `${FEW_RULES} rules against the same messages`,
      unit: 'µs',
      ours: median(times),
      baseline: median(timesOfFew),
      runs: { ours: shares(times), baseline: shares(timesOfFew) },
      budget: { of: 'most', value: BUDGET_GROWTH },
    },
  ];
}

async function ruleSet(rules: number) {
  const folder = await mkdtemp(join(tmpdir(), 'postern-bench-rules-'));
  try {
    await writeFile(join(folder, 'rules.yaml'), rulesYaml(rules));
    return await loadRules(folder, silentLogger);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
