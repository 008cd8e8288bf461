// How paragraphs become chunks.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ExtractedChunk } from './contract.ts';
import { Output } from './output.ts';

function output(chunkChars: number, textChars = 1_000_000): { out: Output; chunks: ExtractedChunk[] } {
  const chunks: ExtractedChunk[] = [];
  return { out: new Output({ chunkChars, textChars }, (chunk) => chunks.push(chunk)), chunks };
}
const textsOf = (chunks: readonly ExtractedChunk[]): string[] => chunks.map(({ text }) => text);

describe('chunks', () => {
  test('end on the bounds of paragraphs, and name the row at which they begin', () => {
    const { out, chunks } = output(20);
    for (let row = 1; row <= 4; row++) out.paragraph(`row ${row} here`, { sheet: 'A', row });
    out.flush();
    assert.deepEqual(chunks, [
      { text: 'row 1 here', source: { sheet: 'A', row: 1 } },
      { text: 'row 2 here', source: { sheet: 'A', row: 2 } },
      { text: 'row 3 here', source: { sheet: 'A', row: 3 } },
      { text: 'row 4 here', source: { sheet: 'A', row: 4 } },
    ]);
  });

  test('hold as many paragraphs as fit', () => {
    const { out, chunks } = output(25);
    for (const text of ['one one', 'two two', 'three three']) out.paragraph(text, {});
    out.flush();
    assert.deepEqual(textsOf(chunks), ['one one\ntwo two', 'three three']);
  });

  test('end where the place changes', () => {
    const { out, chunks } = output(100);
    out.paragraph('a', { page: 1 });
    out.paragraph('b', { page: 1 });
    out.paragraph('c', { page: 2 });
    out.flush();
    assert.deepEqual(textsOf(chunks), ['a\nb', 'c']);
  });

  test('cut a long paragraph behind a sentence, else behind a word, else anywhere but within a character', () => {
    const { out, chunks } = output(20);
    out.paragraph('A first sentence. And the second one', {});
    out.flush();
    out.paragraph(`${'句'.repeat(12)}。${'子'.repeat(12)}`, {});
    out.flush();
    out.paragraph(`${'x'.repeat(19)}${'😀'.repeat(3)}`, {});
    out.flush();
    assert.deepEqual(textsOf(chunks), [
      'A first sentence.',
      'And the second one',
      `${'句'.repeat(12)}。`,
      '子'.repeat(12),
      'x'.repeat(19),
      '😀😀😀',
    ]);
  });

  test('hold nothing that shows nothing', () => {
    const { out, chunks } = output(100);
    for (const text of ['', '  \t', '\u200b', 'a\u0000b\u202e\ud800c']) out.paragraph(text, {});
    out.flush();
    assert.deepEqual(textsOf(chunks), ['abc'.replace('c', '\ufffdc')]);
  });

  test('end when the text is as long as it may be', () => {
    const { out, chunks } = output(100, 10);
    out.paragraph('12345678', {});
    assert.equal(out.full, false);
    out.paragraph('12345678', {});
    assert.equal(out.full, true);
    out.paragraph('more', {});
    out.flush();
    assert.deepEqual(textsOf(chunks), ['12345678\n12']);
    assert.deepEqual(out.notes, ['Text after the first 10 characters was left out.']);
  });

  test('that are just as long as they may be are whole, and with a word more they say that it is left out', () => {
    const { out, chunks } = output(100, 10);
    for (const text of ['12345', '67890', ' ']) out.paragraph(text, {});
    assert.deepEqual([out.full, out.notes, out.charsTaken], [false, [], 10]);
    out.paragraph('more', {});
    out.flush();
    assert.deepEqual(textsOf(chunks), ['12345\n67890']);
    assert.deepEqual([out.full, out.notes.length, out.charsTaken], [true, 1, 10]);
  });
});

test('notes are said once, and their number is bounded', () => {
  const { out } = output(100);
  for (let i = 0; i < 60; i++) out.note(`note ${i}`);
  out.note('note 1');
  assert.equal(out.notes.length, 51);
  assert.equal(out.notes.at(-1), 'There is more of this kind: 10 notes were left out.');
});
