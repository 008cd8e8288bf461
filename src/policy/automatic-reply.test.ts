// Which mails may be answered from a template, case by case.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mailKind, type Trust } from '../contracts/mail.ts';
import { type AutomaticReplyRequest, judgeAutomaticReply } from './automatic-reply.ts';

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
const mail = (change: Partial<AutomaticReplyRequest> = {}): AutomaticReplyRequest => ({
  send: 'auto',
  recipient: 'ann@prospect.example',
  from: 'ann@prospect.example',
  own: ['sales@company.example'],
  addressedTo: ['Sales@Company.example'],
  kind: 'personal',
  kindReason: 'nothing marks it as automatic',
  trust: verified,
  followsReply: false,
  ofRecipient: { count: 0, limit: { count: 1, text: '1/1d' } },
  ofRule: { count: 0, limit: { count: 20, text: '20/1h' } },
  ...change,
});
const refusal = (change: Partial<AutomaticReplyRequest>): string | null => {
  const verdict = judgeAutomaticReply(mail(change));
  return verdict.verdict === 'refuse' ? verdict.reason : null;
};
const reasons = (change: Partial<AutomaticReplyRequest>): string[] => {
  const verdict = judgeAutomaticReply(mail(change));
  return verdict.verdict === 'ask' ? verdict.reasons : [];
};

describe('the policy of answers from templates', () => {
  it('lets one go that a rule lets go, and holds it for a person where the rule says so', () => {
    assert.deepEqual(judgeAutomaticReply(mail()), { verdict: 'send' });
    assert.deepEqual(reasons({ send: 'approve' }), ['The rule wants a person to approve what it answers.']);
  });

  for (const kind of mailKind.options)
    it(`${['personal', 'invitation'].includes(kind) ? 'answers' : 'never answers'} ${kind} mail`, () => {
      for (const send of ['auto', 'approve'] as const) {
        const isRefused = refusal({ kind, kindReason: 'the reason', send }) === 'the reason';
        assert.equal(isRefused, !['personal', 'invitation'].includes(kind));
      }
    });

  it('never answers itself, in whatever form its address is written', () => {
    const own = ['sales@company.example', 'info@xn--bcher-kva.example'];
    for (const recipient of ['SALES@Company.example', 'info@bücher.example'])
      assert.match(refusal({ recipient, own }) ?? '', /an address of this mailbox/);
    assert.match(refusal({ recipient: null }) ?? '', /nobody/);
  });

  const machines = [
    'mailer-daemon',
    'MAILER-DAEMON',
    'postmaster',
    'owner-list',
    'list-request',
    'list-owner',
  ];
  const more = [
    'list-bounces',
    'bounce+x=1',
    'bounces',
    'listserv',
    'majordomo',
    'no-reply',
    'noreply',
    'DoNotReply',
  ];
  for (const local of [...machines, ...more, 'do-not-reply', 'no_reply+abc'])
    it(`never answers ${local}@`, () => {
      assert.match(refusal({ recipient: `${local}@prospect.example` }) ?? '', /address of a machine/);
    });
  for (const local of ['norep', 'reply', 'request', 'bouncer', 'owner', 'noreplyx.smith', 'postmasters'])
    it(`answers ${local}@, who may be a person`, () => {
      const recipient = `${local}@prospect.example`;
      assert.deepEqual(judgeAutomaticReply(mail({ recipient })), { verdict: 'send' });
    });

  it('ends what would go in a circle', () => {
    assert.match(refusal({ followsReply: true }) ?? '', /a mail that this rule wrote/);
    const limit = { count: 1, text: '1/1d' };
    assert.match(
      refusal({ ofRecipient: { count: 1, limit } }) ?? '',
      /as many answers as this rule gives \(1\/1d\)/,
    );
    assert.match(refusal({ ofRule: { count: 1, limit } }) ?? '', /as many mails as it may/);
  });

  it('asks a person when the sender is not verified, or the mail is suspicious', () => {
    const unverified = { ...verified, level: 'unverified' as const, reason: 'no signature' };
    assert.deepEqual(reasons({ trust: unverified }), [
      'The sender of the mail is not verified: no signature.',
    ]);
    assert.match(reasons({ trust: { ...verified, flags: ['lookalike'] } })[0] ?? '', /is suspicious/);
    assert.deepEqual(judgeAutomaticReply(mail({ trust: { ...verified, level: 'asserted' } })), {
      verdict: 'send',
    });
  });

  it('asks where only a Reply-To names whom it goes to, and not within the domain of the sender', () => {
    assert.deepEqual(reasons({ recipient: 'victim@third.example' }), [
      'Only a Reply-To says that the answer goes to victim@third.example.',
    ]);
    assert.equal(judgeAutomaticReply(mail({ recipient: 'tickets@prospect.example' })).verdict, 'send');
    assert.equal(reasons({ from: null }).length, 1);
  });

  it('asks where the mailbox is not named: an answer would tell of a blind copy', () => {
    assert.match(
      reasons({ addressedTo: ['team@company.example'] })[0] ?? '',
      /names no address of this mailbox/,
    );
    const own = ['sales@company.example', 'team@company.example'];
    assert.deepEqual(judgeAutomaticReply(mail({ addressedTo: ['team@company.example'], own })), {
      verdict: 'send',
    });
  });

  it('gives every reason at once', () => {
    const unverified = { ...verified, level: 'unverified' as const };
    assert.equal(
      reasons({ send: 'approve', trust: unverified, recipient: 'a@b.example', addressedTo: [] }).length,
      4,
    );
  });
});
