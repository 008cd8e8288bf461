// Writes that share a commit: each is all or nothing for itself, and none is told of success before it is durable.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { openSqlite } from './sqlite.ts';
import { afterCommit, type Store, type Tx } from './store.ts';

let folder: string;
let store: Store;
let outside: DatabaseSync;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-group-'));
  store = await openSqlite(join(folder, 'ledger.sqlite'));
  outside = new DatabaseSync(join(folder, 'ledger.sqlite'), { readOnly: true });
});
afterEach(async () => {
  outside.close();
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

/** Rows that another process would find: what is committed. */
const committed = (): string[] =>
  outside
    .prepare('select name from migrations where name like ? order by name')
    .all('test-%')
    .map(({ name }) => String(name));

const insert = (tx: Tx, name: string) =>
  tx
    .insertInto('migrations' as never)
    .values({ name: `test-${name}`, ran_at: 0 } as never)
    .execute();

describe('writes that wait at the same moment', () => {
  it('are committed together', async (t) => {
    t.mock.method(performance, 'now', () => 0); // a slow machine would make two commits of it
    const seen: string[][] = [];
    await Promise.all(
      ['a', 'b', 'c'].map((name) =>
        store.write(async (tx) => {
          await insert(tx, name);
          seen.push(committed());
        }),
      ),
    );
    assert.deepEqual(seen, [[], [], []]);
    assert.deepEqual(committed(), ['test-a', 'test-b', 'test-c']);
  });

  it('are durable when they resolve, and what waits for the commit comes after it', async (t) => {
    t.mock.method(performance, 'now', () => 0); // a slow machine would make two commits of it
    const order: string[] = [];
    const write = async (name: string) => {
      await store.write(async (tx) => {
        await insert(tx, name);
        afterCommit(tx, () => order.push(`${name} acts, ${committed().length} there`));
      });
      order.push(`${name} done, ${committed().length} there`);
    };
    await Promise.all([write('a'), write('b')]);
    assert.deepEqual(order, ['a acts, 2 there', 'b acts, 2 there', 'a done, 2 there', 'b done, 2 there']);
  });

  it('do not share a failure: only the one that throws is undone, with what waited for its commit', async () => {
    const acts: string[] = [];
    const outcomes = await Promise.allSettled(
      ['a', 'b', 'c'].map((name) =>
        store.write(async (tx) => {
          await insert(tx, name);
          afterCommit(tx, () => acts.push(name));
          if (name === 'b') throw new Error('not b');
          return name;
        }),
      ),
    );
    assert.deepEqual(
      outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : String(outcome.reason))),
      ['a', 'Error: not b', 'c'],
    );
    assert.deepEqual(acts, ['a', 'c']);
    assert.deepEqual(committed(), ['test-a', 'test-c']);
  });

  it('all fail when the transaction is lost under them, those that were not begun aside', async (t) => {
    t.mock.method(performance, 'now', () => 0); // they are one group, however slow the machine is
    const lost = (tx: Tx) => tx.executeQuery({ sql: 'rollback', parameters: [] } as never);
    const outcomes = await Promise.allSettled([
      store.write((tx) => insert(tx, 'a')),
      store.write(async (tx) => {
        await insert(tx, 'b');
        await lost(tx);
        throw new Error('disk full');
      }),
      store.write((tx) => insert(tx, 'c')),
    ]);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['rejected', 'rejected', 'fulfilled'],
    );
    assert.deepEqual(committed(), ['test-c']);
  });

  it('wait no longer than for a moment of work: the rest goes into the next commit', async () => {
    const seen: string[][] = [];
    const slow = (name: string) =>
      store.write(async (tx) => {
        const endsAt = performance.now() + 15;
        while (performance.now() < endsAt);
        await insert(tx, name);
        seen.push(committed());
      });
    await Promise.all([slow('a'), slow('b'), slow('c')]);
    assert.deepEqual(seen, [[], ['test-a'], ['test-a', 'test-b']]);
  });

  it('are not overtaken for ever by those that come later', async () => {
    const MOST = 20;
    let begun = 0;
    const slow = (): Promise<void> =>
      store.write(async () => {
        begun++;
        for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate); // here another of its kind comes
        const endsAt = performance.now() + 15;
        while (performance.now() < endsAt);
      });
    const all = [slow()];
    const theirs = store.write(async () => begun);
    const comeLater = async (): Promise<void> => {
      while (all.length < MOST) {
        if (begun === all.length) all.push(slow());
        await new Promise(setImmediate);
      }
    };
    await Promise.all([comeLater(), theirs]);
    await Promise.all(all);
    assert.ok((await theirs) <= 2, `${await theirs} came before`);
  });

  it('refuse a write inside of a write, also while others wait', async () => {
    let inner: Promise<unknown> = Promise.resolve();
    const outer = store.write(async (tx) => {
      const other = store.db.selectFrom('accounts').select('id').execute();
      await assert.rejects(other, { code: 'ledger_misused' });
      inner = assert.rejects(
        store.write((another) => insert(another, 'inner')),
        { code: 'ledger_misused' },
      );
      await inner;
      await insert(tx, 'outer');
    });
    await Promise.all([outer, store.write((tx) => insert(tx, 'next'))]);
    assert.deepEqual(committed(), ['test-next', 'test-outer']);
  });
});

describe('a long queue for the ledger', () => {
  it('is not stuck for ever where the longest wait ends in the moment in which it was over', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const read = () => store.db.selectFrom('accounts').select('id').execute();
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate); // in this the ledger had nothing yet
    void read();
    const write = store.write(async () => {
      const endsAt = performance.now() + 30; // longer than the ledger's share of a turn
      while (performance.now() < endsAt);
    });
    const waiting = read();
    waiting.catch(() => undefined);
    await write; // the connection goes to the read, in the next turn
    t.mock.timers.tick(60_000);
    t.mock.timers.reset();
    assert.deepEqual(await waiting, []);
    const never = new Promise((resolve) => setTimeout(resolve, 2_000, 'never'));
    assert.deepEqual(await Promise.race([read(), never]), []);
  });

  it('lets the event loop turn', async () => {
    let turns = 0;
    let ended = false;
    const turn = (): void => {
      turns++;
      if (!ended) setImmediate(turn);
    };
    setImmediate(turn);
    const busy = async (): Promise<void> => {
      const endsAt = performance.now() + 5;
      while (performance.now() < endsAt);
      await store.db.selectFrom('accounts').select('id').execute();
    };
    for (let at = 0; at < 20; at++) await busy();
    ended = true;
    assert.ok(turns >= 3, `the loop turned ${turns} times in 100 ms of work`);
  });
});
