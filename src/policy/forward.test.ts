// Which mails may be forwarded, case by case.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MailKind, Trust } from '../contracts/mail.ts';
import { type ForwardRequest, judgeForward } from './forward.ts';

const verified: Trust = {
  level: 'verified',
  dkim: 'pass',
  spf: 'none',
  dmarc: 'pass',
  arc: 'none',
  reason: 'DKIM aligns',
  flags: [],
  checked: true,
};

const mail = (change: Partial<ForwardRequest> = {}): ForwardRequest => ({
  send: 'auto',
  recipients: ['anna@company.example'],
  own: ['sales@company.example'],
  writers: ['ann@prospect.example'],
  kind: 'personal',
  kindReason: 'nothing marks it as automatic',
  trust: verified,
  followsForward: false,
  count: 0,
  limit: { count: 20, text: '20/1h' },
  files: 2,
  size: 1_000,
  largest: 10_000,
  ...change,
});
const refusal = (change: Partial<ForwardRequest>): string | null => {
  const verdict = judgeForward(mail(change));
  return verdict.verdict === 'refuse' ? verdict.reason : null;
};

describe('the policy of forwarding', () => {
  it('lets a mail go that a rule lets go, and holds it for a person where the rule says so', () => {
    assert.deepEqual(judgeForward(mail()), { verdict: 'send' });
    assert.deepEqual(judgeForward(mail({ send: 'approve' })), {
      verdict: 'ask',
      reasons: ['The rule wants a person to approve what it forwards.'],
    });
  });

  it('asks a person when the sender is not verified, or the mail is suspicious', () => {
    const unverified = { ...verified, level: 'unverified' as const, reason: 'no signature' };
    assert.deepEqual(judgeForward(mail({ trust: unverified })), {
      verdict: 'ask',
      reasons: ['The sender of the mail is not verified: no signature.'],
    });
    assert.equal(judgeForward(mail({ trust: { ...verified, flags: ['lookalike'] } })).verdict, 'ask');
  });

  for (const kind of ['own', 'bounce', 'complaint', 'receipt', 'auto-reply'] as MailKind[])
    it(`refuses ${kind} mail, whatever the rule says`, () => {
      assert.equal(refusal({ kind, kindReason: 'the reason', send: 'approve' }), 'the reason');
    });

  it('forwards mail of lists and machines, which nobody answers', () => {
    for (const kind of ['list', 'bulk', 'auto-generated'] as MailKind[])
      assert.equal(refusal({ kind }), null);
  });

  it('refuses what would go in a circle', () => {
    assert.match(refusal({ followsForward: true }) ?? '', /forwarded before/);
    assert.match(refusal({ recipients: ['Sales@Company.example'] }) ?? '', /account's own address/);
    assert.match(refusal({ recipients: ['x@y.example', 'ANN@prospect.example'] }) ?? '', /wrote it/);
    assert.match(
      refusal({ recipients: ['a@bücher.example'], writers: ['a@xn--bcher-kva.example'] }) ?? '',
      /wrote it/,
    );
    assert.equal(refusal({ count: 19 }), null);
    assert.match(refusal({ count: 20 }) ?? '', /as many as it may \(20\/1h\)/);
  });

  it('refuses what the account could not send', () => {
    assert.match(refusal({ files: 101 }) ?? '', /101 files, and at most 100/);
    assert.match(refusal({ size: 10_001 }) ?? '', /10001 octets, and the account sends 10000/);
  });
});
