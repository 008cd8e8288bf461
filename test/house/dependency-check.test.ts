// The checks that hold the architecture can fail: each is run over a small tree that breaks one rule, and over one that
// breaks none.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';

const checkout = resolve(import.meta.dirname, '../..');
const CLEAN: Record<string, string> = {
  'src/kernel/clock.ts': 'export const now = () => Date.now();\n',
  'src/store/store.ts': "import { sql } from 'kysely';\nexport const query = sql;\n",
  'src/imap/connection.ts':
    "import { ImapFlow } from 'imapflow';\nimport { now } from '../kernel/clock.ts';\nexport const parts = [ImapFlow, now];\n",
  'src/watch/watcher.ts': "export { parts } from '../imap/connection.ts';\n",
  'src/config/config.ts': 'export const home = process.env.HOME;\n',
  'src/main.ts': "import './config/config.ts';\nimport './watch/watcher.ts';\nimport './store/store.ts';\n",
};

interface Outcome {
  code: number;
  output: string;
}

/** Runs a checking program over the clean tree with some files added or put in place of others. */
async function check(program: string[], files: Record<string, string> = {}): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-house-'));
  try {
    for (const name of ['.dependency-cruiser.cjs', 'biome.json', 'package.json']) {
      await cp(join(checkout, name), join(folder, name));
    }
    await symlink(join(checkout, 'node_modules'), join(folder, 'node_modules'), 'junction');
    for (const [name, content] of Object.entries({ ...CLEAN, ...files })) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), content);
    }
    const [script = '', ...args] = program;
    return await new Promise((done) => {
      execFile(
        process.execPath,
        [join(checkout, 'node_modules', script), ...args],
        { cwd: folder },
        (error, stdout, stderr) => done({ code: error ? Number(error.code) : 0, output: stdout + stderr }),
      );
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const dependencies = (files?: Record<string, string>): Promise<Outcome> =>
  check(
    ['dependency-cruiser/bin/dependency-cruiser.mjs', '--config', '.dependency-cruiser.cjs', 'src'],
    files,
  );
const lint = (files?: Record<string, string>): Promise<Outcome> =>
  check(['@biomejs/biome/bin/biome', 'lint', '--error-on-warnings'], files);

const VIOLATIONS: { what: string; rule: string; files: Record<string, string> }[] = [
  {
    what: 'a room that imports one that comes after it',
    rule: 'direction-imap',
    files: {
      'src/imap/connection.ts': "import '../watch/other.ts';\n",
      'src/watch/other.ts': 'export {};\n',
    },
  },
  {
    what: 'a type that comes from a later room',
    rule: 'direction-kernel',
    files: {
      'src/kernel/clock.ts': "import type { Api } from '../api/api.ts';\nexport const now = (): Api => 1;\n",
      'src/api/api.ts': 'export type Api = number;\n',
    },
  },
  {
    what: 'a room that fetches its settings',
    rule: 'direction-config',
    files: { 'src/watch/watcher.ts': "import '../config/config.ts';\n" },
  },
  {
    what: 'settings that know of a mail room',
    rule: 'direction-aside',
    files: { 'src/config/config.ts': "import '../store/store.ts';\n" },
  },
  {
    what: 'a room that is not in the list',
    rule: 'direction-unknown-room',
    files: { 'src/utils/all.ts': "import '../kernel/clock.ts';\n" },
  },
  {
    what: 'a library outside its door',
    rule: 'door-imapflow',
    files: {
      'src/watch/watcher.ts': "import { ImapFlow } from 'imapflow';\nexport const open = ImapFlow;\n",
    },
  },
  {
    what: 'a deep path into a library',
    rule: 'door-nodemailer',
    files: { 'src/watch/watcher.ts': "export { default } from 'nodemailer/lib/mail-composer';\n" },
  },
  {
    what: 'SQL outside the store',
    rule: 'door-kysely',
    files: { 'src/watch/watcher.ts': "import { sql } from 'kysely';\nexport const query = sql;\n" },
  },
  {
    what: 'the environment by its module',
    rule: 'door-environment',
    files: { 'src/watch/watcher.ts': "export { env } from 'node:process';\n" },
  },
  {
    what: 'a cycle',
    rule: 'no-cycles',
    files: {
      'src/watch/a.ts': "import { b } from './b.ts';\nexport const a = () => b;\n",
      'src/watch/b.ts': "import { a } from './a.ts';\nexport const b = () => a;\n",
    },
  },
  {
    what: 'a package in the kernel',
    rule: 'kernel-alone',
    files: { 'src/kernel/clock.ts': "export { z } from 'zod';\n" },
  },
  {
    what: 'contracts that need more than zod',
    rule: 'contracts-alone',
    files: { 'src/contracts/mail.ts': "import '../kernel/clock.ts';\n" },
  },
  {
    what: 'a pure room that reads files',
    rule: 'pure-rooms',
    files: { 'src/policy/decide.ts': "export { readFileSync } from 'node:fs';\n" },
  },
  {
    what: 'a pure room that reads files by promises',
    rule: 'pure-rooms',
    files: { 'src/mail/threads.ts': "export { readFile } from 'node:fs/promises';\n" },
  },
  {
    what: 'an import that leads nowhere',
    rule: 'no-unresolvable',
    files: { 'src/watch/watcher.ts': "import './missing.ts';\n" },
  },
  {
    what: 'running code that imports tests',
    rule: 'no-test-code',
    files: { 'src/watch/watcher.ts': "import './a.test.ts';\n", 'src/watch/a.test.ts': 'export {};\n' },
  },
  {
    what: 'running code that imports what stands outside src',
    rule: 'nothing-outside',
    files: { 'src/watch/watcher.ts': "import '../../test/a.ts';\n", 'test/a.ts': 'export {};\n' },
  },
];

test('a tree that keeps every rule passes', async () => {
  const { code, output } = await dependencies();
  assert.equal(code, 0, output);
});

test('types of kysely may be named anywhere, and tests may reach across rooms', async () => {
  const { code, output } = await dependencies({
    'src/watch/watcher.ts': "import type { Kysely } from 'kysely';\nexport type Db = Kysely<unknown>;\n",
    'src/imap/connection.test.ts': "import '../watch/watcher.ts';\nimport '../../test/a.ts';\n",
    'test/a.ts': 'export {};\n',
  });
  assert.equal(code, 0, output);
});

for (const { what, rule, files } of VIOLATIONS) {
  test(`the dependency check refuses ${what}`, async () => {
    const { code, output } = await dependencies(files);
    assert.notEqual(code, 0, output);
    assert.match(output, new RegExp(`error ${rule}: `));
  });
}

test('process.env is read in config alone', async () => {
  const clean = await lint();
  assert.equal(clean.code, 0, clean.output);
  for (const code of [
    'export const home = process.env.HOME;\n',
    "export const home = process['env'].HOME;\n",
  ]) {
    const broken = await lint({ 'src/watch/watcher.ts': code });
    assert.notEqual(broken.code, 0, code);
    assert.match(broken.output, /noProcessEnv/);
  }
});
