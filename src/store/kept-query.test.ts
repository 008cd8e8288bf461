// Queries that are built once.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { keptQuery } from './kept-query.ts';
import { openSqlite } from './sqlite.ts';

const insert = keptQuery((db, id: string, thread: string, account: string) =>
  db
    .insertInto('thread_references')
    .values({ message_id: id, thread_id: thread, account_id: account })
    .returning('message_id'),
);

it('is built once, and takes its values anew each time, also in the order of another than its parameters', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'postern-kept-'));
  const store = await openSqlite(join(folder, 'ledger.db'));
  let built = 0;
  const inThread = keptQuery((db, thread: string, limit: number, account: string) => {
    built++;
    return db
      .selectFrom('thread_references')
      .select('message_id')
      .where('account_id', '=', account)
      .where('message_id', '<>', 'never')
      .where('thread_id', '=', thread)
      .orderBy('message_id')
      .limit(limit);
  });
  try {
    await store.write(async (tx) => {
      for (const id of ['a', 'b', 'never']) await insert(tx, id, 'thr_1', 'acc_1');
      assert.equal((await insert(tx, 'c', 'thr_2', 'acc_1'))[0]?.message_id, 'c');
    });
    const ids = async (thread: string, limit: number, account: string): Promise<string[]> =>
      (await inThread(store.db, thread, limit, account)).map(({ message_id: id }) => id);
    assert.deepEqual(await ids('thr_1', 5, 'acc_1'), ['a', 'b']);
    assert.deepEqual(await ids('thr_1', 1, 'acc_1'), ['a']);
    assert.deepEqual(await ids('thr_2', 5, 'acc_1'), ['c']);
    assert.deepEqual(await ids('thr_1', 5, 'acc_2'), []);
    assert.equal(built, 1);
  } finally {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  }
});
