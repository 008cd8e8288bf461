// 10,000 rules against one message, in this process: matching is pure, so there is nothing to start.
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
const MESSAGES = 500; // different ones, so that no branch or cache learns a message
const ROUNDS = { full: 10, quick: 2 };
const BUDGET_US = 50;

export const rules: Benchmark = { name: 'rules', run };

async function run({ quick, say }: BenchmarkOptions): Promise<Line[]> {
  const set = await ruleSet();
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
  let matched = 0;
  for (let round = 0; round < (quick ? ROUNDS.quick : ROUNDS.full); round++) {
    for (const input of inputs) {
      const startedAt = process.hrtime.bigint();
      matched += set.match(input).length;
      times.push(Number(process.hrtime.bigint() - startedAt) / 1_000);
    }
  }
  if (matched === 0) throw new Error('no rule matched any mail');
  say(`${times.length} matches, p99 ${percentile(times, 0.99).toFixed(1)} µs`);
  return [
    {
      name: 'rules',
      against: `nothing: ${RULES} rules against one message`,
      unit: 'µs',
      ours: median(times),
      baseline: null,
      runs: { ours: [0.01, 0.5, 0.9, 0.99].map((share) => percentile(times, share)), baseline: [] },
      budget: { of: 'value', value: BUDGET_US },
    },
  ];
}

async function ruleSet() {
  const folder = await mkdtemp(join(tmpdir(), 'postern-bench-rules-'));
  try {
    await writeFile(join(folder, 'rules.yaml'), rulesYaml(RULES));
    return await loadRules(folder, silentLogger);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
