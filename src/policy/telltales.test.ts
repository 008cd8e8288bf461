// What in a mail would betray where it comes from, and what every mail has.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { squeeze, telltalesIn } from './telltales.ts';

const known = (address: string): boolean => address.endsWith('@prospect.example');
const whatIn = (text: string): string[] => telltalesIn(text, known).found.map(({ what }) => what);

const telling: [text: string, what: RegExp][] = [
  ['Pay to CH93 0076 2011 6238 5295 7 please', /^an account number \(IBAN\)$/],
  ['GB82WEST12345698765432', /^an account number/],
  ['card 4111 1111 1111 1111', /^the number of a card$/],
  ['call +41 44 123 45 67', /^the number 41 4…$/],
  ['order 2026-0012-9934', /^the number 2026…$/],
  ['the code is K7Q-99X-PLM3', /^the code K7Q-…$/],
  ['ask bob@b.example', /^the address bob@b\.example$/],
  ['we have agreed that the price stays as it is until the end of march', /^a passage: "we have agreed/],
];
for (const [text, what] of telling) it(`tells of ${text}`, () => assert.match(whatIn(text)[0] ?? '', what));

for (const text of [
  'Thank you, until 2026-11-21 or 21.11.2026.',
  'The pump X-200 costs 1,250.00 EUR.',
  'ann@prospect.example wrote',
  'CH93 0076 2011 6238 5295', // the check digits are wrong, and it is short
])
  it(`says nothing of ${text}`, () =>
    assert.deepEqual(
      whatIn(text).filter((what) => !/^(the number|a passage)/.test(what)),
      [],
    ));

it('a telltale is found however it is spaced', () => {
  const [iban] = telltalesIn('CH93 0076 2011 6238 5295 7', known).found;
  for (const text of [
    'CH9300762011623852957',
    'ch93-0076-2011-6238-5295-7',
    'IBAN: CH93\n0076 2011 6238 5295 7.',
  ])
    assert.ok(squeeze(text).includes(iban?.squeezed ?? '?'), text);
});

it('is read in time, whatever it is', () => {
  for (const piece of ['1', '1 ', 'a1', 'a@', 'AB12', 'word ', 'a.', '1-', `AB12${'A'.repeat(40)} `]) {
    const started = performance.now();
    assert.ok(telltalesIn(piece.repeat(300_000 / piece.length), known).found.length <= 100);
    assert.ok(performance.now() - started < 4_000, `${piece} took ${performance.now() - started} ms`);
  }
});

it('says where there is more than what is looked for', () => {
  const numbers = Array.from({ length: 70 }, (_, n) => `number ${10_000_000 + n * 7919}`);
  assert.equal(telltalesIn(numbers.slice(0, 50).join('\n'), known).isWhole, true);
  assert.equal(telltalesIn(numbers.join('\n'), known).isWhole, false);
  assert.equal(telltalesIn('word '.repeat(300), known).isWhole, true, 'some of the passages will do');
  assert.equal(telltalesIn('word '.repeat(30_000), known).isWhole, false);
});
