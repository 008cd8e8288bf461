// What a mail is, by the shapes in which the servers and programs of the world write theirs.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MailKind, MailPart } from '../contracts/mail.ts';
import { answeredAs, kindOf } from './kind.ts';
import { metadataOf } from './metadata.ts';
import type { StructureNode } from './structure.ts';

const OWN = { addresses: ['sales@company.example'], isOwnMessageId: () => false };

function mail(headers: string[], parts: (string | StructureNode)[] = []) {
  const childNodes = parts.map((part, at) => ({
    part: String(at + 1),
    size: 100,
    ...(typeof part === 'string' ? { type: part } : part),
  }));
  const from = headers.some((line) => /^from:/i.test(line)) ? [] : ['From: Ann <ann@prospect.example>'];
  return metadataOf({
    headers: Buffer.from([...from, ...headers, '', ''].join('\r\n')),
    bodyStructure: parts.length === 0 ? undefined : { type: 'multipart/mixed', childNodes },
    size: 1000,
  });
}
const report = (type: string): string => `Content-Type: multipart/report; report-type=${type}; boundary="b"`;
const ics = (method?: string): StructureNode => ({
  type: 'text/calendar',
  parameters: method === undefined ? { charset: 'utf-8' } : { charset: 'utf-8', method },
});

