// What was committed is durable before anybody is told of it, and the ledger goes on while the disk is at work.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Flusher, WalFile } from './flusher.ts';
import { GroupCommit } from './group-commit.ts';
import { isLedgerFault } from './ledger-fault.ts';
import { openSqlite } from './sqlite.ts';
import { afterCommit, type Store } from './store.ts';

/** A disk that ends its flushes when it is told to. */
function slowDisk() {
  const begun: PromiseWithResolvers<void>[] = [];
  const flusher = new Flusher(() => {
    const flush = Promise.withResolvers<void>();
    begun.push(flush);
    return flush.promise;
  });
  return { begun, flusher };
}

describe('flushes', () => {
  it('do not happen where nothing was written', async () => {
    const { begun, flusher } = slowDisk();
    await flusher.flushed();
    assert.equal(begun.length, 0);
  });

  it('that began before something was written do not count for it, and the next one serves all', async () => {
    const { begun, flusher } = slowDisk();
    const ended: string[] = [];
    const write = (name: string) => {
      flusher.wrote();
      return flusher.flushed().then(() => ended.push(name));
    };
    const all = ['a', 'b', 'c'].map(write);
    assert.equal(begun.length, 1);
    begun[0]?.resolve();
    await all[0];
    await turn();
    assert.deepEqual([ended, begun.length], [['a'], 2]);
    begun[1]?.resolve();
    await Promise.all(all);
    assert.deepEqual([ended, begun.length], [['a', 'b', 'c'], 2]);
    await flusher.flushed();
    assert.equal(begun.length, 2, 'all is durable');
    void write('d');
    assert.equal(begun.length, 3);
  });

  it('are not tried again after one that failed: nobody knows what the system has dropped', async () => {
    const { begun, flusher } = slowDisk();
    flusher.wrote();
    const first = flusher.flushed();
    flusher.wrote();
    const second = flusher.flushed();
    begun[0]?.reject(new Error('EIO'));
    await assert.rejects(first, /EIO/);
    await assert.rejects(second, /EIO/);
    await assert.rejects(flusher.flushed(), /EIO/);
    assert.equal(begun.length, 1);
  });

  it('of a ledger that is closed meanwhile are done by its closing', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'postern-flush-'));
    try {
      const wal = new WalFile(join(folder, 'ledger.sqlite'));
      await wal.close();
      await wal.flush();
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('of a file that cannot be opened say what to look at', async () => {
    const flush = new WalFile('/nowhere/ledger.sqlite').flush();
    await assert.rejects(flush, {
      code: 'ledger_not_flushed',
      message: /\/nowhere\/ledger\.sqlite.*ENOENT/,
    });
    await assert.rejects(flush, isLedgerFault, 'no mail and no job is to blame');
  });
});

describe('a write', () => {
  let folder: string;
  let store: Store;
  let outside: DatabaseSync;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'postern-flush-'));
    store = await openSqlite(join(folder, 'ledger.sqlite'));
    outside = new DatabaseSync(join(folder, 'ledger.sqlite'), { readOnly: true });
  });
  afterEach(async () => {
    outside.close();
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });

  const rows = () => outside.prepare(`select name from migrations where name like 'test-%'`).all().length;

  function commitsOn(disk: ReturnType<typeof slowDisk>) {
    const commits = new GroupCommit(store.db, () => {
      disk.flusher.wrote();
      return disk.flusher.flushed();
    });
    const told: string[] = [];
    const write = (name: string) =>
      commits
        .write(async (tx) => {
          const row = { name: `test-${name}`, ran_at: 0 } as never;
          await tx
            .insertInto('migrations' as never)
            .values(row)
            .execute();
          afterCommit(tx, () => told.push(`act ${name}`));
        })
        .then(() => told.push(name));
    return { write, told };
  }

  it('ends when it is durable, and others are committed meanwhile', async () => {
    const disk = slowDisk();
    const { write, told } = commitsOn(disk);
    const first = write('a');
    while (rows() < 1) await turn();
    const second = write('b');
    while (rows() < 2) await turn();
    assert.deepEqual(told, []);
    disk.begun[0]?.resolve();
    await first;
    assert.deepEqual(told, ['act a', 'a']);
    while (disk.begun.length < 2) await turn();
    disk.begun[1]?.resolve();
    await second;
    assert.deepEqual(told, ['act a', 'a', 'act b', 'b']);
  });

  it('that the disk did not keep fails, and nothing follows from it', async () => {
    const disk = slowDisk();
    const { write, told } = commitsOn(disk);
    const failed = assert.rejects(write('a'), /EIO/);
    while (disk.begun.length < 1) await turn();
    disk.begun[0]?.reject(new Error('EIO'));
    await failed;
    assert.deepEqual(told, []);
  });

  it('to the ledger asks the disk for it once, and one that changes nothing does not', async (t) => {
    const flush = t.mock.method(WalFile.prototype, 'flush');
    const asked = (): number => flush.mock.callCount();
    const insert = { name: 'test-a', ran_at: 0 } as never;
    await store.write((tx) =>
      tx
        .insertInto('migrations' as never)
        .values(insert)
        .execute(),
    );
    assert.equal(asked(), 1);
    const change = store.db.updateTable('migrations' as never).set({ ran_at: 1 } as never);
    await change.where('name' as never, '=', 'test-a' as never).execute();
    assert.equal(asked(), 2, 'a statement by itself');
    await change
      .where('name' as never, '=', 'test-a' as never)
      .returningAll()
      .execute();
    assert.equal(asked(), 3, 'one that answers with rows');
    await change.where('name' as never, '=', 'nobody' as never).execute();
    await store.db
      .selectFrom('migrations' as never)
      .selectAll()
      .execute();
    await store.write((tx) => tx.selectFrom('accounts').selectAll().execute());
    assert.equal(asked(), 3);
  });
});
