// `npm run proof -- [NAME…] [--quick] [--seed N]`, or `--list`. Ends with 0 only if every proof that was run holds.
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { broadcast } from './broadcast.ts';
import { kills } from './kills.ts';
import { knowledge } from './knowledge.ts';
import { largeFile } from './large-file.ts';
import { oauthKills } from './oauth-kills.ts';
import { oauthSoak } from './oauth-soak.ts';
import { outbox } from './outbox.ts';
import type { Proof } from './proof.ts';
import { sessions } from './sessions.ts';
import { soak } from './soak.ts';
import { source } from './source.ts';

const PROOFS: readonly Proof[] = [
  kills,
  broadcast,
  sessions,
  outbox,
  source,
  knowledge,
  largeFile,
  oauthSoak,
  oauthKills,
  soak,
];
const LARGEST_SEED = 2 ** 32 - 1;

process.exitCode = await main();
process.exit(); // nothing that a proof left open may hold it up

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      seed: { type: 'string' },
    },
  });
  if (values.list) {
    for (const { name, summary } of PROOFS) console.log(`${name.padEnd(12)} ${summary}`);
    return 0;
  }
  const seed = values.seed === undefined ? randomInt(LARGEST_SEED) : Number(values.seed);
  if (!Number.isInteger(seed) || seed < 0 || seed > LARGEST_SEED) {
    console.error(`--seed takes a whole number up to ${LARGEST_SEED}.`);
    return 2;
  }
  const unknown = positionals.filter((name) => !PROOFS.some((proof) => proof.name === name));
  if (unknown.length > 0) {
    console.error(
      `There is no proof ${unknown.join(', ')}. \`npm run proof -- --list\` shows those that are there.`,
    );
    return 2;
  }
  const chosen = PROOFS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  let failed = 0;
  for (const proof of chosen) if (!(await holds(proof, values.quick, seed))) failed++;
  return failed === 0 ? 0 : 1;
}

async function holds(proof: Proof, quick: boolean, seed: number): Promise<boolean> {
  const startedAt = performance.now();
  console.log(`${proof.name}: ${proof.summary}`);
  console.log(`seed ${seed} (npm run proof -- ${proof.name}${quick ? ' --quick' : ''} --seed ${seed})`);
  try {
    const verdict = await proof.run({ quick, seed, tell: (line) => console.log(`  ${line}`) });
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    console.log(`${verdict.holds ? 'holds' : 'DOES NOT HOLD'} after ${seconds} s`);
    console.log(verdict.figures);
    return verdict.holds;
  } catch (error) {
    console.error(error);
    console.log(`${proof.name}: could not be carried out`);
    return false;
  }
}
