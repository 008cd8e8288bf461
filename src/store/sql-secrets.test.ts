// Nothing that is secret can be read by SQL, in whatever way it is asked for: every column of every table of the ledger
// holds a word of its own, and what comes out is compared with what the views say they show.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, it } from 'node:test';
import type { SqlFailure } from './sql-job.ts';
import { SqlRun } from './sql-run.ts';
import { sqlViews } from './sql-views.ts';
import { openSqlite } from './sqlite.ts';

/** JSON that views look into: the word hides in a field that no view names. */
const JSON_COLUMNS = [
  'accounts.settings',
  'accounts.auth',
  'messages.metadata',
  'messages.trust',
  'draft_versions.content',
  'broadcasts.sample',
];
/** What must never come out, whatever the views become. */
const SECRET = [
  'account_secrets.ciphertext',
  'account_keys.wrapped_key',
  'objects.bytes',
  'objects.store_key',
  'sessions.token_hash',
  'idempotency_keys.response',
  'idempotency_keys.request_hash',
  'jobs.payload',
  'turns.answer',
  'turns.log',
  'accounts.auth',
  'accounts.settings',
  'future_tokens.secret',
];

let folder: string;
let ledger: string;
const columnsOf = new Map<string, string[]>();

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-sql-'));
  ledger = join(folder, 'a ledger? 100%#1.sqlite');
  await (await openSqlite(ledger)).close();
  const database = new DatabaseSync(ledger);
  database.exec('create table future_tokens (id text, secret text)'); // as a later version might bring
  // What an index keeps its words in ("shadow") cannot be written; that nobody reads it is a question of its own below.
  const tables = database
    .prepare("select name from pragma_table_list where schema = 'main' and type in ('table', 'virtual')")
    .all();
  for (const { name } of tables) {
    const table = String(name);
    if (table === 'migrations' || table.startsWith('sqlite_')) continue;
    const columns = database.prepare(`select name, type from pragma_table_info('${table}')`).all();
    columnsOf.set(
      table,
      columns.map((column) => String(column.name)),
    );
    const values = columns.map((column) => {
      const place = `${table}.${column.name}`;
      if (place === 'jobs.state') return 'dead';
      if (column.type === 'INTEGER' || column.type === 'integer') return 1;
      return JSON_COLUMNS.includes(place) ? JSON.stringify({ hidden: `word:${place};` }) : `word:${place};`;
    });
    database.prepare(`insert into ${table} values (${values.map(() => '?').join(',')})`).run(...values);
  }
  database.close();
});
after(() => rm(folder, { recursive: true, force: true }));

interface Outcome {
  failure: SqlFailure | null;
  /** The words that came out, as `table.column`. */
  words: string[];
}

const run = new SqlRun(); // its ledger is opened at the first question

function ask(sql: string): Outcome {
  try {
    const { rows } = run.start({ ledger, sql, parameters: {}, rows: 1000, resultBytes: 1_000_000 });
    const text = JSON.stringify([...rows]);
    return { failure: null, words: [...text.matchAll(/word:([\w.]+);/g)].map((match) => match[1] as string) };
  } catch (error) {
    const failure = run.explain(error);
    assert.doesNotMatch(failure.message, /word:|s[0-9a-f]{32}/);
    return { failure, words: [] };
  }
}

