// What a mail holds besides words: pictures in its HTML, an event, a way off a list. Read by Python's email package.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import type { DraftContent } from '../../src/contracts/draft.ts';
import type { OutgoingEvent } from '../../src/contracts/outgoing-event.ts';
import * as compose from '../../src/outbound/compose.ts';
import { composeMail, type WholeFile } from '../support/compose-whole.ts';
import { leavesOf, readMail, shapeOf } from '../support/read-mail.ts';
import { requireService } from '../support/services.ts';

const skip = requireService('python3');
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const content: DraftContent = {
  from: { name: 'Sales', address: 'sales@example.org' },
  to: [{ name: 'Anna', address: 'anna@example.com' }],
  cc: [],
  bcc: [],
  subject: 'Your quote',
  text: 'Hello',
  html: '<p>Hello <img src="cid:logo@example.org" alt="logo"></p>',
  attachments: [],
  in_reply_to: null,
  references: [],
  message_id: '<0123456789abcdef@example.org>',
  auto_submitted: null,
};
const logo: WholeFile = {
  filename: 'logo.png',
  contentType: 'image/png',
  bytes: PNG,
  contentId: 'logo@example.org',
};
const pdf: WholeFile = {
  filename: 'quote.pdf',
  contentType: 'application/pdf',
  bytes: Buffer.from('%PDF-1.4'),
};
const event: OutgoingEvent = {
  method: 'REQUEST',
  uid: 'quote-7@example.org',
  sequence: 2,
  stamp: '2026-11-20T08:00:00Z',
  start: '2026-11-24T09:00:00Z',
  end: '2026-11-24T10:30:00Z',
  timezone: 'Europe/Zurich',
  summary: 'Angebot besprechen; Teil 1, "neu" 日本語 und noch mehr Worte, damit die Zeile gefaltet wird',
  location: 'Bürgerstraße 5, Zürich',
  description: 'Erstens\r\nZweitens\u2028BEGIN:VALARM\nDrittens',
  organizer: { name: 'Sales', address: 'sales@example.org' },
  attendees: [
    { name: 'Änna "A" Muster', address: 'anna@example.com', status: 'NEEDS-ACTION', optional: false },
    { name: '', address: 'bob@example.com', status: 'NEEDS-ACTION', optional: true },
  ],
};
const NOT_COMPOSABLE = { code: 'mail_not_composable' };

test('a picture that the HTML shows lies beside it, and files lie behind', { skip }, async () => {
  const mail = await readMail((await composeMail(content, [pdf, logo])).raw);
  assert.equal(shapeOf(mail.body), 'mixed(alternative(plain,related(html,png)),pdf)');
  const picture = leavesOf(mail.body).find(({ type }) => type === 'image/png');
  assert.equal(picture?.content_id, '<logo@example.org>');
  assert.equal(picture?.disposition, 'inline');
  assert.equal(picture?.filename, 'logo.png');
  assert.equal(picture?.size, PNG.length);
  assert.equal(leavesOf(mail.body).at(-1)?.disposition, 'attachment');
});

test('a picture that the HTML does not show is attached', { skip }, async () => {
  const plain = await readMail(
    (await composeMail({ ...content, html: '<p>Hello cid:logo@example.org</p>' }, [logo])).raw,
  );
  assert.equal(shapeOf(plain.body), 'mixed(alternative(plain,html),png)');
  const [, , picture] = leavesOf(plain.body);
  assert.equal(picture?.disposition, 'attachment');
  assert.equal(picture?.content_id, null);
  const text = await readMail((await composeMail({ ...content, html: null }, [logo])).raw);
  assert.equal(shapeOf(text.body), 'mixed(plain,png)');
});

