// Criteria as they are said to a server.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SearchCriteria } from '../contracts/connector.ts';
import type { Token } from './raw-command.ts';
import { searchKeys } from './search-keys.ts';

const shown = (tokens: readonly Token[]): string =>
  tokens
    .map((token) => {
      if (Array.isArray(token)) return `(${shown(token)})`;
      if (token.type === 'LITERAL') return `{${token.value.length}}${token.value}`;
      return token.type === 'STRING' ? JSON.stringify(token.value) : token.value;
    })
    .join(' ');
const said = (criteria: SearchCriteria, ...capabilities: string[]): string =>
  shown(searchKeys(criteria, (capability) => capabilities.includes(capability)));

test('no criteria find everything', () => assert.equal(said({}), 'ALL'));

test('all that is given must hold', () => {
  assert.equal(
    said({ from: 'anna', seen: false, since: '2026-11-05', larger: 0, keyword: ['$A', 'b'], uid: '1:3,7' }),
    'FROM "anna" SINCE 5-Nov-2026 LARGER 0 UNSEEN KEYWORD $A KEYWORD b UID 1:3,7',
  );
});

test('a text in another script is a literal of UTF-8, and the charset is said first', () => {
  assert.equal(said({ not: { subject: 'Grüße' } }), 'CHARSET UTF-8 NOT (SUBJECT {7}Grüße)');
});

test('any of several is a chain of pairs, each in brackets', () => {
  assert.equal(
    said({ or: [{ seen: true, from: 'a' }, { draft: true }, { to: 'b' }], flagged: true }),
    'FLAGGED OR (FROM "a" SEEN) (OR (DRAFT) (TO "b"))',
  );
  assert.equal(said({ or: [{ seen: true }] }), 'SEEN');
});

test('lists of criteria that must all hold stand beside each other', () => {
  assert.equal(
    said({ and: [{ or: [{ seen: true }, { draft: true }] }, { or: [{ to: 'a' }, { to: 'b' }] }] }),
    'OR (SEEN) (DRAFT) OR (TO "a") (TO "b")',
  );
});

test('an empty group is everything, and never lets NOT take hold of what comes after', () => {
  assert.equal(said({ not: {} }), 'NOT (ALL)');
});

test('what a server does not offer is refused with what it would take', () => {
  assert.throws(() => said({ gmail_raw: 'in:all' }), { code: 'search_unsupported', hint: /X-GM-EXT-1/ });
  assert.equal(said({ gmail_raw: 'in:all' }, 'X-GM-EXT-1'), 'X-GM-RAW "in:all"');
  assert.throws(() => said({ modseq: 7 }), { code: 'search_unsupported' });
  assert.equal(said({ modseq: 7 }, 'CONDSTORE'), 'MODSEQ 7');
});

test('too many groups are refused', () => {
  const many = Array.from({ length: 50 }, () => ({ or: Array.from({ length: 5 }, () => ({ seen: true })) }));
  assert.throws(() => said({ or: many }), { code: 'invalid_input' });
});