describe('what SQL can read', () => {
  it('is what the views show, and the views show nothing secret', () => {
    const shown = new Set(sqlViews.flatMap(({ name }) => ask(`select * from ${name}`).words));
    assert.ok(
      shown.has('messages.subject') && shown.has('texts.text') === false && shown.has('contents.text'),
    );
    for (const place of SECRET) assert.ok(!shown.has(place), place);
    for (const place of SECRET.filter((name) => !JSON_COLUMNS.includes(name))) {
      const [table, column] = place.split('.') as [string, string];
      assert.ok(columnsOf.get(table)?.includes(column), `${place} is in the ledger still`);
    }
  });

  it('holds for every column of every table, by every name', () => {
    assert.ok(columnsOf.size > 17);
    const shown = new Set(sqlViews.flatMap(({ name }) => ask(`select * from ${name}`).words));
    for (const [table, columns] of columnsOf) {
      for (const column of columns) {
        const direct = ask(`select "${column}" from main."${table}"`);
        assert.match(direct.failure?.code ?? 'read', /^sql_(forbidden|invalid)$/, `main.${table}.${column}`);
        const waysRound = [
          `select "${column}" from ${table}`,
          `select "${column}" from ${table.toUpperCase()}`,
          `select "${column}" from temp.${table}`,
          ...[table, `main.${table}`, `temp.${table}`].flatMap((name) => [
            `with x as (select "${column}" from ${name}) select * from x`,
            `with messages as (select "${column}" as c from ${name}) select c from messages`,
            `with s as (select * from ${name}) select * from s`,
            `select (select max("${column}") from ${name})`,
            `select "${column}" from (select 'x' as "${column}") full join ${name} using ("${column}")`,
            `select * from (select 'x' as "${column}") right join ${name} using ("${column}")`,
            // A guess that is told to be right would be as good as reading.
            `select * from (select 'word:${table}.${column};' as "${column}") join ${name} using ("${column}")`,
            `select 1 where 'word:${table}.${column};' in (select "${column}" from ${name})`,
            `select * from messages natural join ${name}`,
            `select * from messages order by (select "${column}" from ${name})`,
          ]),
        ];
        for (const sql of waysRound) {
          for (const word of ask(sql).words) assert.ok(shown.has(word), `${sql} gave ${word}`);
        }
      }
    }
  });

  it('does not even tell how many rows a hidden table has', () => {
    const views = sqlViews.map(({ select }) => select).join(' ');
    for (const table of columnsOf.keys()) {
      if (new RegExp(`ledger\\.${table}\\b`).test(views)) continue;
      for (const sql of [
        `select count(*) from ${table}`,
        `select count(*) from main.${table}`,
        `select 1 from ${table} x`,
        `select exists (select 1 from "${table.toUpperCase()}")`,
      ]) {
        assert.match(ask(sql).failure?.message ?? '', /^no such table: /, sql);
      }
    }
  });

  it('has no way to the names of tables or to settings', () => {
    for (const sql of [
      'select * from sqlite_schema',
      'select * from sqlite_master',
      'select sql from temp.sqlite_schema',
      'select count(*) from sqlite_temp_master',
      'select * from pragma_table_list',
      "select * from pragma_table_info('account_secrets')",
      'select count(*) from pragma_database_list',
      'select * from dbstat',
      'select count(*) from dbstat',
      'select block from knowledge_index_data',
      'select count(*) from main.knowledge_index_docsize',
      'select rowid from messages',
      'select _rowid_ from main.messages',
    ]) {
      const { failure, words } = ask(sql);
      assert.ok(failure, sql);
      assert.deepEqual(words, []);
    }
  });
});

describe('what SQL can do', () => {
  for (const sql of [
    "insert into messages (id) values ('x')",
    "insert into main.messages (id) values ('x')",
    'delete from main.messages',
    "update main.drafts set state = 'approved'",
    'drop table main.messages',
    'create table x (a)',
    'create temp table x (a)',
    'create temp view x as select 1',
    'alter table main.messages add column x',
    'create virtual table temp.x using fts5(a)',
    "attach '/etc/passwd' as x",
    "attach ':memory:' as x",
    'detach main',
    'vacuum',
    "vacuum into '/tmp/postern-stolen'",
    'reindex',
    'analyze',
    'begin',
    'commit',
    'savepoint x',
    'pragma query_only = off',
    'pragma writable_schema = on',
    'pragma database_list',
    "with x as (select 1) insert into main.messages (id) select 'x'",
    "replace into main.accounts (id) values ('x')",
  ]) {
    it(`does not include: ${sql}`, () => {
      const { failure } = ask(sql);
      const says = /^(only reading is allowed|This statement reads nothing|no such table: main\.)/;
      assert.match(failure?.message ?? 'done', says);
    });
  }

  for (const name of [
    'load_extension',
    'fts3_tokenizer',
    'randomblob',
    'zeroblob',
    'sqlite_version',
    'changes',
  ]) {
    it(`does not include the function ${name}`, () => {
      const { failure } = ask(`select ${name}('x')`);
      assert.ok(failure?.code === 'sql_forbidden' || failure?.code === 'sql_invalid');
      assert.equal(failure.name, failure.code === 'sql_forbidden' ? name : null);
    });
  }

  it('is to join, to group, to recurse, to look into JSON, to rank and to count', () => {
    for (const sql of [
      'select count(*) from messages',
      'select 1 from accounts',
      'with t as (select 1) select count(*) from t',
      'with recursive n(i) as (select 1 union all select i + 1 from n limit 5) select sum(i) from n',
      'select key, value from json_each(\'{"a": 1}\')',
      'select count(*) from messages m, json_each(m.headers) h',
      'select rank() over (partition by account_id order by date) from messages',
      'select m.subject, s.state from messages m left join sessions s on s.message_id = m.id group by 1, 2',
      "select strftime('%Y', date / 1000, 'unixepoch') from messages union select 'x' except select 'y'",
      "values (1, 'a'), (2, 'b')",
      "select * from (select subject from threads limit 3) x where x.subject like 'w%' escape '\\'",
      "select format('%s', upper(subject)), iif(1, 2, 3), coalesce(null, 1) from submissions",
    ]) {
      assert.equal(ask(sql).failure, null, sql);
    }
  });
});
