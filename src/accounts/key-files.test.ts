// The secrets that Postern makes for itself: once, for its owner alone, also when two processes start at the same moment.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { newAdminToken, newMasterKey, secretFile } from './key-files.ts';

const PROCESSES = 8;
const root = mkdtempSync(join(tmpdir(), 'postern-keys-'));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const place = (): string => join(root, `case-${++count}`, 'master.key');
const onWindows = process.platform === 'win32';

it('a key is made at the first start, and read at every later one', () => {
  const path = place();
  const first = secretFile(path, newMasterKey);
  assert.equal(first.made, true);
  assert.equal(Buffer.from(first.secret, 'base64').length, 32);
  assert.deepEqual(
    secretFile(path, () => assert.fail('made again')),
    { secret: first.secret, made: false },
  );
  assert.match(newAdminToken(), /^postern_[\w-]{32}$/);
});

it('the file is for its owner alone from its first byte, and is made so again', { skip: onWindows }, () => {
  const path = place();
  const before = process.umask(0);
  try {
    secretFile(path, newMasterKey);
  } finally {
    process.umask(before);
  }
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(statSync(join(path, '..')).mode & 0o777, 0o700);
  assert.deepEqual(readdirSync(join(path, '..')), ['master.key'], 'something is left beside it');
  chmodSync(path, 0o644);
  secretFile(path, newMasterKey);
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

it('processes that start at the same moment agree on one key, which one of them made', async () => {
  const path = place();
  const script = `
    const { secretFile, newMasterKey } = await import('${new URL('./key-files.ts', import.meta.url).href}');
    process.stdin.once('data', () => {
      process.stdout.write(JSON.stringify(secretFile(${JSON.stringify(path)}, newMasterKey)));
      process.stdin.destroy();
    });
    process.stdout.write(' ');`;
  const children = Array.from({ length: PROCESSES }, () =>
    spawn(process.execPath, ['--input-type=module', '--no-warnings', '-e', script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    }),
  );
  const ready: Promise<void>[] = [];
  const answers = children.map(async (child) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    ready.push(promise);
    let text = '';
    for await (const chunk of child.stdout) {
      text += chunk;
      resolve();
    }
    return JSON.parse(text) as { secret: string; made: boolean };
  });
  await Promise.all(ready);
  for (const child of children) child.stdin.write('go');
  const found = await Promise.all(answers);
  assert.equal(new Set(found.map(({ secret }) => secret)).size, 1);
  assert.equal(found.filter(({ made }) => made).length, 1);
  assert.equal(readFileSync(path, 'utf8').trim(), found[0]?.secret);
});

it('a file that is empty is an error and is not overwritten: a new key would make every password unreadable', () => {
  const path = place();
  secretFile(path, newMasterKey);
  writeFileSync(path, ' \n');
  assert.throws(() => secretFile(path, newMasterKey), { code: 'secret_file_unreadable' });
  assert.equal(readFileSync(path, 'utf8'), ' \n');
});

it('a folder in the place of the file is an error that names it', () => {
  const path = place();
  secretFile(path, newMasterKey);
  assert.throws(() => secretFile(join(path, '..'), newMasterKey), {
    code: 'secret_file_unreadable',
    message: /case-/,
  });
});