test('pictures are found in attributes, in styles and in what is for Outlook alone', { skip }, async () => {
  for (const html of [
    "<IMG SRC='CID:logo@example.org'>",
    '<img src=cid:logo%40example.org>',
    '<td background="cid:logo@example.org">x</td>',
    '<p style="background:url(cid:logo@example.org)">x</p>',
    '<style>p { background: url("cid:logo@example.org") }</style>x',
    '<!--[if mso]><v:image src="cid:logo@example.org" /><![endif]-->x',
  ])
    assert.equal(
      shapeOf((await readMail((await composeMail({ ...content, html }, [logo])).raw)).body),
      'alternative(plain,related(html,png))',
      html,
    );
});

test('a picture that is shown and not there, twice there, or no picture, is refused', { skip }, async () => {
  await assert.rejects(composeMail(content, [pdf]), {
    ...NOT_COMPOSABLE,
    message: /cid:"logo@example\.org".*no such file/,
  });
  await assert.rejects(composeMail(content, [logo, logo]), NOT_COMPOSABLE);
  await assert.rejects(composeMail(content, [{ ...logo, contentType: 'image/svg+xml' }]), NOT_COMPOSABLE);
  await assert.rejects(composeMail(content, [{ ...logo, contentType: 'text/html' }]), NOT_COMPOSABLE);
});

test('an invitation is the last alternative and a file, as one reads it', { skip }, async () => {
  const { raw } = await composeMail({ ...content, calendar: event }, [pdf, logo]);
  const mail = await readMail(raw);
  assert.equal(shapeOf(mail.body), 'mixed(alternative(plain,related(html,png),calendar),pdf,ics)');
  const [part, file] = [3, 5].map((index) => leavesOf(mail.body)[index]);
  assert.equal(part?.params.method, 'REQUEST');
  assert.equal(part?.params.charset, 'utf-8');
  assert.equal(part?.disposition, null);
  assert.equal(file?.filename, 'invite.ics');
  assert.equal(file?.disposition, 'attachment');
  assert.equal(file?.text, part?.text);
  const text = part?.text ?? '';
  for (const line of text.split('\r\n')) assert.ok(Buffer.byteLength(line) <= 75, line);
  assert.doesNotMatch(text, /\r(?!\n)|(?<!\r)\n/);
  const lines = text.replaceAll('\r\n ', '').split('\r\n');
  const has = (line: string) => assert.ok(lines.includes(line), `${line}\n${text}`);
  for (const line of ['METHOD:REQUEST', 'UID:quote-7@example.org', 'SEQUENCE:2', 'DTSTAMP:20261120T080000Z'])
    has(line);
  for (const line of ['DTSTART:20261124T090000Z', 'DTEND:20261124T103000Z', 'STATUS:CONFIRMED']) has(line);
  has(
    'SUMMARY:Angebot besprechen\\; Teil 1\\, "neu" 日本語 und noch mehr Worte\\, damit die Zeile gefaltet wird',
  );
  has('LOCATION:Bürgerstraße 5\\, Zürich');
  has('DESCRIPTION:Erstens\\nZweitens\\nBEGIN:VALARM\\nDrittens');
  assert.equal(lines.filter((line) => line.startsWith('BEGIN:')).length, 2);
  const attendees = lines.filter((line) => line.startsWith('ATTENDEE'));
  assert.equal(attendees.length, 2);
  assert.match(
    attendees[0] ?? '',
    /ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;CN="Änna \^'A\^' Muster":MAILTO:anna@example\.com/,
  );
  assert.match(attendees[1] ?? '', /ROLE=OPT-PARTICIPANT/);
});

test('an event of days has days, and one that is called off says so', { skip }, async () => {
  const days = { ...event, method: 'CANCEL' as const, start: '2026-12-24', end: '2026-12-27', location: '' };
  const mail = await readMail((await composeMail({ ...content, html: null, calendar: days }, [])).raw);
  assert.equal(shapeOf(mail.body), 'mixed(alternative(plain,calendar),ics)');
  const text = leavesOf(mail.body)[1]?.text ?? '';
  for (const line of [
    'METHOD:CANCEL',
    'STATUS:CANCELLED',
    'DTSTART;VALUE=DATE:20261224',
    'DTEND;VALUE=DATE:20261227',
  ])
    assert.ok(text.split('\r\n').includes(line), `${line}\n${text}`);
  assert.doesNotMatch(text, /LOCATION/);
});

