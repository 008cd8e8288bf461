// Mails that operators write, from the door to the bytes at the sink: new ones with pictures, files and an event, replies
// to all, and forwards with what came along. Read by Python's email package.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { MessageView } from '../../src/contracts/mail.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { ADMIN_TOKEN, startGateway, type TestGateway } from '../support/gateway.ts';
import { leavesOf, type ReadMail, readMail, shapeOf } from '../support/read-mail.ts';
import { salesAccount } from '../support/sales-account.ts';
import { requireService } from '../support/services.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts';

const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const GIF = Buffer.from('GIF89a\x01\x00\x01\x00\x00\x00\x00;', 'latin1').toString('base64');
const HTML =
  '<div onclick="x()">Guten Tag, bitte senden Sie uns ein Angebot. <img src="cid:logo@x" alt="Logo">' +
  '<img src="https://track.example/p.gif"><script>alert(1)</script></div>';
const QUESTION = [
  'From: =?utf-8?Q?=C3=84nna?= <anna@prospect.example>',
  'Reply-To: Einkauf <einkauf@prospect.example>',
  'To: Sales <sales@company.example>, Bob <bob@prospect.example>',
  'Cc: carl@prospect.example, sales@company.example',
  'Subject: AW: Re: WG: Angebot',
  'Message-ID: <q1@prospect.example>',
  'In-Reply-To: <q0@prospect.example>',
  'References: <q0@prospect.example>',
  'Date: Fri, 20 Nov 2026 10:00:00 +0000',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=m',
  '',
  '--m',
  'Content-Type: multipart/related; boundary=r',
  '',
  '--r',
  'Content-Type: multipart/alternative; boundary=a',
  '',
  '--a',
  'Content-Type: text/plain; charset=utf-8',
  '',
  'Guten Tag, bitte senden Sie uns ein Angebot für die Schreibtische. Vielen Dank und freundliche Grüße.',
  '--a',
  'Content-Type: text/html; charset=utf-8',
  '',
  HTML,
  '--a--',
  '--r',
  'Content-Type: image/png; name=logo.png',
  'Content-ID: <logo@x>',
  'Content-Disposition: inline; filename=logo.png',
  'Content-Transfer-Encoding: base64',
  '',
  PNG,
  '--r--',
  '--m',
  'Content-Type: application/pdf; name=plan.pdf',
  'Content-Disposition: attachment; filename=plan.pdf',
  'Content-Transfer-Encoding: base64',
  '',
  Buffer.from('%PDF-1.4 plan').toString('base64'),
  '--m--',
  '',
].join('\r\n');
const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

