import assert from 'node:assert/strict';
import { test } from 'node:test';
import iconv from 'iconv-lite';
import { decodeCharset } from './charset.ts';
import { decodeWords } from './encoded-words.ts';
import { readHeaderBlock } from './headers.ts';

const read = (text: string, encoding: BufferEncoding = 'latin1') =>
  readHeaderBlock(Buffer.from(text, encoding));

test('headers are listed under their lower-case names in order of arrival', () => {
  const headers = read('Received: one\r\nTo: a\r\nRECEIVED: two\r\n\r\nBody: no header\r\n');
  assert.deepEqual({ ...headers }, { received: ['one', 'two'], to: ['a'] });
});

test('a folded value is one line, whatever the line ends', () => {
  assert.deepEqual(read('Subject: a\r\n\tb\r\n  c\r\nX: y\r\n').subject, ['a b  c']);
  assert.deepEqual(read('Subject: a\n b\nX: y').x, ['y']);
});

test('a name is followed by blanks or one fold at most: with other white space the signed header is not the only one', () => {
  for (const between of ['', ' ', '\t ', '\r\n ', ' \n\t'])
    assert.deepEqual(read(`Reply-To${between}: a\r\n`)['reply-to'], ['a']);
  for (const between of ['\r', '\v', '\f', '\u00a0', '\r\n \r\n '])
    for (const _ of ['first', 'known'])
      assert.deepEqual({ ...read(`Reply-To${between}: a\r\nTo: b\r\n`) }, { to: ['b'] });
});

test('encoded words are decoded, and what only looks like one stays', () => {
  assert.equal(decodeWords('=?utf-8?Q?a_b=3D?= and =?utf-8?B?w7w=?='), 'a b= and ü');
  assert.equal(decodeWords('=?utf-8?Q?a?= =?utf-8?Q?b?= c'), 'ab c');
  assert.equal(decodeWords('=?utf-8*en?q?tag?='), 'tag');
  assert.equal(decodeWords('1 =? 2 ?= =?x?= =?utf-8?X?a?='), '1 =? 2 ?= =?x?= =?utf-8?X?a?=');
  assert.equal(decodeWords('=?utf-8?Q?what?_next?='), 'what? next');
});

test('Authentication-Results is never decoded: a sender could write results in encoded words', () => {
  const value = 'mx; spf=pass smtp.mailfrom="=?utf-8?q?=22;_dmarc=3Dpass?="@x.example';
  assert.deepEqual(read(`Authentication-Results: ${value}\r\n`)['authentication-results'], [value]);
});

test('bare 8-bit headers are read as UTF-8 where they are, else in the charset of the text', () => {
  assert.deepEqual(read('Subject: Grün\r\n', 'utf8').subject, ['Grün']);
  const koi = iconv.encode('Subject: Привет\r\nContent-Type: text/plain; charset=koi8-r\r\n', 'koi8-r');
  assert.deepEqual(readHeaderBlock(koi).subject, ['Привет']);
});

for (const [charset, text] of [
  ['gb18030', '您好，请报价三十把椅子。谢谢！'],
  ['euc-jp', 'お世話になっております。見積もりをお願いします。'],
  ['shift_jis', 'お世話になっております。見積もりをお願いします。'],
  ['windows-1252', 'Grüße aus Zürich, née Müller'],
  ['windows-1251', 'Пришлите, пожалуйста, цены на стулья'],
  ['koi8-r', 'Пришлите, пожалуйста, цены на стулья'],
] as const) {
  test(`text in ${charset} that declares nothing is guessed`, () => {
    assert.equal(decodeCharset(iconv.encode(text, charset), null), text);
  });
}

test('a UTF-8 text cut within a character stays UTF-8', () => {
  const cut = Buffer.from('Grüße, 您好', 'utf8').subarray(0, -1);
  assert.match(decodeCharset(cut, 'utf-8'), /^Grüße, 您/);
});
