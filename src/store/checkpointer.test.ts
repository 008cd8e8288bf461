// The log is moved into the ledger by a thread, also while the ledger is written to, and the files are in order at the end.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, it } from 'node:test';
import { openSqlite } from './sqlite.ts';
import type { Store } from './store.ts';

const ENOUGH_MS = 60_000; // a thread that never comes to it fails the test

let folder: string;
let path: string;
let store: Store;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-checkpoints-'));
  path = join(folder, 'ledger.sqlite');
  store = await openSqlite(path);
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

let notes = 0;
async function writeOne(): Promise<void> {
  await store.write((tx) =>
    tx
      .insertInto('correspondents')
      .values({ account_id: 'acc_1', address: `person${notes++}@example.org`, name: '', noted_at: 1 })
      .execute(),
  );
}

/** Rows that the ledger's file holds without its log. */
async function moved(): Promise<number> {
  const copy = join(folder, 'copy.sqlite');
  await copyFile(path, copy);
  const database = new DatabaseSync(copy);
  try {
    const tables = database
      .prepare(`select count(*) as n from sqlite_master where name = 'correspondents'`)
      .get();
    if (Number(tables?.n) === 0) return 0;
    return Number(database.prepare('select count(*) as n from correspondents').get()?.n);
  } finally {
    database.close();
    await rm(copy);
  }
}

it('what is committed reaches the ledger while the next is written', async () => {
  const endsAt = Date.now() + ENOUGH_MS;
  while ((await stat(path)).size < 100_000 || (await moved()) < 100) {
    assert.ok(Date.now() < endsAt, 'nothing was moved');
    for (let count = 0; count < 50; count++) await writeOne();
  }
  const rows = await store.db.selectFrom('correspondents').selectAll().execute();
  assert.equal(rows.length, notes);
});

it('a ledger that is closed is one file, whatever the thread was at', async () => {
  for (let count = 0; count < 150; count++) await writeOne();
  await store.close();
  assert.ok(!existsSync(`${path}-wal`));
  assert.ok((await moved()) >= 150);
  store = await openSqlite(path);
});