const cases: [name: string, kind: MailKind, headers: string[], parts?: (string | StructureNode)[]][] = [
  [
    'Postfix, RFC 3464',
    'bounce',
    [
      'Return-Path: <>',
      'From: MAILER-DAEMON@mx.example (Mail Delivery System)',
      'Subject: Undelivered Mail Returned to Sender',
      'Auto-Submitted: auto-replied',
      report('delivery-status'),
    ],
    ['text/plain', 'message/delivery-status', 'message/rfc822'],
  ],
  [
    'Exchange 2016 and later',
    'bounce',
    [
      'From: postmaster@company.example',
      'Subject: Undeliverable: Quote',
      'Auto-Submitted: auto-replied',
      'X-MS-Exchange-Message-Is-Ndr:',
      report('delivery-status'),
    ],
    ['text/html', 'message/delivery-status', 'message/rfc822'],
  ],
  [
    'Exchange, through a gateway that took the report apart',
    'bounce',
    ['From: postmaster@company.example', 'Subject: Unzustellbar: Angebot', 'Content-Type: text/html'],
  ],
  [
    'Exchange, by its own mailbox',
    'bounce',
    [
      'From: MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@company.example',
      'Subject: Undeliverable: Quote',
    ],
  ],
  [
    'Exchange, by its header alone',
    'bounce',
    ['From: system@company.example', 'X-MS-Exchange-Message-Is-Ndr:'],
  ],
  ['qmail', 'bounce', ['From: MAILER-DAEMON@mx.example', 'Subject: failure notice']],
  [
    'qmail, a bounce of a bounce',
    'bounce',
    ['Return-Path: <#@[]>', 'From: postmaster@mx.example', 'Subject: whatever'],
  ],
  [
    'Gmail, with its report',
    'bounce',
    [
      'From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>',
      'Auto-Submitted: auto-replied',
      'X-Failed-Recipients: gone@prospect.example',
      report('delivery-status'),
    ],
    ['text/plain', 'message/delivery-status', 'message/rfc822'],
  ],
  [
    'Gmail, without it',
    'bounce',
    [
      'From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>',
      'Subject: Delivery Status Notification (Failure)',
      'X-Failed-Recipients: gone@prospect.example',
      'Content-Type: text/plain',
    ],
  ],
  [
    'Exim',
    'bounce',
    [
      'Return-path: <>',
      'From: Mail Delivery System <Mailer-Daemon@mx.example>',
      'X-Failed-Recipients: gone@prospect.example',
      'Auto-Submitted: auto-replied',
    ],
  ],
  [
    'a report without its type',
    'bounce',
    ['Content-Type: multipart/report; boundary=b'],
    ['text/plain', 'message/delivery-status'],
  ],
  [
    'a report as multipart/mixed',
    'bounce',
    ['Content-Type: multipart/mixed; boundary=b'],
    ['text/plain', 'message/delivery-status'],
  ],
  [
    'a report about addresses beyond ASCII (RFC 6533)',
    'bounce',
    [report('delivery-status')],
    ['text/plain', 'message/global-delivery-status'],
  ],
  [
    'a delay (the report says which)',
    'bounce',
    [
      'From: MAILER-DAEMON@mx.example',
      'Subject: Delayed Mail (still being retried)',
      report('delivery-status'),
    ],
  ],
  ['MDaemon', 'bounce', ['From: MDaemon@mx.example', 'Subject: Permanent Delivery Failure']],
  ['QQ mail', 'bounce', ['From: PostMaster@qq.example', 'Subject: 退信通知']],
  [
    'a postmaster who writes about something else',
    'personal',
    ['From: postmaster@prospect.example', 'Subject: Your invoice of May'],
  ],
  [
    'a person who writes of what was not delivered',
    'personal',
    ['Subject: Undeliverable: what shall we do?'],
  ],
  [
    'a person who forwards a bounce as an attachment',
    'personal',
    ['Subject: Fwd: this came back', 'Content-Type: multipart/mixed; boundary=b'],
    ['text/plain', 'message/rfc822'],
  ],

  [
    'a complaint (RFC 5965)',
    'complaint',
    ['From: staff@provider.example', report('feedback-report')],
    ['text/plain', 'message/feedback-report', 'message/rfc822'],
  ],
  [
    'a complaint without the type of its report',
    'complaint',
    ['Content-Type: multipart/report; boundary=b'],
    ['text/plain', 'message/feedback-report', 'text/rfc822-headers'],
  ],
  [
    'a read receipt (RFC 8098)',
    'receipt',
    ['Subject: Read: Quote', report('disposition-notification')],
    ['text/plain', 'message/disposition-notification'],
  ],
  [
    'a receipt of Exchange',
    'receipt',
    [
      'Return-Path: <>',
      'Subject: Gelesen: Angebot',
      'X-MS-TNEF-Correlator: <x>',
      report('disposition-notification'),
    ],
  ],
  [
    'a report about TLS (RFC 8460)',
    'auto-generated',
    [report('"tlsrpt"')],
    ['text/plain', 'application/tlsrpt+gzip'],
  ],

  ['vacation (RFC 3834)', 'auto-reply', ['Auto-Submitted: auto-replied (vacation)', 'Subject: Auto: Quote']],
  [
    'Gmail’s vacation',
    'auto-reply',
    ['Auto-Submitted: auto-replied', 'Precedence: bulk', 'X-Autoreply: yes'],
  ],
  [
    'Exchange out of office',
    'auto-reply',
    ['Subject: Automatic reply: Quote', 'X-Auto-Response-Suppress: All', 'Auto-Submitted: auto-generated'],
  ],
  [
    'Exchange out of office in German',
    'auto-reply',
    ['Subject: Automatische Antwort: Angebot', 'X-Auto-Response-Suppress: DR, RN, NRN, OOF, AutoReply'],
  ],
  [
    'Exchange out of office in Russian',
    'auto-reply',
    ['Subject: Автоматический ответ: Заказ', 'X-Auto-Response-Suppress: All'],
  ],
  ['cPanel', 'auto-reply', ['Delivered-To: Autoresponder', 'Subject: Re: Quote']],
  ['Precedence: auto_reply', 'auto-reply', ['Precedence: auto_reply']],
  ['Preference: auto_reply', 'auto-reply', ['Preference: auto_reply']],
  ['an autoresponder of T-Online', 'auto-reply', ['X-POST-MessageClass: 9; Autoresponder']],
  ['X-Autorespond', 'auto-reply', ['X-Autorespond: Quote']],
  ['X-Autoreply: no', 'personal', ['X-Autoreply: no']],
  [
    'a person who is out of office, says so, and no header does',
    'personal',
    ['Subject: Out of office: who covers?'],
  ],

  [
    'an invitation of Google',
    'invitation',
    [
      'Sender: Google Calendar <calendar-notification@google.example>',
      'Auto-Submitted: auto-generated',
      'Subject: Invitation: Tour',
    ],
    ['text/plain', 'text/html', ics('REQUEST')],
  ],
  [
    'an invitation of Outlook',
    'invitation',
    ['Content-Class: urn:content-classes:calendarmessage', 'Subject: Tour'],
    ['text/plain', 'text/html', ics('request')],
  ],
  ['an answer to an invitation', 'invitation', ['Subject: Accepted: Tour'], ['text/plain', ics('REPLY')]],
  ['a meeting called off', 'invitation', ['Subject: Canceled: Tour'], ['text/plain', ics('CANCEL')]],
  [
    'a ticket with a calendar file',
    'personal',
    ['Subject: Your ticket'],
    ['text/plain', { ...ics(), disposition: 'attachment' }],
  ],
  ['events that are only published', 'personal', ['Subject: Our dates'], ['text/plain', ics('PUBLISH')]],
  [
    'an out of office note that brings a calendar',
    'auto-reply',
    ['Auto-Submitted: auto-replied'],
    ['text/plain', ics('REPLY')],
  ],

  [
    'Mailman',
    'list',
    [
      'List-Id: Chairs <chairs.lists.example>',
      'List-Post: <mailto:chairs@lists.example>',
      'Precedence: list',
    ],
  ],
  [
    'a Google group',
    'list',
    ['Mailing-list: list chairs@groups.example; contact chairs+owners@groups.example', 'Precedence: list'],
  ],
  ['a list of before RFC 2919', 'list', ['Precedence: list']],
  [
    'a newsletter',
    'bulk',
    ['List-Unsubscribe: <https://shop.example/u>', 'List-Unsubscribe-Post: List-Unsubscribe=One-Click'],
  ],
  ['a monitor', 'auto-generated', ['Auto-Submitted: auto-generated', 'Subject: disk full']],
  ['a person', 'personal', ['Subject: Quote', 'Auto-Submitted: no']],
];

describe('the kind of a mail', () => {
  for (const [name, kind, headers, parts] of cases) {
    it(`${name}: ${kind}`, () => assert.equal(kindOf(mail(headers, parts), OWN).kind, kind));
  }
});

it('an invitation that a machine or a list sends is not answered, and one of a person may be', () => {
  const headersOf = (...headers: string[]) => mail(headers).headers;
  assert.equal(answeredAs('invitation', headersOf('Subject: Tour')), 'invitation');
  assert.equal(answeredAs('invitation', headersOf('Auto-Submitted: auto-generated')), 'auto-generated');
  assert.equal(answeredAs('invitation', headersOf('List-Id: <x.example>')), 'list');
  assert.equal(answeredAs('personal', headersOf('List-Id: <x.example>')), 'personal');
});

it('what an invitation asks stands with its part', () => {
  const parts: MailPart[] = mail([], ['text/plain', ics('request')]).parts;
  assert.deepEqual(
    parts.map(({ method }) => method),
    [undefined, 'REQUEST'],
  );
});
