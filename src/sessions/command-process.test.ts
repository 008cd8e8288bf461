// A program that the machine has no room for at the moment is started later: nothing is wrong with it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const PROCESS = fileURLToPath(new URL('./command-process.ts', import.meta.url));
/** Starts a program once as many files are open as may be. */
const SCRIPT = `
import { openSync } from 'node:fs';
import { notStarted, startProgram } from ${JSON.stringify(PROCESS)};
const bounds = { outputBytes: 1, errorBytes: 1, onTooMuchOutput: () => undefined };
const failed = async (program) => {
  try {
    const { error } = await startProgram(program, [], {}, bounds).ended;
    return notStarted(program, error);
  } catch (error) {
    return error;
  }
};
const missing = await failed('/nowhere/no-such-program');
try { for (;;) openSync('/dev/null') } catch {}
const short = await failed('/bin/true');
process.stdout.write(JSON.stringify([missing.code, missing.retry, short.code, short.retry, short.message]));
`;

it('a program that cannot be started for want of files is tried again later, and one that is not there is not', {
  skip: process.platform === 'win32',
}, async () => {
  const limited = 'ulimit -n 64; exec "$0" --input-type=module --eval "$1"';
  const { stdout } = await promisify(execFile)('/bin/sh', ['-c', limited, process.execPath, SCRIPT]);
  const [missing, never, short, later, message] = JSON.parse(stdout) as string[];
  assert.deepEqual([missing, never], ['agent_not_started', 'never']);
  assert.deepEqual([short, later], ['agent_not_started', 'later'], message);
});