test('the same event makes the same bytes', async () => {
  const one = await composeMail({ ...content, calendar: event }, [logo]);
  const two = await composeMail({ ...content, calendar: event }, [logo]);
  assert.deepEqual(one.raw, two.raw);
});

test('a mail of a list tells how one leaves it, by one click', { skip }, async () => {
  const { raw, envelope } = await composeMail(
    {
      ...content,
      html: null,
      list_unsubscribe: {
        https: `https://mail.example.org/u/${'t'.repeat(300)}`,
        mailto: 'leave+7@example.org',
      },
      list_id: 'news.example.org',
      precedence: 'bulk',
      language: 'de-CH',
      envelope_from: 'bounce+anna=example.com@example.org',
    },
    [],
  );
  const headers = new Map((await readMail(raw)).headers);
  assert.equal(
    headers.get('List-Unsubscribe')?.trim(), // Python leaves the fold before a long word in it
    `<https://mail.example.org/u/${'t'.repeat(300)}>, <mailto:leave%2B7@example.org>`,
  );
  assert.equal(headers.get('List-Unsubscribe-Post'), 'List-Unsubscribe=One-Click');
  assert.equal(headers.get('List-Id') ?? headers.get('List-ID'), '<news.example.org>');
  assert.equal(headers.get('Precedence'), 'bulk');
  assert.equal(headers.get('Content-Language'), 'de-CH');
  assert.deepEqual(envelope, { from: 'bounce+anna=example.com@example.org', to: ['anna@example.com'] });
});

test('a way off a list that could be read as something else is refused', async () => {
  for (const said of [
    { list_unsubscribe: { https: 'http://mail.example.org/u/x' } },
    { list_unsubscribe: { https: 'https://mail.example.org/u/x>, <https://evil.example' } },
    { list_unsubscribe: { https: 'https://mail.example.org/u/x\r\nBcc: evil@example.net' } },
    { list_unsubscribe: { https: 'https://mail.example.org/u/=?utf-8?Q?x?=' } },
    {
      list_unsubscribe: { https: 'https://mail.example.org/u/x', mailto: 'a@b.example?bcc=evil@example.net' },
    },
    { list_id: 'news>\r\nBcc: evil@example.net' },
    { language: 'de\r\nBcc: evil@example.net' },
  ])
    await assert.rejects(
      composeMail({ ...content, html: null, ...said }, []),
      NOT_COMPOSABLE,
      JSON.stringify(said),
    );
});

test('a large file is read as the mail is read, and never lies in memory', async () => {
  const piece = Buffer.alloc(1024 * 1024, 7);
  const pieces = 64;
  const sha256 = createHash('sha256');
  for (let index = 0; index < pieces; index++) sha256.update(piece);
  let given = 0;
  async function* file(): AsyncGenerator<Buffer> {
    for (let index = 0; index < pieces; index++) {
      given += piece.length;
      yield piece;
    }
  }
  const { mail } = await compose.composeMail({ ...content, html: null, calendar: event }, [
    {
      ...{ filename: 'large.bin', contentType: 'application/octet-stream', sha256: sha256.digest('hex') },
      open: async () => Readable.from(file(), { objectMode: false }),
    },
  ]);
  let taken = 0;
  let ahead = 0;
  for await (const bytes of mail) {
    taken += bytes.length;
    ahead = Math.max(ahead, given - (taken / 78) * 57); // 57 octets of a file are a line of 76 and its end
  }
  assert.equal(given, pieces * piece.length);
  assert.ok(taken > given * 1.3);
  assert.ok(ahead < 8 * piece.length, `${ahead} bytes were read ahead`);
});
