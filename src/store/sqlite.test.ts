// The ledger on SQLite: two processes at once, a kill half way, and transactions that are all or nothing.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { openSqlite } from './sqlite.ts';
import { afterCommit, type Store } from './store.ts';

const HERE = new URL('./', import.meta.url).href;
let root: string;
let path: string;
let count = 0;

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'postern-store-'));
});
after(() => rm(root, { recursive: true, force: true }));
beforeEach(() => {
  path = join(root, `case-${++count}`, 'ledger.sqlite');
});

const PROCESSES = 6;
/** Ended after each test, whatever became of it: one that waits would hold the test process. */
const children = new Set<ChildProcess>();
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
});

describe('opening the ledger', () => {
  it('is safe when several processes do it at the same moment', async () => {
    const openers = Array.from({ length: PROCESSES }, () => opener());
    for (const { lines } of openers) assert.equal((await lines.next()).value, 'ready');
    for (const { child } of openers) child.stdin?.write('go\n');
    for (const { lines } of openers) assert.equal((await lines.next()).value, 'open');
    const ended = openers.map(({ child }) => once(child, 'exit'));
    for (const { child } of openers) child.stdin?.end();
    for (const exit of ended) assert.deepEqual(await exit, [0, null]);
    assert.equal(migrationsIn(path)[0], '0001-ledger');
  });

  it('leaves an empty schema behind when it is killed in the middle, and goes through the next time', async () => {
    const { child, lines } = opener(`
      const { DatabaseSync } = await import('node:sqlite');
      const prepare = DatabaseSync.prototype.prepare;
      DatabaseSync.prototype.prepare = function (text) {
        if (/create table "drafts"/.test(text)) process.kill(process.pid, 'SIGKILL');
        return prepare.call(this, text);
      };`);
    await lines.next();
    const ended = once(child, 'exit');
    child.stdin?.write('go\n');
    assert.deepEqual(await ended, [null, 'SIGKILL']);
    assert.deepEqual(tablesIn(path), []);
    const store = await openSqlite(path);
    assert.ok(tablesIn(path).includes('drafts'));
    await store.close();
  });

  it('refuses a ledger that a newer version has migrated, and says what to do', async () => {
    await (await openSqlite(path)).close();
    const database = new DatabaseSync(path);
    database.exec(`insert into migrations (name, ran_at) values ('9999-tomorrow', 0)`);
    database.close();
    await assert.rejects(openSqlite(path), (error: Error & { code: string; hint: string }) => {
      assert.equal(error.code, 'ledger_too_new');
      assert.match(error.message, /9999-tomorrow/);
      assert.match(error.hint, /backup/);
      return true;
    });
  });

  it('refuses a file that is no ledger, without changing it', async () => {
    await mkdir(join(path, '..'));
    await writeFile(
      path,
      'Dear diary, this is no database, and it is longer than a header of SQLite would be.',
    );
    await assert.rejects(openSqlite(path), { code: 'ledger_unreadable' });
  });

  it('gives every file of the ledger to its owner alone', {
    skip: process.platform === 'win32',
  }, async () => {
    const before = process.umask(0);
    const folder = join(path, '..');
    await mkdir(folder, { mode: 0o755 });
    try {
      const store = await openSqlite(path);
      await addAccount(store, 'one');
      const names = await readdir(folder);
      assert.deepEqual(names.sort(), ['ledger.sqlite', 'ledger.sqlite-shm', 'ledger.sqlite-wal']);
      for (const name of names) assert.equal((await stat(join(folder, name))).mode & 0o777, 0o600, name);
      await store.close();
    } finally {
      process.umask(before);
    }
  });
});