describe('mail of operators', { skip: requireService('dovecot', 'smtp-sink', 'python3') }, () => {
  let dovecot: Dovecot;
  let sink: SmtpSink;
  let gateway: TestGateway;
  let question: MessageView;
  let sent = 0;

  before(async () => {
    dovecot = await startDovecot({ users: { sales: DEFAULT_PASSWORD } });
    sink = await startSmtpSink();
    gateway = await startGateway();
    await gateway.addAccount(salesAccount(dovecot, sink));
    await dovecot.deliver('sales', QUESTION);
    question = await gateway.until(
      async () => (await gateway.get<{ data: MessageView[] }>('/v1/messages')).data[0],
    );
  });
  after(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await sink?.stop();
    await dovecot?.stop();
  });

  /** The next mail at the sink, and its envelope. */
  async function arrived(): Promise<{ mail: ReadMail; recipients: string[] }> {
    sent++;
    const { raw, recipients } = (await sink.waitFor(sent)).at(-1) as { raw: Buffer; recipients: string[] };
    return { mail: await readMail(raw), recipients };
  }
  const post = async (path: string, body: object): Promise<void> => {
    const { status, body: answer } = await gateway.request('POST', path, body);
    assert.equal(status < 300, true, `${status} ${JSON.stringify(answer)}`);
  };
  const header = (mail: ReadMail, name: string) =>
    mail.headers.find(([key]) => key.toLowerCase() === name)?.[1];

  it('a new mail holds pictures from everywhere, files and an event', async () => {
    const upload = await fetch(`${gateway.url}/v1/objects?filename=photo.gif`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'image/gif' },
      body: Buffer.from(GIF, 'base64'),
    });
    const { id } = (await upload.json()) as { id: string };
    const [logo, plan] = question.attachments;
    await post('/v1/submissions', {
      ...{ account: 'sales', to: ['Anna <anna@prospect.example>'], subject: 'Einladung', text: 'Hallo' },
      html: `<p><img src="data:image/png;base64,${PNG}"><img src="cid:photo"><img src="cid:theirs"></p>`,
      attachments: [
        { object_id: id, content_id: 'photo' },
        { attachment_id: logo?.id, content_id: 'theirs' },
        { attachment_id: plan?.id, filename: 'unser plan.pdf' },
        {
          filename: 'a.txt',
          content_type: 'text/plain',
          content_base64: Buffer.from('a').toString('base64'),
        },
      ],
      calendar: {
        start: '2026-11-24T10:00',
        end: '2026-11-24T11:00',
        timezone: 'Europe/Zurich',
        location: 'Büro',
      },
    });
    const { mail } = await arrived();
    assert.equal(
      shapeOf(mail.body),
      'mixed(alternative(plain,related(html,gif,png,png),calendar),pdf,plain,ics)',
    );
    const leaves = leavesOf(mail.body);
    const html = leaves[1]?.text ?? '';
    const shown = [...html.matchAll(/src="cid:([^"]+)"/g)].map(([, cid]) => `<${cid}>`);
    assert.equal(shown.length, 3);
    assert.deepEqual(
      leaves
        .slice(2, 5)
        .map(({ content_id }) => content_id)
        .sort(),
      shown.sort(),
    );
    assert.doesNotMatch(html, /data:/);
    assert.ok(leaves.slice(3, 5).every((leaf) => leaf.sha256 === sha256(Buffer.from(PNG, 'base64'))));
    assert.equal(leaves[6]?.filename, 'unser plan.pdf');
    assert.equal(leaves[6]?.sha256, sha256('%PDF-1.4 plan'));
    assert.match(leaves[5]?.text ?? '', /DTSTART:20261124T090000Z/);
    assert.match(leaves[5]?.text ?? '', /SUMMARY:Einladung/);
  });

  it('a picture that is shown and not there, and an SVG, are refused with a sentence', async () => {
    const mail = { account: 'sales', to: ['anna@prospect.example'], subject: 'x', text: 'x' };
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>').toString('base64');
    const refused = async (more: object, status: number, code: string): Promise<void> => {
      const answer = await gateway.request('POST', '/v1/submissions', { ...mail, ...more });
      assert.deepEqual([answer.status, answer.body.code], [status, code], JSON.stringify(answer.body));
    };
    await refused({ html: '<img src="cid:none">' }, 422, 'mail_not_composable');
    await refused({ html: `<img src="data:image/svg+xml;base64,${svg}">` }, 400, 'attachment_invalid');
    const file = { filename: 'x.png', content_type: 'image/png', content_base64: svg, content_id: 'x' };
    await refused({ html: '<img src="cid:x">', attachments: [file] }, 400, 'attachment_invalid');
  });

  it('a reply to all goes to everybody but oneself, threaded, with the quote in the language of the mail', async () => {
    await post(`/v1/messages/${question.id}/reply`, {
      ...{ text: 'Gerne.', html: '<p>Gerne.</p>', all: true },
      attachments: [{ filename: 'angebot.pdf', content_type: 'application/pdf', content_base64: 'JVBERg==' }],
    });
    const { mail, recipients } = await arrived();
    assert.deepEqual(mail.to, [
      { name: 'Einkauf', address: 'einkauf@prospect.example' },
      { name: 'Bob', address: 'bob@prospect.example' },
    ]);
    assert.deepEqual(mail.cc, [{ name: '', address: 'carl@prospect.example' }]);
    assert.deepEqual(recipients, [
      'einkauf@prospect.example',
      'bob@prospect.example',
      'carl@prospect.example',
    ]);
    assert.equal(mail.subject, 'Re: WG: Angebot');
    assert.equal(header(mail, 'in-reply-to'), '<q1@prospect.example>');
    assert.equal(header(mail, 'references'), '<q0@prospect.example> <q1@prospect.example>');
    assert.equal(shapeOf(mail.body), 'mixed(alternative(plain,html),pdf)');
    const [text, html] = leavesOf(mail.body);
    assert.match(
      text?.text ?? '',
      /^Gerne\.\r\n\r\nAm 20\. November 2026 um 10:00 UTC schrieb Änna:\r\n> Guten Tag/,
    );
    assert.match(
      html?.text ?? '',
      /<p>Gerne\.<\/p>\r\n<p>Am 20\. November .* schrieb Änna:<\/p>\r\n<blockquote type="cite"/,
    );
    assert.doesNotMatch(html?.text ?? '', /<img|script|onclick|track\.example/);
  });

  it('a reply goes to Reply-To alone, and quotes nothing where that is said', async () => {
    await post(`/v1/messages/${question.id}/reply`, { text: 'Gerne.', quote: false });
    const { mail } = await arrived();
    assert.deepEqual(mail.to, [{ name: 'Einkauf', address: 'einkauf@prospect.example' }]);
    assert.equal(leavesOf(mail.body)[0]?.text?.trimEnd(), 'Gerne.');
  });

  it('a forward takes files and pictures along, and nothing that runs or fetches', async () => {
    await post(`/v1/messages/${question.id}/forward`, {
      ...{ to: ['boss@company.example'], cc: ['team@company.example'], note: 'Was meinst du?\n<b>' },
    });
    const { mail, recipients } = await arrived();
    assert.deepEqual(recipients, ['boss@company.example', 'team@company.example']);
    assert.equal(mail.subject, 'Fwd: Angebot');
    assert.equal(header(mail, 'in-reply-to'), undefined);
    assert.equal(shapeOf(mail.body), 'mixed(alternative(plain,related(html,png)),pdf)');
    const [text, html, png, pdf] = leavesOf(mail.body);
    assert.match(
      text?.text ?? '',
      /^Was meinst du\?\r\n<b>\r\n\r\n-+ Weitergeleitete Nachricht -+\r\nVon: Änna <anna@/,
    );
    assert.match(html?.text ?? '', /Was meinst du\?<br>\r\n&lt;b&gt;<br><br>/);
    assert.match(html?.text ?? '', /<img src="cid:logo@x" alt="Logo">/);
    assert.doesNotMatch(html?.text ?? '', /script|onclick|track\.example/);
    assert.equal(png?.content_id, '<logo@x>');
    assert.equal(pdf?.sha256, sha256('%PDF-1.4 plan'));
  });
});
