// Mail content on its way to a terminal.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { columnsOf, fitted, safeJson, safeLine, safeLines } from './terminal-text.ts';

it('no control or direction character survives, and each leaves a mark', () => {
  for (let code = 0; code < 0xa0; code++) {
    const char = String.fromCharCode(code);
    const printable = (code >= 0x20 && code < 0x7f) || char === '\n' || char === '\t';
    assert.equal(safeLines(`a${char}b`), printable ? `a${char}b` : 'a\ufffdb', `U+${code.toString(16)}`);
  }
  for (const char of ['\u202e', '\u2066', '\u2069', '\u200f', '\u061c', '\u2028', '\ud800']) {
    assert.equal(safeLines(char), '\ufffd');
  }
});

it('lines end in one way, and a lone carriage return cannot overwrite what stands before it', () => {
  assert.equal(safeLines('a\r\nb'), 'a\nb');
  assert.equal(safeLines('good\rbad'), 'good\ufffdbad');
  assert.equal(safeLine('a\n\tb'), 'a b');
});

it('JSON keeps its value and holds nothing that a terminal obeys', () => {
  const value = { subject: '\x1b[31m\x9b\u202e', text: 'a\nb' };
  const text = safeJson(value);
  assert.deepEqual(JSON.parse(text), value);
  assert.doesNotMatch(text, /[\u0080-\u009f\u202e]/);
});

it('texts are measured and cut as a terminal shows them', () => {
  assert.equal(columnsOf('quote'), 5);
  assert.equal(columnsOf('見積書'), 6);
  assert.equal(columnsOf('e\u0301'), 1);
  assert.equal(fitted('quote', 5), 'quote');
  assert.equal(fitted('quotes', 5), 'quot…');
  assert.equal(fitted('見積書', 5), '見積…');
});