describe('a transaction', () => {
  let store: Store;
  beforeEach(async () => {
    store = await openSqlite(path);
  });
  afterEach(() => store.close());

  it('is undone as a whole when its work throws, and the ledger goes on', async () => {
    await assert.rejects(
      store.write(async (tx) => {
        await insertAccount(tx, 'one');
        throw new Error('no');
      }),
      /^Error: no$/,
    );
    await addAccount(store, 'two');
    assert.deepEqual(await labels(store), ['two']);
  });

  it('calls what waits for its commit once it is durable, and never when it is undone', async () => {
    const seen: string[] = [];
    const other = new DatabaseSync(path, { readOnly: true });
    const rows = () => other.prepare('select count(*) as n from accounts').get()?.n;
    await store.write(async (tx) => {
      await insertAccount(tx, 'one');
      afterCommit(tx, () => seen.push(`committed ${rows()}`));
      seen.push(`inside ${rows()}`);
    });
    await assert.rejects(
      store.write(async (tx) => {
        afterCommit(tx, () => seen.push('undone'));
        throw new Error('no');
      }),
    );
    assert.deepEqual(seen, ['inside 0', 'committed 1']);
    other.close();
  });

  it('that is committed is not reported as failed because a listener threw', async () => {
    const warned = once(process, 'warning');
    const seen: string[] = [];
    await store.write(async (tx) => {
      await insertAccount(tx, 'one');
      afterCommit(tx, () => {
        throw new Error('a broken listener');
      });
      afterCommit(tx, () => seen.push('the next one'));
    });
    assert.deepEqual(seen, ['the next one']);
    assert.match(String((await warned)[0]), /a broken listener/);
  });

  it('refuses `db` and another `write` inside of it instead of waiting for itself', async () => {
    await assert.rejects(
      store.write(() => labels(store)),
      { code: 'ledger_misused' },
    );
    await assert.rejects(
      store.write(() => store.write(async () => undefined)),
      { code: 'ledger_misused' },
    );
    assert.deepEqual(await labels(store), []);
  });

  it('lets others wait for its end, in their order, also those that it set off itself', async () => {
    const order: string[] = [];
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    const { promise: entered, resolve: enter } = Promise.withResolvers<void>();
    let started: Promise<unknown> = Promise.resolve();
    const first = store.write(async (tx) => {
      enter();
      await opened;
      await insertAccount(tx, 'one');
      afterCommit(tx, () => {
        started = labels(store).then((found) => order.push(`after the commit: ${found}`));
      });
      order.push('first');
    });
    await entered;
    const second = labels(store).then((found) => order.push(`read ${found}`));
    const third = addAccount(store, 'two').then(() => order.push('third'));
    open();
    await Promise.all([first, second, third]);
    await started;
    assert.deepEqual(order.slice(0, 2), ['first', 'read one']);
    assert.ok(order.some((entry) => entry.startsWith('after the commit: one')));
  });
});

type Writer = Parameters<Parameters<Store['write']>[0]>[0];

const insertAccount = (tx: Writer, label: string) =>
  tx
    .insertInto('accounts')
    .values({
      id: `acc_${label}`,
      label,
      active: 1,
      settings: '{}',
      auth: '{}',
      version: 1,
      created_at: 0,
      updated_at: 0,
    })
    .execute();
const addAccount = (store: Store, label: string) => store.write((tx) => insertAccount(tx, label));
const labels = async (store: Store): Promise<string[]> =>
  (await store.db.selectFrom('accounts').select('label').orderBy('label').execute()).map((row) => row.label);

/** A process that opens the ledger when it is told to, says so, and closes it at the end of its input. */
function opener(first = ''): { child: ChildProcess; lines: AsyncIterator<string> } {
  const script = `
    ${first}
    const { openSqlite } = await import('${HERE}sqlite.ts');
    process.stdin.once('data', async () => {
      const store = await openSqlite(${JSON.stringify(path)});
      console.log('open');
      process.stdin.once('end', () => store.close()).resume();
    });
    console.log('ready');`;
  const child = spawn(process.execPath, ['--input-type=module', '--no-warnings', '-e', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.add(child);
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}

function query(file: string, text: string): string[] {
  if (!existsSync(file)) return [];
  const database = new DatabaseSync(file);
  const rows = database.prepare(text).all();
  database.close();
  return rows.map(({ name }) => String(name));
}
const tablesIn = (file: string): string[] =>
  query(file, `select name from sqlite_master where type = 'table' order by name`);
const migrationsIn = (file: string): string[] => query(file, 'select name from migrations');
