// Lists in the form that nearly all have are read without the parser, and mean the same.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { parseAddresses, readAddresses } from './addresses.ts';

const PIECES = [
  ...[
    'a@b.c',
    'x.y@z-1.example',
    'd@e',
    '<a@b.c>',
    '"Ann" <a@b.c>',
    'Ann <x@y.z>',
    "O'Hara",
    "'Ann' ",
    'A. B.',
  ],
  ...[
    '<',
    '>',
    '"',
    ' ',
    '  ',
    ',',
    ';',
    ':',
    '\\',
    '(c)',
    '(',
    '@',
    '.',
    '-',
    '\t',
    'Jr.',
    'a..b',
    'ü',
    '{a}',
  ],
  ...[
    '=?utf-8?q?a?=',
    '=?',
    'undisclosed',
    '[1.2.3.4]',
    'a@b@c',
    'mailto:',
    'Sales Team <sales@x.y>',
    'to: ',
  ],
];
const LISTS = 20_000;
const PLAIN_AT_LEAST = 500;

it('a list that is put together at random means what the parser makes of it', () => {
  let state = 11;
  const below = (limit: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  let found = 0;
  for (let i = 0; i < LISTS; i++) {
    const list = Array.from({ length: 1 + below(6) }, () => PIECES[below(PIECES.length)]).join('');
    const addresses = readAddresses(list);
    assert.deepEqual(addresses, parseAddresses(list), list);
    found += addresses.length;
  }
  assert.ok(found > PLAIN_AT_LEAST, `the test would show nothing with ${found} addresses`);
});

it('a long list of words that almost is an address is read in time that follows its length', () => {
  const before = performance.now();
  for (const word of ['a ', 'a.', 'a', 'a@', '"a ', 'a,']) readAddresses(`${word.repeat(60_000)}\u0001`);
  assert.ok(performance.now() - before < 3_000);
});
