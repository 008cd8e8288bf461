// `npm run bench [-- NAME…] [--quick] [--json FILE] [--cpu-prof FOLDER]`: measures Postern beside bare libraries; docs/performance.md says how.
// The exit code tells whether the measuring worked, not whether the budgets hold: a busy machine is no mistake.
import { writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { attach } from './attach.ts';
import { attachments } from './attachments.ts';
import type { Benchmark, Line } from './benchmark.ts';
import { catchUp } from './catch-up.ts';
import { ingest } from './ingest.ts';
import { latency } from './latency.ts';
import { memory } from './memory.ts';
import { neighbour } from './neighbour.ts';
import { outbound } from './outbound.ts';
import { profileInto } from './profiling.ts';
import { toJson, toTable } from './report.ts';
import { rules } from './rules.ts';
import { startUp } from './start-up.ts';

const benchmarks: readonly Benchmark[] = [
  attach,
  attachments,
  catchUp,
  ingest,
  latency,
  memory,
  neighbour,
  outbound,
  rules,
  startUp,
];

const BUSY_SHARE = 0.5; // of the cores: above it others take time from one side or the other

const say = (text: string): void => console.error(text);

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      'cpu-prof': { type: 'string' },
    },
  });
  const unknown = positionals.filter((name) => !benchmarks.some((benchmark) => benchmark.name === name));
  if (unknown.length > 0)
    throw new Error(
      `there is no benchmark ${unknown.join(', ')}; there are ${benchmarks.map(({ name }) => name).join(', ')}`,
    );
  const chosen = benchmarks.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  profileInto(values['cpu-prof'] === undefined ? undefined : resolve(values['cpu-prof']));
  const lines: Line[] = [];
  const loadBefore = loadavg()[0] ?? 0;
  for (const benchmark of chosen) {
    say(`${benchmark.name} …`);
    lines.push(...(await benchmark.run({ quick: values.quick, say: (text) => say(`  ${text}`) })));
  }
  console.log(toTable(lines));
  const cores = availableParallelism();
  console.log(
    `\n${cores} cores (${cpus()[0]?.model ?? 'unknown'}), Node ${process.version}, load ${loadBefore.toFixed(1)} before` +
      `${values.quick ? ', quick: too short to judge by' : ''}`,
  );
  if (loadBefore > cores * BUSY_SHARE)
    console.log('The machine was busy with other work: these figures say little.');
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(toJson(lines), null, 2)}\n`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
