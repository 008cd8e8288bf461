// What a mail costs grows with the rules that could match it, and not with all of them. Counted, not timed.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Condition } from '../contracts/rule-condition.ts';
import { compileCondition } from './conditions.ts';
import { MailView } from './mail-view.ts';
import { textPattern } from './pattern.ts';
import { RuleIndex } from './rule-index.ts';
import { type SampleMail, sampleMail } from './testing.ts';
import { TextForm } from './text.ts';

/** How many rules are tried on the mail, of so many made by `condition`. */
function tried(count: number, condition: (number: number) => Condition, mail: SampleMail): number {
  const place = { name: '', path: [], report: assert.fail };
  const checks = Array.from({ length: count }, (_, number) => compileCondition(condition(number), place));
  const index = new RuleIndex(checks.map(({ anchors }) => anchors));
  return index.candidates(new MailView(sampleMail(mail))).length;
}

const sender = (number: number): string => `customer-${number}.example`;
const word = (number: number): string => `word${number}x`;

describe('rules that are tried', () => {
  const kinds: [name: string, condition: (number: number) => Condition][] = [
    ['a domain', (n) => ({ from: sender(n) })],
    ['a domain and a text that is not read', (n) => ({ from: sender(n), text: word(n) })],
    ['a domain and the trust in it', (n) => ({ from: sender(n), trust: 'verified' })],
    ['a domain and a time', (n) => ({ from: sender(n), sent: { weekday: 'mon-fri' } })],
    ['a domain beyond ASCII', (n) => ({ from: `münchen-${n}.example` })],
    ['a word of the subject', (n) => ({ subject: word(n), text: 'offer' })],
    ['an expression over the subject', (n) => ({ subject: `/\\b${word(n)}\\d*/i`, thread: 'new' })],
    ['a header', (n) => ({ header: { 'x-campaign': word(n) }, not: { text: 'offer' } })],
    ['one of two', (n) => ({ any: [{ from: sender(n) }, { subject: word(n) }], size: '<1MB' })],
  ];
  const mail = {
    from: `anna@${sender(7)}`,
    subject: `about ${word(7)}`,
    headers: { 'x-campaign': [word(7)] },
    text: null,
  };
  for (const [name, condition] of kinds) {
    it(`by ${name}: as many of 10,000 as of 100`, () => {
      assert.ok(tried(100, condition, mail) <= 1);
      assert.ok(tried(10_000, condition, mail) <= 1);
    });
  }

  it('by words of the text: all until it was read, and then those whose words it has', () => {
    const condition = (n: number): Condition => ({ text: word(n) });
    assert.equal(tried(10_000, condition, { text: null }), 10_000);
    assert.equal(tried(10_000, condition, { text: `here ${word(7)} and ${word(9_999)} stand` }), 2);
  });

  it('by words of the text of one account: none of another’s', () => {
    const condition = (n: number): Condition => ({
      account: n === 0 ? 'sales' : `other-${n}`,
      text: word(n),
    });
    assert.equal(tried(10_000, condition, { text: null }), 1);
  });
});

describe('expressions made to explode', () => {
  const text = `${'a'.repeat(1_000_000)}!`;
  for (const pattern of [
    '/(a+)+$/',
    '/([ab]{1,40}){1,20}$/',
    '/(a?){200}[!?]b*c/',
    '/(a|aa|aaa)+[^a!]/',
    '/(.*)(.*)(.*)\\d$/',
  ]) {
    it(`${pattern} ends on a text of 1 MB`, () => {
      const form = new TextForm(text, text.length);
      // By the expression itself: what a match needs would leave most of them out before.
      assert.equal(form.text.length, text.length);
      assert.equal(textPattern(pattern, 'part').test(form), false);
    });
  }
});
