// What an agent's mail may do, case by case.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type MailKind, mailKind, type Trust } from '../contracts/mail.ts';
import { agent } from '../contracts/rule.ts';
import { largestAmount } from './ask-when.ts';
import { judgeOutgoing, type OutgoingRequest } from './outgoing.ts';
import { type Finding, finding, stricter, type Verdict } from './rules.ts';
import { foreignTaint } from './taint.ts';
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
const lines = (verdict: Verdict): string[] => [
  verdict.verdict,
  ...verdict.reasons.map(({ rule, text }) => `${rule}: ${text}`),
];
const mail = (to: string | string[], change: Partial<OutgoingRequest> = {}): OutgoingRequest => ({
  recipients: [to].flat(),
  bcc: [],
  replyTo: [],
  files: [],
  strangers: [],
  abroad: [],
  taint: [],
  content: [],
  words: '',
  now: 0,
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
    assert.deepEqual(lines(judgeOutgoing(may({ reply: 'never' }), ann)), [
      'refuse',
      'reply_never: the policy of this agent says reply: never',
    ]);
    assert.deepEqual(lines(judgeOutgoing(may({ reply: 'approve' }), ann)), [
      'ask',
      'approve: The policy of this agent wants a person to approve its mail.',
    ]);
    assert.deepEqual(lines(judgeOutgoing(may({ reply: 'auto' }), ann)), ['send']);
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
    assert.deepEqual(lines(verdict), [
      'refuse',
      'recipient_not_allowed: the policy of this agent does not allow eve@evil.example as a recipient',
    ]);
  });

  it('refuses a mail without recipients, and blind copies even to the people of the thread', () => {
    assert.equal(judgeOutgoing(may({ recipients: 'any' }), mail([])).verdict, 'refuse');
    const bcc = ['ann@prospect.example'];
    assert.deepEqual(
      lines(judgeOutgoing(may({ recipients: 'any' }), mail('ann@prospect.example', { bcc }))),
      ['refuse', 'bcc_not_allowed: an agent may not add blind copies'],
    );
  });

  for (const kind of mailKind.options) {
    // Of an invitation that is marked as automatic besides, `answeredAs` makes that kind of mail.
    const answered = kind === 'personal' || kind === 'invitation';
    it(`${answered ? 'lets' : 'does not let'} a machine answer ${kind} mail, whatever the policy`, () => {
      for (const reply of ['auto', 'approve']) {
        const request = mail('ann@prospect.example', { kind: kind as MailKind, kindReason: 'the reason' });
        const verdict = judgeOutgoing(may({ reply, recipients: 'any' }), request);
        assert.equal(verdict.verdict === 'refuse', !answered);
        if (!answered) assert.match(verdict.reasons[0]?.text ?? '', /the reason$/);
      }
    });
  }

  it('holds automatic mail for a person when a sender is not verified, and says why', () => {
    assert.deepEqual(lines(judgeOutgoing(may({}), mail('ann@prospect.example', { trust: unverified }))), [
      'ask',
      'unverified: The sender of a mail that the agent has read is not verified: no signature.',
    ]);
    const asserted = { ...verified, level: 'asserted' as const };
    assert.equal(judgeOutgoing(may({}), mail('ann@prospect.example', { trust: asserted })).verdict, 'send');
  });

  it('a mail that looks like somebody else asks a person, whoever it is proved to be from', () => {
    const trust: Trust = { ...verified, flags: ['lookalike', 'reply-to-elsewhere'] };
    assert.deepEqual(lines(judgeOutgoing(may({}), mail('ann@prospect.example', { trust }))), [
      'ask',
      'suspicious: A mail that the agent has read is suspicious: its address looks like that of somebody known, and is another.',
    ]);
    const elsewhere: Trust = { ...verified, flags: ['reply-to-elsewhere'] };
    assert.equal(judgeOutgoing(may({}), mail('ann@prospect.example', { trust: elsewhere })).verdict, 'send');
  });

  it('holds automatic mail that goes where only a Reply-To points', () => {
    const named = ['victim@third.example'];
    const thread = ['ann@prospect.example', ...named];
    assert.deepEqual(lines(judgeOutgoing(may({}), mail(named, { thread, named }))), [
      'ask',
      'reply_to_elsewhere: Only a Reply-To says that the answer goes to victim@third.example.',
    ]);
    const allowed = may({ recipients: ['third.example'] });
    assert.equal(judgeOutgoing(allowed, mail(named, { thread, named })).verdict, 'send');
  });

  it('asks where somebody came into the thread from outside, whoever the answer goes to', () => {
    const outsiders = ['eve@evil.example'];
    assert.deepEqual(
      lines(judgeOutgoing(may({ recipients: 'any' }), mail('ann@prospect.example', { outsiders }))),
      ['ask', 'outsider: eve@evil.example came into this conversation from outside of it.'],
    );
  });

  it('gives every reason at once', () => {
    const verdict = judgeOutgoing(
      may({ reply: 'approve' }),
      mail('ann@prospect.example', { trust: unverified }),
    );
    assert.equal(verdict.verdict === 'ask' && verdict.reasons.length, 2);
  });
});

