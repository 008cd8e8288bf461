// What a page of a PDF says, from where its pieces of text stand.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PageLines } from './pdf-lines.ts';

function paragraphs(...lines: [text: string, at: number][]): string[] {
  const found: string[] = [];
  const page = new PageLines((text) => found.push(text));
  for (const [text, at] of lines) page.add({ text, at, height: 10, endsLine: true });
  page.end();
  return found;
}

test('lines at the distance of lines are a paragraph, and a wider gap ends it', () => {
  assert.deepEqual(paragraphs(['one', 700], ['two', 688], ['three', 660], ['four', 645]), [
    'one\ntwo',
    'three\nfour',
  ]);
});

test('a line further up begins another column', () => {
  assert.deepEqual(paragraphs(['left', 700], ['below', 688], ['right', 700]), ['left\nbelow', 'right']);
});

test('a divided word is made whole, and a dash before a capital or a digit stays', () => {
  assert.deepEqual(paragraphs(['the agree-', 700], ['ment of', 688]), ['the agreement of']);
  assert.deepEqual(paragraphs(['Müller-', 700], ['Meier', 688]), ['Müller-\nMeier']);
});

test('lines of Chinese and Japanese are joined without a break', () => {
  assert.deepEqual(paragraphs(['采购合同第', 700], ['一条', 688]), ['采购合同第一条']);
  assert.deepEqual(paragraphs(['契約書、', 700], ['ページ', 688]), ['契約書、ページ']);
  assert.deepEqual(paragraphs(['采购', 700], ['A4', 688]), ['采购\nA4']);
});

test('pieces of a line are joined as they come, and empty lines say nothing', () => {
  const found: string[] = [];
  const page = new PageLines((text) => found.push(text));
  for (const text of ['20', ' ', 'chairs']) page.add({ text, at: 700, height: 10, endsLine: false });
  page.add({ text: '', at: Number.NaN, height: 0, endsLine: true });
  page.add({ text: ' ', at: 690, height: 10, endsLine: true });
  page.end();
  assert.deepEqual(found, ['20 chairs']);
});
