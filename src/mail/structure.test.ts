import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { safeFilename } from './filename.ts';
import { readParameters } from './parameters.ts';
import { attachmentsOf, partsOf, textPartsOf } from './structure.ts';

test('a mail of one part has the section 1', () => {
  assert.equal(partsOf({ type: 'TEXT/PLAIN', encoding: '8BIT', size: 5 })[0]?.path, '1');
});

test('an attached message is one leaf, whatever is in it', () => {
  const parts = partsOf({
    type: 'multipart/mixed',
    childNodes: [
      { type: 'text/plain', part: '1' },
      { type: 'message/rfc822', part: '2', size: 9, childNodes: [{ type: 'text/plain', part: '2' }] },
    ],
  });
  assert.deepEqual(
    parts.map((part) => [part.path, part.type]),
    [
      ['1', 'text/plain'],
      ['2', 'message/rfc822'],
    ],
  );
});

test('text that is attached or named is no body', () => {
  const parts = partsOf({
    type: 'multipart/mixed',
    childNodes: [
      { type: 'text/plain', part: '1' },
      { type: 'text/html', part: '2' },
      { type: 'text/plain', part: '3', disposition: 'attachment' },
      { type: 'text/plain', part: '4', disposition: 'inline', dispositionParameters: { filename: 'a.txt' } },
      { type: 'text/csv', part: '5' },
    ],
  });
  assert.deepEqual(
    textPartsOf(parts).map((part) => part.path),
    ['1', '2'],
  );
  assert.deepEqual(
    attachmentsOf(parts).map((part) => part.path),
    ['3', '4', '5'],
  );
});

describe('parameters', () => {
  test('quotes, comments and continuations', () => {
    const { value, params } = readParameters(
      'Text/Plain (a comment); charset="utf-8"; name*0="a;b"; name*1=c; format=flowed',
    );
    assert.equal(value, 'text/plain');
    assert.deepEqual(
      [...params],
      [
        ['charset', 'utf-8'],
        ['format', 'flowed'],
        ['name', 'a;bc'],
      ],
    );
  });

  test('the extended form wins over its plain fallback', () => {
    assert.equal(
      readParameters("x; filename=fallback; filename*=utf-8''real%20name").params.get('filename'),
      'real name',
    );
  });
});

describe('a safe file name', () => {
  for (const [name, safe] of [
    ['offer.pdf', 'offer.pdf'],
    ['../../etc/passwd', '_.._etc_passwd'],
    ['a\u0000b\r\nc.txt', 'abc.txt'],
    ['invoice\u202Egpj.exe', 'invoicegpj.exe'],
    ['nul', '_nul'],
    ['COM1.txt', '_COM1.txt'],
    ['console.txt', 'console.txt'],
    ['trailing. . ', 'trailing'],
    ['.hidden', 'hidden'],
    ['..', 'fallback'],
    ['', 'fallback'],
    ['a:b*c?"<>|.txt', 'a_b_c_____.txt'],
  ] as const) {
    test(`${JSON.stringify(name)} becomes ${safe}`, () => assert.equal(safeFilename(name, 'fallback'), safe));
  }

  test('a long name is cut to 200 octets between characters and keeps its extension', () => {
    const name = safeFilename(`${'椅'.repeat(300)}.pdf`, 'x');
    assert.ok(Buffer.byteLength(name) <= 200);
    assert.match(name, /^椅+\.pdf$/);
  });
});
