// Every condition of the language on mail that went through a real server: which mails each rule takes, and no others.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { MessageView } from '../../src/contracts/mail.ts';
import { conditionWords } from '../../src/contracts/rule-condition.ts';
import type { BackTestView } from '../../src/contracts/rule-test.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { requireService } from '../support/services.ts';
import { type Mail, rawMail } from './mails.ts';

const VOUCHED = 'Authentication-Results: mx.company.example; dmarc=pass header.from=prospect.example';

/** Each is delivered by itself; `reply` after the mail that it answers. */
const MAILS: Record<string, Mail & { mailbox?: string; user?: string; flags?: string[] }> = {
  plain: { text: 'What do ten pumps cost?\r\nThe order\r\nnumber is 4711.' },
  invoice: {
    from: '=?utf-8?q?M=C3=BCller?= <billing@xn--mnchen-3ya.example>',
    subject: '=?utf-8?q?Rechnung_n=C2=BA_7?=',
    files: [
      { name: 'Rechnung-7.pdf', type: 'application/pdf', bytes: Buffer.alloc(30_000, 'pdf') },
      { name: 'logo.png', type: 'image/png', bytes: Buffer.alloc(600) },
    ],
  },
  list: {
    from: 'News <news@lists.example.org>',
    to: 'all@lists.example.org',
    headers: [
      'List-Id: The news <news.lists.example.org>',
      'X-Spam-Flag: NO',
      'X-Campaign: autumn-26',
      'Cc: Team <team@company.example>, sales@company.example',
      'Reply-To: other@elsewhere.example',
    ],
  },
  html: { html: '<p>Our <b>special</b> offer</p><p style="display:none">secret needle</p>' },
  night: { date: 'Sat, 21 Nov 2026 23:30:00 +0000' },
  reply: { headers: ['In-Reply-To: <plain@prospect.example>'], subject: 'Re: A question' },
  flagged: { flags: ['\\Flagged', '$Work'] },
  supplier: { mailbox: 'Suppliers' },
  office: { user: 'office' },
  vouched: { headers: [VOUCHED], files: [{ name: 'a.txt', type: 'text/plain', bytes: Buffer.from('x') }] },
};
const ALL = Object.keys(MAILS);
const but = (...names: string[]): string[] => ALL.filter((name) => !names.includes(name));

/** A condition as it stands in a file, and the mails that it takes. */
const CASES: [word: string, when: string, takes: string[]][] = [
  ['from', 'from: prospect.example', but('invoice', 'list')],
  ['from', 'from: billing@münchen.example', ['invoice']],
  ['from', 'from: "*.example.org"', ['list']],
  ['from', 'from: ["*@*.example", "!ann@prospect.example"]', ['invoice']],
  ['from', 'from: "/@m[uü]nchen\\\\./"', ['invoice']],
  ['to', 'to: all@lists.example.org', ['list']],
  ['cc', 'cc: "team@*"', ['list']],
  ['reply_to', 'reply_to: elsewhere.example', ['list']],
  ['subject', 'subject: [rechnung, "!question"]', ['invoice']],
  ['subject', 'subject: "/^re: a/i"', ['reply']],
  ['text', 'text: order number is 4711', ['plain']],
  ['text', 'text: [special offer, "ten *.", "!needle"]', ['html']],
  ['text', 'text: /\\bnumber\\s+is\\s+\\d{4}/', ['plain']],
  ['header', 'header: { x-campaign: "autumn-*", X-Spam-Flag: "!yes" }', ['list']],
  ['header', 'header: { x-campaign: "*" }', ['list']],
  ['list_id', 'list_id: "*.lists.example.org"', ['list']],
  ['type', 'type: "image/*"', ['invoice']],
  ['attachment', 'attachment: true', ['invoice', 'vouched']],
  ['attachment', 'attachment: { type: application/pdf, name: "rechnung-?.pdf", size: ">20kB" }', ['invoice']],
  ['attachment', 'attachment: { count: ">=2" }', ['invoice']],
  ['size', 'size: ">30kB"', ['invoice']],
  ['flag', 'flag: [flagged]', ['flagged']],
  ['flag', 'flag: $work', ['flagged']],
  ['mailbox', 'mailbox: Suppliers', ['supplier']],
  ['account', 'account: "off*"', ['office']],
  ['account', 'account: "*"', ALL],
  ['thread', 'thread: reply', ['reply']],
  ['trust', 'trust: asserted', ['vouched']],
  ['trust', 'trust: reply-to-elsewhere', ['list']],
  ['kind', 'kind: list', ['list']],
  ['kind', 'kind: [personal, "!bounce"]', but('list')],
  ['kind', 'kind: "!personal"', ['list']],
  ['sent', 'sent: { weekday: [sat, sun], time: "22:00-06:00" }', ['night']],
  [
    'sent',
    'sent: { timezone: Europe/Zurich, weekday: sun, since: 2026-11-22, before: 2026-11-23 }',
    ['night'],
  ],
  ['all', 'all: [{ from: prospect.example }, { thread: reply }]', ['reply']],
  ['any', 'any: [{ thread: reply }, { mailbox: Suppliers }]', ['reply', 'supplier']],
  ['not', 'not: { from: prospect.example }', ['invoice', 'list']],
  ['not', 'not: { any: [{ from: prospect.example }, { text: "good day" }] }', []],
];

