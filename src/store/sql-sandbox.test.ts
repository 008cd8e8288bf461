// The limits of a query hold against statements that mean harm, and the gateway's event loop never waits for one.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { after, before, describe, it } from 'node:test';
import { type SqlAnswer, SqlRefused, SqlSandbox, type SqlTable } from './sql-sandbox.ts';
import { openSqlite } from './sqlite.ts';
import type { Store } from './store.ts';

const FOR_EVER = 'with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n';
const never = new AbortController().signal;

let folder: string;
let store: Store;
let ledger: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-sandbox-'));
  ledger = join(folder, 'ledger.sqlite');
  store = await openSqlite(ledger);
});
after(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const ask = (
  box: SqlSandbox,
  sql: string,
  parameters = {},
  tables: SqlTable[] = [],
  signal = never,
): Promise<SqlAnswer> => box.query({ sql, parameters, tables }, signal);

/** Whether a process has ended, to be asked until it has. */
function hasEnded(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}

async function untilEnded(pids: readonly number[]): Promise<void> {
  while (!pids.every(hasEnded)) await new Promise((resolve) => setImmediate(resolve));
}

describe('a query that would run for ever', () => {
  for (const [name, sql] of [
    ['recursion', FOR_EVER],
    [
      'a cross join',
      `with recursive n(i) as (select 1 union all select i + 1 from n limit 5000)
       select count(*) from n a, n b, n c where a.i + b.i = c.i - 90000`,
    ],
  ] as const) {
    it(`ends at its limit: ${name}`, async () => {
      const box = new SqlSandbox(ledger, { timeMs: 1_500 });
      const delay = monitorEventLoopDelay({ resolution: 5 });
      delay.enable();
      const asked = ask(box, sql);
      asked.catch(() => undefined);
      await assert.rejects(asked, { code: 'sql_time_limit', message: /longer than 1500 ms/ });
      delay.disable();
      assert.ok(delay.max < 750e6, `the event loop waited ${delay.max / 1e6} ms`);
      await untilEnded(box.pids);
      assert.deepEqual((await ask(box, 'select 1')).rows, [[1]]);
    });
  }

  it('ends with whoever asked', async () => {
    const box = new SqlSandbox(ledger);
    const gone = new AbortController();
    const asked = ask(box, FOR_EVER, {}, [], gone.signal);
    const pids = box.pids;
    while (pids.length === 0) {
      await new Promise((resolve) => setImmediate(resolve));
      pids.push(...box.pids);
    }
    gone.abort(new Error('gone'));
    await assert.rejects(asked, /gone/);
    await untilEnded(pids);
    assert.equal(pids.length, 1);
  });

  it('ends with the gateway’s sandbox', async () => {
    const box = new SqlSandbox(ledger);
    const asked = ask(box, FOR_EVER);
    const refused = assert.rejects(asked);
    while (box.pids.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const pids = box.pids;
    box.stop();
    await refused;
    await untilEnded(pids);
    await assert.rejects(ask(box, 'select 1'), { code: 'stopping' });
  });
});

describe('limits', () => {
  const small = { timeMs: 60_000, rows: 100, resultBytes: 100_000, memoryBytes: 64 * 1024 * 1024 };
  const box = () => new SqlSandbox(ledger, small);
  const many = (count: number) =>
    `with recursive n(i) as (select 1 union all select i + 1 from n limit ${count})`;

  it('of rows: as many as allowed come, one more is an error', async () => {
    assert.equal((await ask(box(), `${many(100)} select i from n`)).rows.length, 100);
    await assert.rejects(
      ask(box(), `${many(101)} select i from n`),
      (error) => error instanceof SqlRefused && error.failure.code === 'sql_too_many_rows',
    );
  });

  it('of bytes', async () => {
    const wide = "printf('%.*c', 3000, 'x')";
    assert.equal((await ask(box(), `${many(30)} select ${wide} from n`)).rows.length, 30);
    await assert.rejects(
      ask(box(), `${many(50)} select ${wide} from n`),
      (error) => error instanceof SqlRefused && error.failure.code === 'sql_result_too_large',
    );
  });

  for (const [name, sql] of [
    ['sorted rows', `${many(20_000_000)} select i from n order by hex(i) || printf('%.*c', 200, 'x')`],
    ['a long list', `${many(100_000)} select length(group_concat(printf('%.*c', 5000, 'x'))) from n`],
    ['distinct values', `${many(20_000_000)} select count(distinct i || printf('%.*c', 5000, 'x')) from n`],
  ] as const) {
    it(`of memory: ${name}`, async () => {
      const asked = ask(box(), sql);
      await assert.rejects(asked, (error) => {
        const code = error instanceof SqlRefused ? error.failure.code : (error as { code: string }).code;
        assert.equal(code, 'sql_memory_limit');
        return true;
      });
    });
  }

  it('of what waits: more queries than that are told to come later', async () => {
    const one = new SqlSandbox(ledger, { timeMs: 20_000 });
    const stop = new AbortController();
    const asked = Array.from({ length: 22 }, () => ask(one, FOR_EVER, {}, [], stop.signal));
    const ended = Promise.allSettled(asked);
    await assert.rejects(ask(one, 'select 1'), { code: 'sql_busy', retry: 'later' });
    assert.ok(one.pids.length <= 2);
    stop.abort(new Error('enough'));
    for (const { status } of await ended) assert.equal(status, 'rejected');
    assert.deepEqual((await ask(one, 'select 1')).rows, [[1]]);
  });
});

describe('values', () => {
  const box = () => new SqlSandbox(ledger);

  it('come back as they went in', async () => {
    const parameters = { a: 'Grüße, 東京 🎉', b: 42n, c: 1.5, d: null, e: "'; drop table messages --" };
    const { columns, rows } = await ask(box(), 'select :a as a, :b, :c, :d as d, :e', parameters);
    assert.deepEqual(rows, [['Grüße, 東京 🎉', 42, 1.5, null, "'; drop table messages --"]]);
    assert.deepEqual(columns, ['a', ':b', ':c', 'd', ':e']);
  });

  it('that JSON cannot hold are texts, base64 or null', async () => {
    const { rows } = await ask(box(), "select 9007199254740993, x'00ff', 9e999, 9007199254740991");
    assert.deepEqual(rows, [['9007199254740993', 'AP8=', null, 9007199254740991]]);
  });

  it('of ten thousand rows arrive whole and in order, and through a table', async () => {
    const text = 'ü'.repeat(300);
    const rows = Array.from({ length: 10_000 }, (_, i) => [i, `${i} ${text}`] as const);
    const table: SqlTable = {
      name: 'connector_1',
      columns: [
        { name: 'i', type: 'integer' },
        { name: 'to', type: 'text' },
      ],
      rows,
    };
    const answer = await ask(box(), 'select i, c."to" from connector_1 c order by i', {}, [table]);
    assert.deepEqual(answer.rows, rows);
  });

  it('of the ledger are those of this moment, while it is written to', async () => {
    const one = new SqlSandbox(ledger);
    const count = async () => (await ask(one, 'select count(*) from texts')).rows[0]?.[0];
    assert.equal(await count(), 0);
    await store.db
      .insertInto('contents')
      .values({ message_id: 'msg_1', text: 'a', reply_text: 'a', html: null, truncated: 0 })
      .execute();
    assert.equal(await count(), 1);
  });
});

it('the place of a mistake is told, also where the same word stood before', async () => {
  const box = new SqlSandbox(ledger);
  const place = async (sql: string) => {
    const error = await ask(box, sql).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof SqlRefused, sql);
    return error.failure;
  };
  const twice = 'select id from messages from accounts';
  assert.equal((await place(twice)).offset, twice.lastIndexOf('from'));
  assert.equal((await place('select (1')).offset, 'select (1'.length);
  assert.equal((await place('select nme from messages')).name, 'nme');
  assert.equal((await place('select 1 from accounts a, mesages')).name, 'mesages');
});
