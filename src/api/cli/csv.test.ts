import assert from 'node:assert/strict';
import { it } from 'node:test';
import { csv } from './csv.ts';

it('quotes what needs quotes, and ends lines in CRLF (RFC 4180)', () => {
  const rows = [
    ['a,b', 'say "hi"'],
    ['two\nlines', ' space '],
    [null, 1.5],
    ['Grüße 東京', -3],
  ];
  assert.equal(
    csv(['x', 'y'], rows),
    'x,y\r\n"a,b","say ""hi"""\r\n"two\nlines"," space "\r\n,1.5\r\nGrüße 東京,-3\r\n',
  );
});

it('makes no formula out of a text from a mail, unless it must be exact', () => {
  const evil = ['=HYPERLINK("http://x")', '+1', '-1', '@SUM(1)', '\t=1', ' =1', '＝1', '\r=1'];
  for (const text of evil) {
    const [, line] = csv(['subject'], [[text]]).split(/\r\n/);
    assert.match(line ?? '', /^"?'/, JSON.stringify(text));
    assert.doesNotMatch(csv(['subject'], [[text]], true).slice('subject\r\n'.length), /^"?'/);
  }
  assert.equal(csv(['=x'], [[-1]]), "'=x\r\n-1\r\n");
});