const ann = 'ann@prospect.example';
const tainted: Finding[] = [finding('outside_content', 'The agent has read a mail of another conversation.')];
const rulesOf = (policy: object, change: Partial<OutgoingRequest>, to: string | string[] = ann): string[] => {
  const verdict = judgeOutgoing(may(policy), mail(to, change));
  return [verdict.verdict, ...verdict.reasons.map(({ rule }) => rule)];
};

describe('what a policy names', () => {
  it('blind copies go to whom `bcc` names, and to nobody where it is empty', () => {
    const bcc = ['archive@company.example'];
    const to = [ann, ...bcc];
    assert.deepEqual(rulesOf({ bcc }, { bcc }, to), ['send']);
    assert.deepEqual(rulesOf({ bcc: ['company.example'] }, { bcc }, to), ['send']);
    assert.deepEqual(rulesOf({ bcc: [] }, { bcc }, to), ['refuse', 'bcc_not_allowed']);
    assert.deepEqual(rulesOf({ bcc: ['other.example'] }, { bcc }, to), ['refuse', 'bcc_not_allowed']);
    assert.deepEqual(rulesOf({ bcc }, { bcc }, [ann, 'eve@evil.example', ...bcc]), [
      'refuse',
      'recipient_not_allowed',
    ]);
  });

  it('answers go elsewhere only to whom `reply_to` names', () => {
    const replyTo = ['desk@company.example'];
    assert.deepEqual(rulesOf({}, { replyTo }), ['refuse', 'reply_to_not_allowed']);
    assert.deepEqual(rulesOf({ recipients: 'any' }, { replyTo }), ['refuse', 'reply_to_not_allowed']);
    assert.deepEqual(rulesOf({ reply_to: [] }, { replyTo }), ['refuse', 'reply_to_not_allowed']);
    assert.deepEqual(rulesOf({ reply_to: ['*@company.example'] }, { replyTo }), ['send']);
  });

  const files: [attach: string, origin: 'thread' | 'made' | 'other', verdict: string[]][] = [
    ['never', 'thread', ['refuse', 'attachment_not_allowed']],
    ['never', 'made', ['refuse', 'attachment_not_allowed']],
    ['thread', 'thread', ['send']],
    ['thread', 'made', ['refuse', 'attachment_not_allowed']],
    ['thread', 'other', ['refuse', 'attachment_not_allowed']],
    ['session', 'thread', ['send']],
    ['session', 'made', ['send']],
    ['session', 'other', ['refuse', 'attachment_not_allowed']],
    ['account', 'other', ['ask', 'foreign_attachment']],
  ];
  for (const [attach, origin, verdict] of files)
    it(`attach: ${attach} and a file of origin ${origin}: ${verdict.join(' ')}`, () => {
      assert.deepEqual(rulesOf({ attach }, { files: [{ name: 'a.pdf', origin }] }), verdict);
    });

  const asserted: Trust = { ...verified, level: 'asserted' };
  const office = { outside_hours: { time: '08:00-18:00', weekday: 'mon-fri', timezone: 'Europe/Zurich' } };
  const link = finding('new_link_domain', 'It links to evil.example.', 'note');
  const asked: [when: unknown, change: Partial<OutgoingRequest>, verdict: string[]][] = [
    ['first_contact', { strangers: [ann] }, ['ask', 'first_contact']],
    ['first_contact', {}, ['send']],
    ['outside_domain', { abroad: [ann] }, ['ask', 'outside_domain']],
    ['outside_domain', {}, ['send']],
    ['attachment', { files: [{ name: 'a', origin: 'made' }] }, ['ask', 'attachment']],
    ['attachment', {}, ['send']],
    ['new_link_domain', { content: [link] }, ['ask', 'new_link_domain']],
    ['attachment', { content: [link] }, ['send', 'new_link_domain']],
    ['unverified', { trust: asserted }, ['ask', 'unverified']],
    ['unverified', {}, ['send']],
    ['tainted', { taint: tainted }, ['ask', 'outside_content']],
    ['tainted', {}, ['send']],
    [{ amount: 1000 }, { words: 'We offer it for EUR 1,200.' }, ['ask', 'amount']],
    [{ amount: 1000 }, { words: 'We offer it for EUR 999.99.' }, ['send']],
    [{ amount: 1000 }, { words: 'Article 4711-2000 costs EUR 12.' }, ['send']],
    [{ words: ['refund', 'gift card'] }, { words: 'Your REFUND is on its way' }, ['ask', 'words']],
    [{ words: ['refund'] }, { words: 'Your order is on its way' }, ['send']],
    [{ words: ['refund'] }, { words: `${'order '.repeat(20_000)} refund` }, ['ask', 'words']],
    [{ amount: 1000 }, { words: `${'order '.repeat(20_000)} EUR 5000` }, ['ask', 'amount']],
    [office, { now: Date.parse('2026-11-20T09:00Z') }, ['send']],
    [office, { now: Date.parse('2026-11-20T17:30Z') }, ['ask', 'outside_hours']],
    [office, { now: Date.parse('2026-11-21T09:00Z') }, ['ask', 'outside_hours']],
  ];
  for (const [when, change, verdict] of asked)
    it(`needs_approval_when ${JSON.stringify(when)}, ${JSON.stringify(change).slice(0, 60)}: ${verdict}`, () => {
      assert.deepEqual(rulesOf({ needs_approval_when: [when] }, change), verdict);
    });

  const amounts: [text: string, value: number | null][] = [
    ['€1.234,50', 1234.5],
    ['1’234.50 CHF', 1234.5],
    ['$ 12k', 12_000],
    ['USD 1.5 million', 1_500_000],
    ['5 Mio. Franken', 5_000_000],
    ['2 000 000 kr and 3 EUR', 3],
    ['¥10000', 10_000],
    ['1.234 EUR', 1234],
    ['call 0800 123456, it is free', null],
    ['٥٠٠٠ €', 5000],
    ['EUR ५०००', 5000],
    [`${'1 EUR, '.repeat(3_000)}and 5000 EUR`, 5000],
  ];
  for (const [text, value] of amounts)
    it(`reads the amount of ${text}`, () => assert.equal(largestAmount(text)?.value ?? null, value));
});