const RULES = `rules:\n${CASES.map(
  ([, when], number) =>
    `  - name: "${number}"\n    when:\n      ${when}\n    then: [label: Seen/${number}]\n`,
).join('')}`;

describe('conditions', { skip: requireService('dovecot') }, () => {
  let dovecot: Dovecot;
  let gateway: TestGateway;

  before(async () => {
    dovecot = await startDovecot({ users: { sales: DEFAULT_PASSWORD, office: DEFAULT_PASSWORD } });
    await dovecot.deliver('sales', rawMail('before'), 'Suppliers'); // makes the mailbox; it was there before and counts not
    gateway = await startGateway({ rules: { 'rules.yaml': RULES } });
    await gateway.addAccount(account('sales', ['INBOX', 'Suppliers']));
    await gateway.addAccount(account('office', ['INBOX']));
    for (const [name, { mailbox, user = 'sales', flags = [], ...mail }] of Object.entries(MAILS)) {
      await dovecot.deliver(user, rawMail(name, mail), mailbox, { flags });
      // One answers another, which must have been seen.
      if (name === 'plain') await gateway.until(async () => (await messages()).has(name));
    }
    await gateway.until(async () => (await messages()).size === ALL.length);
  });
  after(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await dovecot?.stop();
  });

  const account = (label: string, mailboxes: string[]) => ({
    label,
    address: `${label}@company.example`,
    imap: { host: '127.0.0.1', port: dovecot.imapPort, security: 'none' },
    smtp: { host: '127.0.0.1', port: 1, security: 'none' },
    require_tls: false,
    authserv_id: 'mx.company.example',
    auth: { type: 'basic', username: label, password: DEFAULT_PASSWORD },
    watch: { mailboxes, interval: '1s' },
  });

  /** What came in, by the name of the mail. */
  const messages = async (): Promise<Map<string, MessageView>> => {
    const { data } = await gateway.get<{ data: MessageView[] }>('/v1/messages?limit=100');
    return new Map(data.map((message) => [message.message_id?.split('@')[0]?.slice(1) ?? '', message]));
  };
  const takenBy = async (rule: string): Promise<string[]> =>
    [...(await messages())]
      .filter(([, { decisions }]) => decisions.some((decision) => decision.rule === rule))
      .map(([name]) => name)
      .sort();

  for (const [number, [word, when, takes]] of CASES.entries()) {
    it(`${word}: { ${when} } takes ${takes.length === ALL.length ? 'every mail' : takes.join(', ') || 'none'}`, async () => {
      assert.deepEqual(await takenBy(String(number)), [...takes].sort());
    });
  }

  it('a back-test over these mails says what was decided, and what it cannot know it does not say', async () => {
    const { body } = await gateway.request<BackTestView>('POST', '/v1/rules/test', {
      ...{ account: '*', since: '1d' },
    });
    assert.equal(body.messages, ALL.length);
    for (const [number, [word, when, takes]] of CASES.entries()) {
      const tally = body.rules.find(({ rule }) => rule === String(number));
      const { matches = 0, unsure = 0, added = 0, removed = 0 } = tally ?? {};
      assert.deepEqual([added, removed], [0, 0], when);
      assert.ok(matches <= takes.length && matches + unsure >= takes.length, when);
      if (word === 'flag') assert.deepEqual([matches, unsure], [0, ALL.length], when);
      else assert.deepEqual([matches, unsure], [takes.length, 0], when);
    }
  });

  it('every condition has its case here', () => {
    const known = new Set(CASES.map(([word]) => word));
    assert.deepEqual(
      conditionWords.filter((word) => !known.has(word)),
      [],
    );
  });
});
