// What an agent's mail may do, case by case.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type MailKind, mailKind, type Trust } from '../contracts/mail.ts';
import { agent } from '../contracts/rule.ts';
import { judgeOutgoing, type OutgoingRequest } from './outgoing.ts';
import { refusedLabel, refusedMove } from './verbs.ts';

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
const unverified: Trust = { ...verified, level: 'unverified', reason: 'no signature' };

const may = (policy: object) =>
  agent.parse({ run: { command: ['x'] }, may: { reply: 'auto', ...policy } }).may;
const mail = (to: string | string[], change: Partial<OutgoingRequest> = {}): OutgoingRequest => ({
  recipients: [to].flat(),
  bcc: [],
  thread: ['ann@prospect.example'],
  named: [],
  outsiders: [],
  kind: 'personal',
  kindReason: 'nothing marks it as automatic',
  trust: verified,
  ...change,
});
const isSent = (recipients: unknown, to: string | string[], thread?: string[]): boolean =>
  judgeOutgoing(may({ recipients }), mail(to, thread ? { thread } : {})).verdict === 'send';

describe('the policy of outgoing mail', () => {
  it('refuses all mail under never, holds it under approve and lets it go under auto', () => {
    const ann = mail('ann@prospect.example');
    assert.deepEqual(judgeOutgoing(may({ reply: 'never' }), ann), {
      verdict: 'refuse',
      reason: 'the policy of this agent says reply: never',
    });
    assert.deepEqual(judgeOutgoing(may({ reply: 'approve' }), ann), {
      verdict: 'ask',
      reasons: ['The policy of this agent wants a person to approve its mail.'],
    });
    assert.deepEqual(judgeOutgoing(may({ reply: 'auto' }), ann), { verdict: 'send' });
  });

  it('asks a person and writes to the thread alone where the rules say nothing', () => {
    const bare = agent.parse({ run: { command: ['x'] } }).may;
    assert.equal(judgeOutgoing(bare, mail('ann@prospect.example')).verdict, 'ask');
    assert.equal(judgeOutgoing(bare, mail('eve@evil.example')).verdict, 'refuse');
  });

  const recipients: [policy: unknown, to: string, allowed: boolean][] = [
    ['thread', 'ann@prospect.example', true],
    ['thread', 'ANN@Prospect.Example', true],
    ['thread', 'bob@prospect.example', false],
    ['thread', 'ann@prospect.example.evil.example', false],
    ['any', 'eve@evil.example', true],
    [[], 'ann@prospect.example', false],
    [['bob@b.example'], 'bob@b.example', true],
    [['Bob@B.example'], 'bOb@b.EXAMPLE', true],
    [['bob@b.example'], 'ann@prospect.example', false],
    [['b.example'], 'anybody@b.example', true],
    [['b.example'], 'anybody@sub.b.example', false],
    [['b.example'], 'anybody@evilb.example', false],
    [['b.example'], '"x@b.example"@evil.example', false],
    [['*@b.example'], 'anybody@b.example', true],
    [['@b.example'], 'anybody@b.example', true],
    [['*.b.example'], 'anybody@sub.b.example', true],
    [['*.b.example'], 'anybody@b.example', false],
    [['team-*@b.example'], 'team-a@b.example', true],
    [['team-*@b.example'], 'team-a@b.example.evil.example', false],
    [['bücher.example'], 'anna@xn--bcher-kva.example', true],
    [['anna@xn--bcher-kva.example'], 'anna@BÜCHER.example', true],
    [['nonsense', 'b.example'], 'nonsense@evil.example', false],
  ];
  for (const [policy, to, allowed] of recipients) {
    it(`recipients ${JSON.stringify(policy)} ${allowed ? 'allow' : 'refuse'} ${to}`, () => {
      assert.equal(isSent(policy, to), allowed);
    });
  }

  it('knows a person of the thread by either form of an international domain', () => {
    assert.ok(isSent('thread', 'anna@xn--bcher-kva.example', ['anna@bücher.example']));
    assert.ok(isSent('thread', 'anna@bücher.example', ['ANNA@xn--bcher-kva.example']));
  });

  it('refuses the whole mail for one recipient that is not allowed, and names it alone', () => {
    const verdict = judgeOutgoing(may({}), mail(['ann@prospect.example', 'eve@evil.example']));
    assert.deepEqual(verdict, {
      verdict: 'refuse',
      reason: 'the policy of this agent does not allow eve@evil.example as a recipient',
    });
  });

  it('refuses a mail without recipients, and blind copies even to the people of the thread', () => {
    assert.equal(judgeOutgoing(may({ recipients: 'any' }), mail([])).verdict, 'refuse');
    const bcc = ['ann@prospect.example'];
    assert.deepEqual(judgeOutgoing(may({ recipients: 'any' }), mail('ann@prospect.example', { bcc })), {
      verdict: 'refuse',
      reason: 'an agent may not add blind copies',
    });
  });

  for (const kind of mailKind.options) {
    // Of an invitation that is marked as automatic besides, `answeredAs` makes that kind of mail.
    const answered = kind === 'personal' || kind === 'invitation';
    it(`${answered ? 'lets' : 'does not let'} a machine answer ${kind} mail, whatever the policy`, () => {
      for (const reply of ['auto', 'approve']) {
        const request = mail('ann@prospect.example', { kind: kind as MailKind, kindReason: 'the reason' });
        const verdict = judgeOutgoing(may({ reply, recipients: 'any' }), request);
        assert.equal(verdict.verdict === 'refuse', !answered);
        if (verdict.verdict === 'refuse') assert.match(verdict.reason, /the reason$/);
      }
    });
  }

  it('holds automatic mail for a person when a sender is not verified, and says why', () => {
    assert.deepEqual(judgeOutgoing(may({}), mail('ann@prospect.example', { trust: unverified })), {
      verdict: 'ask',
      reasons: ['The sender of a mail that the agent has read is not verified: no signature.'],
    });
    const asserted = { ...verified, level: 'asserted' as const };
    assert.equal(judgeOutgoing(may({}), mail('ann@prospect.example', { trust: asserted })).verdict, 'send');
  });

  it('a mail that looks like somebody else asks a person, whoever it is proved to be from', () => {
    const trust: Trust = { ...verified, flags: ['lookalike', 'reply-to-elsewhere'] };
    assert.deepEqual(judgeOutgoing(may({}), mail('ann@prospect.example', { trust })), {
      verdict: 'ask',
      reasons: [
        'A mail that the agent has read is suspicious: its address looks like that of somebody known, and is another.',
      ],
    });
    const elsewhere: Trust = { ...verified, flags: ['reply-to-elsewhere'] };
    assert.equal(judgeOutgoing(may({}), mail('ann@prospect.example', { trust: elsewhere })).verdict, 'send');
  });

  it('holds automatic mail that goes where only a Reply-To points', () => {
    const named = ['victim@third.example'];
    const thread = ['ann@prospect.example', ...named];
    assert.deepEqual(judgeOutgoing(may({}), mail(named, { thread, named })), {
      verdict: 'ask',
      reasons: ['Only a Reply-To says that the answer goes to victim@third.example.'],
    });
    const allowed = may({ recipients: ['third.example'] });
    assert.equal(judgeOutgoing(allowed, mail(named, { thread, named })).verdict, 'send');
  });

  it('asks where somebody came into the thread from outside, whoever the answer goes to', () => {
    const outsiders = ['eve@evil.example'];
    assert.deepEqual(judgeOutgoing(may({ recipients: 'any' }), mail('ann@prospect.example', { outsiders })), {
      verdict: 'ask',
      reasons: ['eve@evil.example came into this conversation from outside of it.'],
    });
  });

  it('gives every reason at once', () => {
    const verdict = judgeOutgoing(
      may({ reply: 'approve' }),
      mail('ann@prospect.example', { trust: unverified }),
    );
    assert.equal(verdict.verdict === 'ask' && verdict.reasons.length, 2);
  });
});

describe('what an agent may do in the mailbox', () => {
  it('lets it set labels unless the rules say no, and never a system flag', () => {
    assert.equal(refusedLabel(may({}), 'Agent/Quotes'), null);
    assert.match(refusedLabel(may({ label: false }), 'Agent/Quotes') ?? '', /does not allow labels/);
    assert.match(refusedLabel(may({}), '\\Deleted') ?? '', /system flag/);
  });

  it('lets it move mail to the mailboxes that are named, and to no other', () => {
    assert.match(refusedMove(may({}), 'Archive') ?? '', /does not allow moving mail to Archive/);
    assert.equal(refusedMove(may({ move: ['Archive'] }), 'Archive'), null);
    assert.notEqual(refusedMove(may({ move: ['Archive'] }), 'Archive/Old'), null);
    assert.notEqual(refusedMove(may({ move: ['Archive'] }), 'archive'), null);
  });
});