describe('taint', () => {
  it('takes `auto` away, new recipients and files of other conversations, and says so', () => {
    assert.deepEqual(rulesOf({}, { taint: tainted }), ['ask', 'outside_content']);
    assert.deepEqual(rulesOf({ recipients: 'any' }, { taint: tainted }, 'bob@b.example'), [
      'ask',
      'outside_content',
      'tainted_recipient',
    ]);
    const files = [{ name: 'a.pdf', origin: 'other' as const }];
    assert.deepEqual(rulesOf({ attach: 'account' }, { taint: tainted, files }), [
      'ask',
      'outside_content',
      'tainted_attachment',
    ]);
  });

  it('a mail of another conversation taints unless somebody known has surely written it', () => {
    const read = { messageId: 'msg_1', from: ann, isOwn: false, trust: verified };
    const known = (address: string) => address === ann;
    assert.equal(foreignTaint(read, known), null);
    assert.equal(foreignTaint({ ...read, from: 'eve@evil.example', isOwn: true }, known), null);
    for (const change of [
      { from: 'eve@evil.example' },
      { from: null },
      { trust: unverified },
      { trust: { ...verified, flags: ['lookalike' as const] } },
    ])
      assert.equal(foreignTaint({ ...read, ...change }, known)?.rule, 'outside_content');
  });
});

