// What is found by which words, through SQLite's own index: German, Chinese, Japanese, names, numbers, and hostile queries.
import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { after, before, it } from 'node:test';
import { fold, indexText, LONGEST_QUERY_CHARS, readQuery, snippetOf } from './words.ts';

const TEXTS = {
  german: 'Die Größe der Wärmepumpe für Herrn Müller, Straße 5. Angebotsnummer RE-2026-0815.',
  chinese: '我们需要一份关于全文搜索引擎的报价单，交货期三周。',
  japanese: '株式会社の見積書を添付します。データベースの全文検索、カタログはｶﾀｶﾅです。',
  korean: '회사에서 보낸 견적서입니다.',
  english: 'The quarterly report mentions café prices, naïve résumés and ﬁnal figures of 12,500.00 EUR.',
  thai: 'ใบเสนอราคาสำหรับเครื่องจักร',
  mixed: 'Bitte die PDF文件 von 2026年 prüfen: contact anna.meier@firma-beispiel.de',
} as const;
const names = Object.keys(TEXTS) as (keyof typeof TEXTS)[];

let database: DatabaseSync;
before(() => {
  database = new DatabaseSync(':memory:');
  database.exec(
    "create virtual table i using fts5(text, content='', contentless_delete=1, tokenize='ascii')",
  );
  for (const [row, name] of names.entries())
    database.prepare('insert into i (rowid, text) values (?, ?)').run(row, indexText(TEXTS[name]));
});
after(() => database.close());

const found = (query: string): string[] =>
  database
    .prepare('select rowid from i where i match ? order by rowid')
    .all(readQuery(query).all.expression)
    .map(({ rowid }) => names[Number(rowid)] as string);

for (const [query, expected] of [
  ['grösse', ['german']],
  ['GROESSE', ['german']],
  ['gross', []],
  ['warmepumpe', ['german']],
  ['Wärmepumpe', ['german']],
  ['Mueller', ['german']],
  ['muller', ['german']],
  ['strasse', ['german']],
  ['Angebot', []],
  ['Angebot*', ['german']],
  ['RE-2026-0815', ['german']],
  ['"2026 RE"', []],
  ['"der Wärmepumpe für"', ['german']],
  ['搜索', ['chinese']],
  ['全文搜索', ['chinese']],
  ['索搜', []],
  ['价', ['chinese']],
  ['单', ['chinese']],
  ['報価', []],
  ['检', []],
  ['検索', ['japanese']],
  ['データ', ['japanese']],
  ['カタカナ', ['japanese']],
  ['見積書', ['japanese']],
  ['全文', ['chinese', 'japanese']],
  ['全文 -検索', ['chinese']],
  ['견적서', ['korean']],
  ['회사', ['korean']],
  ['cafe résumés', ['english']],
  ['final', ['english']],
  ['12,500.00', ['english']],
  ['report -quarterly', []],
  ['ราคา', ['thai']],
  ['pdf 文件', ['mixed']],
  ['"PDF文件 von"', ['mixed']],
  ['2026', ['german', 'mixed']],
  ['anna.meier@firma-beispiel.de', ['mixed']],
] as const)
  it(`${query} finds ${expected.length > 0 ? expected.join(' and ') : 'nothing'}`, () => {
    assert.deepEqual(found(query), expected);
  });

it('whatever is typed is words: nothing of it reaches the engine as its language', () => {
  for (const hostile of [
    'quarterly AND',
    'NOT quarterly',
    'NEAR(quarterly report, 5)',
    'text:quarterly',
    '{text} : quarterly',
    '^quarterly',
    'quarterly"',
    '"quarterly',
    '""" quarterly',
    "quarterly'; drop table i; --",
    'quarterly)(',
    '(((((((quarterly',
    'quarterly***',
    '* quarterly',
    '- quarterly',
    '+quarterly + report',
    'quarterly \0 report',
    '\uD800 quarterly',
    '🙂 quarterly',
    `${'a" '.repeat(160)}quarterly`,
    `quarterly ${'(b OR '.repeat(80)}`,
  ])
    assert.doesNotThrow(() => found(hostile), hostile);
  assert.deepEqual(found('^quarterly'), ['english']);
  assert.deepEqual(found('quarterly"'), ['english']);
});

it('a query without a word, or that is too long, is refused in words', () => {
  for (const empty of ['', ' ', '"" *', '--- !!', '-report', '🙂'])
    assert.throws(() => readQuery(empty), { code: 'query_empty' }, empty);
  assert.throws(() => readQuery('a'.repeat(LONGEST_QUERY_CHARS + 1)), { code: 'query_too_long' });
});

it('where not all words stand, some of them may', () => {
  const { all, any } = readQuery('quarterly Wärmepumpe -no');
  assert.equal(all.expression, '("quarterly" AND ("warmepumpe" OR "waermepumpe")) NOT "no"');
  assert.equal(any?.expression, '("quarterly" OR ("warmepumpe" OR "waermepumpe")) NOT "no"');
  assert.equal(readQuery('quarterly').any, null);
  assert.equal(readQuery('RE-2026').any, null);
  assert.equal(readQuery('検索').any, null);
});

it('of words that are written without spaces, some pairs of characters may stand', () => {
  const some = (query: string) =>
    database
      .prepare('select rowid from i where i match ? order by bm25(i) limit 1')
      .all(readQuery(query).any?.expression ?? '')
      .map(({ rowid }) => names[Number(rowid)]);
  assert.deepEqual(found('有没有搜索引擎的报价单'), []);
  assert.deepEqual(some('有没有搜索引擎的报价单'), ['chinese']);
  assert.deepEqual(some('全文検索のカタログ'), ['japanese']);
  assert.deepEqual(some('견적서를'), ['korean']);
  assert.equal(readQuery('"報価単"').any, null);
});

it('letters that make another letter stay apart', () => {
  assert.equal(fold('が'), 'が');
  assert.notEqual(fold('が'), fold('か'));
  assert.equal(fold('Ё'), fold('е'));
});

it('a snippet shows the place, and cuts no character', () => {
  const long = `${'Anfang '.repeat(60)}die Wärmepumpe ${'🙂'.repeat(300)}`;
  const snippet = snippetOf(long, readQuery('waermepumpe warmepumpe').all.marks);
  assert.match(snippet, /^… Anfang .*die Wärmepumpe 🙂+ …$/u);
  assert.ok(snippet.isWellFormed());
  assert.equal(snippetOf('short\n\n text', []), 'short text');
});

it('a text of a million characters without a space is taken in as quickly as any', () => {
  const words = indexText(`${'a'.repeat(500_000)} ${'全'.repeat(500_000)}`);
  assert.ok(words.startsWith(`${'a'.repeat(64)} 全全`));
});
