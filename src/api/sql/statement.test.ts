// Reading a statement: connector calls and parameters are found where they are, and nowhere else.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PosternError } from '../../kernel/errors.ts';
import { type Parameters, readStatement } from './statement.ts';
import { tokensOf } from './tokens.ts';

const OPERATIONS = ['validate', 'list_mailboxes', 'search_messages'];
const read = (text: string, given: Parameters = []) => readStatement(text, given, OPERATIONS);

function wrong(text: string, given: Parameters = []): PosternError {
  try {
    read(text, given);
  } catch (error) {
    assert.ok(error instanceof PosternError, String(error));
    return error;
  }
  throw new Error(`not refused: ${text}`);
}

describe('connector_table', () => {
  it('becomes the name of a table, and its input is taken out', () => {
    const { sql, calls } = read(
      `select m.path from connector_table('imap', 'list_mailboxes', JSON '{"account": "it''s"}') AS m`,
    );
    assert.equal(sql, 'select m.path from temp.connector_1 AS m');
    assert.deepEqual(calls, [
      { table: 'connector_1', operation: 'list_mailboxes', argument: '{"account": "it\'s"}', offset: 19 },
    ]);
  });

  it('stands in joins, subqueries and common table expressions, with and without JSON', () => {
    const { sql, calls } = read(
      `with a as (select * from CONNECTOR_TABLE ( 'imap' , 'validate' ))
       select * from a join connector_table('imap','search_messages','{}') b using (account)
       where b.uid in (select uid from connector_table('imap','search_messages',json'{"account":"x"}'))`,
    );
    assert.deepEqual(
      calls.map(({ operation, argument }) => [operation, argument]),
      [
        ['validate', '{}'],
        ['search_messages', '{}'],
        ['search_messages', '{"account":"x"}'],
      ],
    );
    assert.match(sql, /temp\.connector_1\).*temp\.connector_2 b.*temp\.connector_3\)/s);
  });

  it('is not seen in strings, names and comments', () => {
    const text = `select 'connector_table(''imap'',''validate'')', "connector_table(", [connector_table(], \`connector_table(\`
      -- connector_table('imap','validate')
      /* connector_table('imap','validate') ? :x */ , connector_table from x`;
    assert.deepEqual(read(text).calls, []);
    assert.equal(read(text).sql, text);
  });

  it('takes its input from a parameter', () => {
    const { calls, sql, parameters } = read(
      "select ?, * from connector_table('imap','validate',?) where ok = ?",
      [1n, '{"account":"a"}', 0n],
    );
    assert.equal(calls[0]?.argument, '{"account":"a"}');
    assert.equal(sql, 'select :p7, * from temp.connector_1 where ok = :p65');
    assert.deepEqual(parameters, { p7: 1n, p65: 0n });
  });

  it('says what is wrong with it and where', () => {
    for (const [text, message] of [
      ["select * from connector_table('imap')", /column 37: A comma is missing/],
      ["select * from connector_table('smtp','send')", /column 31: There is one connector/],
      ["select * from connector_table(imap,'validate')", /column 31: .*as a string/],
      ["select * from connector_table('imap','delete_message','{}')", /column 38: SQL knows no operation/],
      ["select * from connector_table('imap','validat')", /did you mean `validate`\?/],
      ["select * from\n connector_table('imap','validate', 5)", /Line 2, column 37/],
      ["select * from connector_table('imap','validate'", /not closed/],
      ["select * from connector_table('imap','validate','{}','x')", /not closed/],
      ["select * from connector_table('imap', (select 'validate'))", /as a string/],
      ['select * from connector_table(', /as a string/],
    ] as const) {
      const error = wrong(text);
      assert.equal(error.code, 'sql_invalid', text);
      assert.match(error.message, message);
      assert.match(error.hint ?? '', /Write connector_table/);
    }
    assert.match(wrong("select * from connector_table('imap','validate',?)", [5n]).message, /must be a text/);
  });
});

describe('parameters', () => {
  it('are counted as SQLite counts them', () => {
    const { sql, parameters } = read('select ?, ?3, ?, ?1, ?2', [1, 2, 3, 4]);
    assert.equal(sql, 'select :p7, :p10, :p14, :p17, :p21');
    assert.deepEqual(Object.values(parameters), [1, 3, 4, 1, 2]);
  });

  it('are found by their names, with any sign', () => {
    const { parameters } = read('select :a, @a, $b, :größe', { a: 'x', b: null, größe: 1 });
    assert.deepEqual(Object.values(parameters), ['x', 'x', null, 1]);
  });

  it('that are missing, left over or of the other kind are errors', () => {
    assert.match(wrong('select ?').message, /column 8: There is no value for \?/);
    assert.match(wrong('select :a', { b: 1 }).message, /There is no value for :a/);
    assert.match(wrong('select :toString, :__proto__', {}).message, /There is no value/);
    assert.match(wrong('select 1', [1]).message, /does not use the parameter number 1/);
    assert.match(wrong('select :a', { a: 1, b: 1 }).message, /does not use the parameter b/);
    assert.match(wrong('select :a', [1]).hint ?? '', /an object with :name/);
    assert.match(wrong('select ?0', [1]).message, /no value for \?0/);
  });
});

describe('one statement that reads', () => {
  it('may end in a semicolon and comments', () => {
    assert.equal(read('select 1 ; -- done').parameters.p, undefined);
    assert.ok(read("values (';')"));
    assert.ok(read('/* first */ with x as (select 1) select * from x'));
  });

  it('is all that is taken', () => {
    for (const text of ['', ' ', '-- nothing', ';', 'select 1; select 2', 'select 1;;']) {
      assert.equal(wrong(text).code, 'sql_invalid', text);
    }
    for (const text of [
      'insert into x values (1)',
      'explain select 1',
      'pragma x',
      'attach y',
      '(select 1)',
      'select * from sqlite_schema',
      'select * from "SQLITE_temp_schema"',
    ]) {
      assert.equal(wrong(text).code, 'sql_forbidden', text);
    }
  });

  it('with a string, a name or a comment that does not end is refused', () => {
    assert.match(wrong("select 'a").message, /column 8: This string does not end/);
    assert.match(wrong('select "a').message, /This name does not end/);
    assert.ok(read('select 1 /* to the end'));
  });

  it('is read in linear time', () => {
    const started = performance.now();
    for (const text of [
      `select ${"'a'".repeat(30_000)}`,
      `select ${'('.repeat(90_000)}`,
      `select ${'1.'.repeat(45_000)}`,
      `select ${'x -- '.repeat(10)}${"''".repeat(40_000)}`,
      `select ${'$a::'.repeat(20)}`,
    ]) {
      tokensOf(text);
    }
    assert.ok(performance.now() - started < 1500);
  });
});

it('a place in what is run is found again in what was written', () => {
  const text = "select a, ? from connector_table('imap','validate') x where wrong";
  const { sql, origin } = read(text, [1]);
  for (const word of ['select', 'from', 'x where', 'wrong']) {
    assert.equal(origin(sql.indexOf(word)), text.indexOf(word), word);
  }
  assert.equal(origin(sql.indexOf('temp.') + 3), text.indexOf('connector_table'));
});