it('more taint, more findings or a narrower policy never let a mail go that was held or refused', () => {
  const random = seeded(20261121);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const some = <T>(items: readonly T[]): T[] => items.filter(() => random() < 0.4);
  const people = [ann, 'bob@b.example', 'eve@evil.example', 'archive@company.example'];
  const strictness = ({ verdict }: Verdict): number => ['send', 'ask', 'refuse'].indexOf(verdict);
  const reasons = ['first_contact', 'outside_domain', 'attachment', 'new_link_domain', 'unverified'];
  const counts = { send: 0, ask: 0, refuse: 0 };
  for (let round = 0; round < 3_000; round++) {
    const policy = {
      reply: pick(['auto', 'auto', 'auto', 'approve', 'never']),
      recipients: pick(['thread', 'any', [], ['b.example', ann]]),
      bcc: pick(['never', [], ['company.example']]),
      reply_to: pick(['never', [], ['company.example']]),
      attach: pick(['never', 'thread', 'session', 'account']),
      needs_approval_when: some(reasons),
    };
    const to = some(people);
    const request = mail([...to, ann], {
      bcc: some(to).filter(() => random() < 0.2),
      replyTo: random() < 0.1 ? ['archive@company.example'] : [],
      strangers: some(to),
      abroad: some(to),
      outsiders: random() < 0.1 ? ['eve@evil.example'] : [],
      trust: pick([verified, verified, { ...verified, level: 'asserted' as const }, unverified]),
      files: some([{ name: 'a', origin: pick(['thread', 'made', 'other'] as const) }]),
      content: some([finding('new_link_domain', 'x', 'note')]),
      taint: some(tainted).filter(() => random() < 0.3),
    });
    const before = judgeOutgoing(may(policy), request);
    counts[before.verdict]++;
    const narrower: object[] = [
      { reply: 'approve' },
      { reply: 'never' },
      { recipients: [] },
      { bcc: 'never' },
      { reply_to: 'never' },
      { attach: 'never' },
      { needs_approval_when: [...policy.needs_approval_when, ...some(reasons)] },
    ];
    const worse: Partial<OutgoingRequest>[] = [
      { taint: [...request.taint, ...tainted] },
      { trust: unverified },
      { outsiders: [...request.outsiders, 'eve@evil.example'] },
      { named: request.thread },
      { content: [...request.content, finding('elsewhere', 'x')] },
      { content: [...request.content, finding('gateway_secret', 'x')] },
      { recipients: [...request.recipients, 'mallory@m.example'] },
      { files: [...request.files, { name: 'b', origin: 'other' }] },
    ];
    const rank = { reply: ['auto', 'approve', 'never'] };
    for (const change of narrower) {
      if ('reply' in change && rank.reply.indexOf(change.reply as string) < rank.reply.indexOf(policy.reply))
        continue; // that would be wider
      const after = judgeOutgoing(may({ ...policy, ...change }), request);
      assert.ok(strictness(after) >= strictness(before), JSON.stringify({ policy, change, request }));
      const both = stricter(before, after);
      assert.equal(strictness(both), Math.max(strictness(before), strictness(after)));
    }
    for (const change of worse) {
      const after = judgeOutgoing(may(policy), { ...request, ...change });
      assert.ok(strictness(after) >= strictness(before), JSON.stringify({ policy, change, request }));
    }
  }
  for (const count of Object.values(counts)) assert.ok(count > 50, JSON.stringify(counts));
});

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('what an agent may do in the mailbox', () => {
  it('lets it set labels unless the rules say no, and never a system flag', () => {
    assert.equal(refusedLabel(may({}), 'Agent/Quotes'), null);
    assert.match(refusedLabel(may({ label: false }), 'Agent/Quotes')?.text ?? '', /does not allow labels/);
    assert.match(refusedLabel(may({}), '\\Deleted')?.text ?? '', /system flag/);
  });

  it('lets it move mail to the mailboxes that are named, and to no other', () => {
    assert.match(refusedMove(may({}), 'Archive')?.text ?? '', /does not allow moving mail to Archive/);
    assert.equal(refusedMove(may({ move: ['Archive'] }), 'Archive'), null);
    assert.notEqual(refusedMove(may({ move: ['Archive'] }), 'Archive/Old'), null);
    assert.notEqual(refusedMove(may({ move: ['Archive'] }), 'archive'), null);
  });
});
