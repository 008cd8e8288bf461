// Rules about who sent a mail, before and after its signatures were checked.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { metadataOf } from '../mail/metadata.ts';
import { compileRules } from './compile.ts';
import type { RuleInput } from './mail-view.ts';

const rules = compileRules([
  {
    name: 'rules.yaml',
    text: `
rules:
  - { name: proved, when: { trust: verified }, then: [{ label: a }] }
  - { name: not proved, when: { not: { trust: verified } }, then: [{ label: b }] }
  - { name: other than proved, when: { trust: "!verified" }, then: [{ label: c }] }
  - { name: at least asserted, when: { trust: asserted }, then: [{ label: d }] }
  - { name: warned of, when: { trust: lookalike }, then: [{ label: e }] }
  - { name: proved customers, when: { trust: verified, from: "*@customer.example" }, then: [stop] }
  - { name: the rest, then: [{ label: f }] }
`,
  },
]);

const SIGNED = 'DKIM-Signature: v=1; a=rsa-sha256; d=customer.example; s=s1; b=x';
const mail = (header: string, change: Partial<RuleInput> = {}): RuleInput => ({
  account: 'sales',
  mailbox: 'INBOX',
  metadata: metadataOf({
    headers: Buffer.from(`From: anna@customer.example\r\n${header}\r\n\r\n`),
    bodyStructure: undefined,
    size: 1,
  }),
  flags: [],
  isReply: false,
  trust: 'unverified',
  unproved: true,
  text: '',
  ...change,
});
const judged = (input: RuleInput): { sure: string[]; open: string[] } => {
  const all = rules.judge(input);
  return {
    sure: all.filter(({ sure }) => sure).map(({ rule }) => rule),
    open: all.filter(({ sure }) => !sure).map(({ rule }) => rule),
  };
};

describe('rules about who sent a mail', () => {
  it('are open for a mail that a check may prove, and so are those that one of them may stop', () => {
    assert.deepEqual(judged(mail(SIGNED)), {
      sure: [],
      open: [
        'proved',
        'not proved',
        'other than proved',
        'at least asserted',
        'proved customers',
        'the rest',
      ],
    });
  });

  it('hang on no check where a server asserts what is enough', () => {
    const { sure, open } = judged(mail(SIGNED, { trust: 'asserted' }));
    assert.deepEqual(sure, ['at least asserted']);
    assert.ok(open.includes('proved'));
  });

  it('are decided at once for a mail that no check could prove', () => {
    for (const header of [
      'X-Mailer: x',
      SIGNED.replace('customer.example', 'other.example'),
      `${SIGNED}\r\nFrom: ben@customer.example`,
    ])
      assert.deepEqual(judged(mail(header)), {
        sure: ['not proved', 'other than proved', 'the rest'],
        open: [],
      });
  });

  it('know of warnings without a check', () => {
    assert.ok(judged(mail(SIGNED, { trustFlags: ['lookalike'] })).sure.includes('warned of'));
  });

  it('are decided once the check is over, either way', () => {
    assert.deepEqual(judged(mail(SIGNED, { unproved: false })), {
      sure: ['not proved', 'other than proved', 'the rest'],
      open: [],
    });
    assert.deepEqual(judged(mail(SIGNED, { unproved: false, trust: 'verified' })), {
      sure: ['proved', 'at least asserted', 'proved customers'],
      open: [],
    });
  });

  it('say of a mail that was not checked that it is not known', () => {
    const found = rules.explain(mail(SIGNED)).find(({ rule }) => rule === 'proved');
    assert.deepEqual([found?.matched, found?.unsure, found?.failed[0]?.had], [false, true, 'not known']);
  });
});
