// `npm run soak -- [--minutes N] [--accounts N] [--seed N]`: the soak in another length or size. Ends with 0 only if it
// holds.
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { runSoak, soak } from '../soak.ts';
import { FULL } from './size.ts';

const LARGEST_SEED = 2 ** 32 - 1;
const MOST_ACCOUNTS = 2_000; // each is two IMAP connections and a process of the server for each
const MINUTE_MS = 60_000;

const { values } = parseArgs({
  options: { minutes: { type: 'string' }, accounts: { type: 'string' }, seed: { type: 'string' } },
});
const minutes = Number(values.minutes ?? FULL.soakMs / MINUTE_MS);
const accounts = Number(values.accounts ?? FULL.accounts);
const seed = values.seed === undefined ? randomInt(LARGEST_SEED) : Number(values.seed);
const problem =
  !(minutes > 0) || minutes > 24 * 60
    ? '--minutes takes a number up to 1440.'
    : !Number.isInteger(accounts) || accounts < 1 || accounts > MOST_ACCOUNTS
      ? `--accounts takes a whole number up to ${MOST_ACCOUNTS}.`
      : !Number.isInteger(seed) || seed < 0 || seed > LARGEST_SEED
        ? `--seed takes a whole number up to ${LARGEST_SEED}.`
        : null;
if (problem !== null) {
  console.error(problem);
  process.exit(2);
}
console.log(soak.summary);
console.log(`seed ${seed} (npm run soak -- --minutes ${minutes} --accounts ${accounts} --seed ${seed})`);
const size = { ...FULL, accounts, soakMs: minutes * MINUTE_MS };
const verdict = await runSoak(size, seed, (line) => console.log(`  ${line}`)).catch((error: unknown) => {
  console.error(error);
  return { holds: false, figures: 'soak: could not be carried out' };
});
console.log(verdict.holds ? 'holds' : 'DOES NOT HOLD');
console.log(verdict.figures);
process.exit(verdict.holds ? 0 : 1); // nothing that is still open may hold it up
