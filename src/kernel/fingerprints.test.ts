// Secrets are found in a text wherever they stand, and nothing of them is kept.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { inspect } from 'node:util';
import { Fingerprints } from './fingerprints.ts';

const SECRETS = ['hunter2!', 'correct horse battery staple', 'x'.repeat(200), 'pâss-wörd-漢字'];
const prints = new Fingerprints();
for (const secret of SECRETS) prints.add(secret);

it('finds a secret at the beginning, in the middle and at the end, and also half of a long one', () => {
  for (const secret of SECRETS)
    for (const text of [secret, `${secret} behind`, `before ${secret}`, `a\n${secret}\nb`, `a${secret}b`])
      assert.ok(prints.isIn(text), text);
  assert.ok(prints.isIn('correct horse battery stap'), 'its beginning');
  assert.ok(prints.isIn('rrect horse battery staple'), 'its end');
});

it('finds nothing where there is none', () => {
  for (const text of ['', 'hunter2', 'Hunter2!', 'correct horse', 'x'.repeat(31), 'the pump costs 12 euros'])
    assert.ok(!prints.isIn(text), text);
  const short = new Fingerprints();
  short.add('secret');
  assert.ok(!short.isIn('secret'), 'a word is not taken');
});

it('is quick in a long text with many secrets, also in one that is made of their letters', () => {
  const many = new Fingerprints();
  for (let i = 0; i < 10_000; i++) many.add(`secret number ${i} of all of them`);
  const started = performance.now();
  assert.ok(!many.isIn('secret number '.repeat(70_000)));
  assert.ok(performance.now() - started < 5_000);
});

it('holds no secret', () => {
  assert.doesNotMatch(inspect(prints, { depth: 10, showHidden: true }), /hunter|horse/);
});
