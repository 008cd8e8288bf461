// The command `postern` finds a Node that is new enough, and is as good as it: arguments, exit code and signals.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';

const checkout = resolve(import.meta.dirname, '../..');
const MAIN = `
const [exitCode] = process.argv.slice(2);
if (exitCode === 'wait') {
  setInterval(() => {}, 1000);
  process.on('SIGTERM', () => process.exit(7));
} else process.exitCode = Number(exitCode);
console.log(JSON.stringify({ args: process.argv.slice(2), node: process.versions.node, pid: process.pid }));
`;
// The real Node is new: what the command sees is made old. Nothing of this reaches the process that it starts.
const PRETEND =
  "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.0.0' } });\n";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-command-'));
  await cp(join(checkout, 'bin/postern.mjs'), join(folder, 'bin/postern.mjs'));
  await mkdir(join(folder, 'src'));
  await writeFile(join(folder, 'src/main.ts'), MAIN);
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  await writeFile(join(folder, 'pretend.mjs'), PRETEND);
});
after(async () => rm(folder, { recursive: true, force: true }));

interface Run {
  child: ChildProcess;
  out(): string;
  error(): string;
}

function postern(old: boolean, ...args: string[]): Run {
  const pretend = old ? ['--import', pathToFileURL(join(folder, 'pretend.mjs')).href] : [];
  const child = spawn(process.execPath, [...pretend, join(folder, 'bin/postern.mjs'), ...args]);
  let [out, error] = ['', ''];
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    error += chunk;
  });
  return { child, out: () => out, error: () => error };
}

test('a Node that is new enough runs the gateway itself', async () => {
  const run = postern(false, '3', 'two words');
  assert.deepEqual(await once(run.child, 'close'), [3, null], run.error());
  assert.deepEqual(JSON.parse(run.out()), {
    args: ['3', 'two words'],
    node: process.versions.node,
    pid: run.child.pid,
  });
});

test('an old Node without the package is told plainly what is needed', async () => {
  const run = postern(true, '0');
  assert.deepEqual(await once(run.child, 'close'), [1, null]);
  assert.match(run.error(), /needs Node 24 or newer, and this is Node 20\.0\.0/);
});

test('an old Node hands over to the one of the package, with arguments, exit code and signals', async () => {
  await symlink(join(checkout, 'node_modules'), join(folder, 'node_modules'), 'junction');
  const run = postern(true, '5', '--json');
  assert.deepEqual(await once(run.child, 'close'), [5, null], run.error());
  const seen = JSON.parse(run.out()) as { args: string[]; pid: number };
  assert.deepEqual(seen.args, ['5', '--json']);
  assert.notEqual(seen.pid, run.child.pid);

  const waiting = postern(true, 'wait');
  await once(waiting.child.stdout as NodeJS.ReadableStream, 'data');
  waiting.child.kill('SIGTERM');
  assert.deepEqual(await once(waiting.child, 'close'), [7, null], waiting.error());
});
