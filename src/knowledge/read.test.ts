// How the text of a mail is cut into pieces.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { piecesOf } from './read.ts';

it('a text is cut at paragraphs, else at lines, else at spaces', () => {
  assert.deepEqual(piecesOf('one two\n\nthree four', 12), ['one two', 'three four']);
  assert.deepEqual(piecesOf('one two\nthree four', 12), ['one two', 'three four']);
  assert.deepEqual(piecesOf('one two three four', 10), ['one two', 'three four']);
  assert.deepEqual(piecesOf('short', 10), ['short']);
  assert.deepEqual(piecesOf(' \n\n ', 10), []);
});

it('no piece is longer than it may be, none is empty, no character is cut, and nothing is lost', () => {
  for (const text of [
    '🙂'.repeat(50),
    `x${'🙂'.repeat(50)}`,
    'a'.repeat(101),
    'word '.repeat(40),
    `${'\n'.repeat(30)}end`,
    `${'a b\n\n'.repeat(30)}`,
  ]) {
    const pieces = piecesOf(text, 10);
    for (const piece of pieces) {
      assert.ok(piece.length > 0 && piece.length <= 10, JSON.stringify(piece));
      assert.ok(piece.isWellFormed());
    }
    assert.equal(pieces.join('').replace(/\s/g, ''), text.replace(/\s/g, ''));
  }
});
