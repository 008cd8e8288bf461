// `npm test`: finds or installs the servers that tests need, then runs all tests; `npm test -- src/rules` runs those of a
// folder, a file or a glob. What starts with a dash goes to Node's test runner.
import { spawnSync } from 'node:child_process';
import { globSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const TEST_LIMIT_MS = 600_000; // the longest test file takes about two minutes; a hanging one must not hold up CI
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
process.chdir(root);

const args = process.argv.slice(2);
const options = args.filter((arg) => arg.startsWith('-'));
const places = args.filter((arg) => !arg.startsWith('-'));

const files = (places.length === 0 ? ['src', 'examples', 'test'] : places)
  .flatMap(testsIn)
  .filter((file) => !/^test[\\/](proofs|fixtures)[\\/]/.test(file));
if (files.length === 0) {
  console.error(`There are no tests in ${places.join(', ')}.`);
  process.exit(1);
}

if (process.platform === 'win32') {
  console.log('Tests against real mail servers are left out on Windows.');
} else {
  const services = run('bash', ['scripts/test-services']);
  if (services !== 0) process.exit(services);
}
const concurrency = Math.max(2, availableParallelism());
process.exit(
  run(process.execPath, [
    '--test',
    '--test-reporter=spec',
    `--test-concurrency=${concurrency}`,
    `--test-timeout=${TEST_LIMIT_MS}`,
    ...options,
    ...new Set(files),
  ]),
);

/** The test files in a folder, of a glob, or the file itself. Unit tests come first. */
function testsIn(place) {
  const isFolder = statSync(place, { throwIfNoEntry: false })?.isDirectory();
  return globSync(isFolder ? `${place.replace(/[\\/]+$/, '')}/**/*.test.ts` : place).sort();
}

function run(program, programArgs) {
  const { status, error } = spawnSync(program, programArgs, { stdio: 'inherit' });
  if (error) console.error(`${program} could not be started: ${error.message}`);
  return status ?? 1;
}
