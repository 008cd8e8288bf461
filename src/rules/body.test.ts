// Conditions about the text of a mail, which is read only where a rule hangs on it, and about the trust in its sender.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileRules } from './compile.ts';
import { matches, rulesText, sampleMail } from './testing.ts';

describe('text', () => {
  it('takes words, patterns, regular expressions and exclusions', () => {
    const text = 'Dear all,\r\n\r\nplease find  the Offer\nno. 1234 below.';
    assert.ok(matches({ text: 'find the offer' }, { text }), 'a line end is a space');
    assert.ok(matches({ text: '/offer no\\. \\d{4}/i' }, { text }));
    assert.ok(matches({ text: 'dear *below.' }, { text }));
    assert.ok(!matches({ text: ['offer', '!dear'] }, { text }));
    assert.ok(!matches({ text: 'invoice' }, { text }));
  });

  it('looks at the first 100,000 characters and no further', () => {
    const text = `${'x'.repeat(99_990)} needle ${'x'.repeat(99_990)} thread`;
    assert.ok(matches({ text: 'needle' }, { text }));
    assert.ok(!matches({ text: 'thread' }, { text }));
  });

  it('neither holds nor fails where the text was not read, and only rules that could match hang on it', () => {
    const set = compileRules([
      {
        name: 'a.yaml',
        text: rulesText(
          { text: 'offer' },
          { from: 'x.example', text: 'offer' },
          { from: 'prospect.example' },
          { not: { text: 'offer' } },
          { any: [{ text: 'offer' }, { from: 'prospect.example' }] },
          { any: [{ text: 'offer' }, { from: 'x.example' }] },
        ),
      },
    ]);
    const judged = set.judge(sampleMail({ text: null })).map(({ rule, sure, lacks }) => [rule, sure, lacks]);
    assert.deepEqual(judged, [
      ['0', false, ['text']],
      ['2', true, []],
      ['3', false, ['text']],
      ['4', true, ['text']],
      ['5', false, ['text']],
    ]);
    const offered = set.judge(sampleMail({ text: 'an offer' })).map(({ rule, sure }) => [rule, sure]);
    assert.deepEqual(offered, [
      ['0', true],
      ['2', true],
      ['4', true],
      ['5', true],
    ]);
    assert.deepEqual(
      set.match(sampleMail({ text: 'hello' })).map(({ rule }) => rule),
      ['2', '3', '4'],
    );
  });

  it('makes unsure what comes behind a rule that stops and hangs on it', () => {
    const text = `rules:
  - { name: stops, when: { text: offer }, then: [stop] }
  - { name: behind, then: [mark_seen] }`;
    const set = compileRules([{ name: 'a.yaml', text }]);
    assert.deepEqual(
      set.judge(sampleMail({ text: null })).map(({ rule, sure }) => [rule, sure]),
      [
        ['stops', false],
        ['behind', false],
      ],
    );
  });
});

describe('trust', () => {
  it('takes at least a level', () => {
    assert.ok(matches({ trust: 'asserted' }, { trust: 'verified' }));
    assert.ok(matches({ trust: 'asserted' }, { trust: 'asserted' }));
    assert.ok(!matches({ trust: 'verified' }, { trust: 'asserted' }));
    assert.ok(!matches({ trust: 'asserted' }, { trust: 'unverified' }));
  });

  it('takes warnings, and a list with exclusions', () => {
    const lookalike = { trust: 'asserted' as const, trustFlags: ['lookalike'] };
    assert.ok(matches({ trust: 'lookalike' }, lookalike));
    assert.ok(!matches({ trust: 'lookalike' }, {}));
    assert.ok(!matches({ trust: ['asserted', '!lookalike'] }, lookalike));
    assert.ok(matches({ trust: ['asserted', '!lookalike'] }, { trust: 'asserted' }));
    assert.ok(matches({ trust: ['lookalike', 'mixed-scripts'] }, { trustFlags: ['mixed-scripts'] }));
    assert.ok(matches({ trust: '!asserted' }, {}), 'unverified mail alone');
    assert.ok(!matches({ trust: '!asserted' }, { trust: 'verified' }));
  });
});
