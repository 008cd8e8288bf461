// What a draft says becomes bytes: read back by a parser of another make.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as mailparser from 'mailparser';
import type { DraftContent } from '../../src/contracts/draft.ts';
import { dateLine } from '../../src/outbound/compose.ts';
import { composeMail, digestOf } from '../support/compose-whole.ts';

interface Parsed {
  subject?: string;
  text?: string;
  html?: string | false;
  messageId?: string;
  inReplyTo?: string;
  references?: string | string[];
  attachments: { filename?: string; content: Buffer; headers: Map<string, unknown> }[];
}

/** Another make's reading of a mail. The library brings no types, and src/ declares what src/ uses. */
const { simpleParser } = mailparser as unknown as {
  simpleParser(raw: Buffer, options?: object): Promise<Parsed>;
};

const content: DraftContent = {
  from: { name: 'Sales', address: 'sales@example.org' },
  to: [{ name: 'Anna', address: 'anna@example.com' }],
  cc: [],
  bcc: [],
  subject: 'Your quote',
  text: 'Hello',
  html: null,
  attachments: [],
  in_reply_to: '<q1@example.com>',
  references: ['<q0@example.com>', '<q1@example.com>'],
  message_id: '<sub_1@example.org>',
  auto_submitted: null,
};
const headerOf = (raw: Buffer): string => raw.subarray(0, raw.indexOf('\r\n\r\n') + 2).toString('latin1');
const file = (filename: string, contentType: string, bytes: Buffer | string) => ({
  filename,
  contentType,
  bytes: Buffer.from(bytes),
});

test('a mail says what the draft says, and nothing about who made it', async () => {
  const html = '<p>Grüße <img src="https://example.net/pixel.png"></p>';
  const { raw, envelope } = await composeMail(
    {
      ...content,
      subject: 'Grüße — 5 €',
      text: 'Zwei\nZeilen 日本',
      html,
      cc: [{ name: 'Ö, "B"', address: 'b@example.com' }],
    },
    [file('Angebot ü.pdf', 'application/pdf', Buffer.from([0, 13, 10, 46, 255]))],
  );
  const mail = await simpleParser(raw, { skipTextLinks: true, skipImageLinks: true });
  assert.equal(mail.subject, 'Grüße — 5 €');
  assert.equal(mail.text?.trimEnd(), 'Zwei\nZeilen 日本');
  assert.equal(String(mail.html).trimEnd(), html);
  assert.equal(mail.messageId, '<sub_1@example.org>');
  assert.equal(mail.inReplyTo, '<q1@example.com>');
  assert.deepEqual(mail.references, ['<q0@example.com>', '<q1@example.com>']);
  assert.equal(mail.attachments[0]?.filename, 'Angebot ü.pdf');
  assert.deepEqual(mail.attachments[0]?.content, Buffer.from([0, 13, 10, 46, 255]));
  assert.match(headerOf(raw), /^Cc: .*<b@example\.com>\r$/m);
  assert.doesNotMatch(headerOf(raw), /^(Date|Bcc|X-Mailer|Auto-Submitted|X-Auto-Response-Suppress):/im);
  assert.deepEqual(envelope, { from: 'sales@example.org', to: ['anna@example.com', 'b@example.com'] });
});

test('the same draft makes the same bytes, and another makes another digest', async () => {
  const files = [file('a.txt', 'text/plain', 'x')];
  const [one, two] = [await composeMail(content, files), await composeMail(content, files)];
  assert.equal(one.raw.toString(), two.raw.toString());
  const digest = await digestOf(one.envelope, one.raw);
  assert.match(digest, /^sha256:[0-9a-f]{64}$/);
  assert.equal(await digestOf(two.envelope, two.raw), digest);
  const hidden = await composeMail({ ...content, bcc: [{ name: '', address: 'evil@example.net' }] }, files);
  assert.notEqual(await digestOf(hidden.envelope, hidden.raw), digest);
  assert.notEqual(await digestOf({ ...one.envelope, from: 'x@example.org' }, one.raw), digest);
});

test('Bcc is in the envelope and nowhere in the mail', async () => {
  const { raw, envelope } = await composeMail(
    { ...content, bcc: [{ name: 'H', address: 'hidden@example.com' }] },
    [],
  );
  assert.deepEqual(envelope.to, ['anna@example.com', 'hidden@example.com']);
  assert.doesNotMatch(raw.toString(), /hidden/);
});

test('an automatic answer says so', async () => {
  const { raw } = await composeMail({ ...content, auto_submitted: 'auto-replied' }, []);
  assert.match(headerOf(raw), /^Auto-Submitted: auto-replied\r$/m);
  assert.match(headerOf(raw), /^X-Auto-Response-Suppress: All\r$/m);
});

test('nothing that is said becomes a header of its own, and all line ends are CRLF', async () => {
  const evil = 'x\r\nBcc: evil@example.net\r\n\r\nbody';
  const { raw, envelope } = await composeMail(
    {
      ...content,
      subject: evil,
      from: { name: evil, address: 'sales@example.org' },
      to: [{ name: evil, address: 'anna@example.com' }],
      text: 'a\nb\rc\r\nd\0\u2028e\n.\r.\r\n',
      html: '<b>\n.\n</b>\r',
      in_reply_to: '<a@b>\r\nBcc: evil@example.net',
      references: ['<a@b>', evil, '<c d@e>', `<${'x'.repeat(1000)}@e>`],
    },
    [file(`${evil}/../..\\x.txt`, `text/plain\r\nBcc: evil@example.net`, 'a\nb\r')],
  );
  assert.doesNotMatch(raw.toString('latin1'), /^Bcc:/im);
  assert.doesNotMatch(raw.toString('latin1'), /\r(?!\n)|(?<!\r)\n|\0/);
  assert.deepEqual(envelope.to, ['anna@example.com']);
  const mail = await simpleParser(raw);
  assert.deepEqual(mail.references, '<a@b>');
  assert.equal(mail.inReplyTo, undefined);
  assert.doesNotMatch(mail.attachments[0]?.filename ?? '', /[/\\\r\n]/);
  assert.match(raw.toString('latin1'), /^Content-Type: application\/octet-stream;/m);
});

test('a text cannot close its own part, although everybody can read how boundaries are made', async () => {
  const first = await composeMail({ ...content, html: '<p>x</p>' }, []);
  const boundary = /boundary="([^"]+)"/.exec(headerOf(first.raw))?.[1] ?? '';
  assert.notEqual(boundary, '');
  const text = `--${boundary}--\nhidden`;
  const second = await composeMail({ ...content, html: '<p>x</p>', text }, []);
  const mail = await simpleParser(second.raw);
  assert.equal(mail.text?.trimEnd(), text);
});

test('an attached mail or multipart goes as a file, with its very bytes', async () => {
  const bytes = Buffer.from('Subject: x\n\nbare line ends\r and \0 more');
  for (const type of ['message/rfc822', 'multipart/mixed', 'nonsense']) {
    const { raw } = await composeMail(content, [file('mail.eml', type, bytes)]);
    const mail = await simpleParser(raw);
    assert.deepEqual(mail.attachments[0]?.content, bytes);
    assert.match(raw.toString('latin1'), /^Content-Type: application\/octet-stream;/m);
  }
});

test('text of an attachment that looks like options opens no file and fetches nothing', async () => {
  const options = { path: '/etc/passwd', href: 'http://127.0.0.1:1/' } as unknown as Buffer;
  await assert.rejects(composeMail(content, [{ filename: 'a', contentType: 'text/plain', bytes: options }]));
});

test('strings with lone surrogates, long threads and long names are composed', async () => {
  const { raw } = await composeMail(
    {
      ...content,
      subject: 'a\ud800b',
      text: '\udfff',
      from: { name: '\ud800'.repeat(500), address: 'sales@example.org' },
      references: Array.from({ length: 500 }, (_, index) => `<${index}@example.com>`),
    },
    [file(`${'😀'.repeat(300)}.pdf`, 'application/pdf', 'x')],
  );
  const references = (await simpleParser(raw)).references as string[];
  assert.equal(references.length, 50);
  assert.equal(references[0], '<0@example.com>');
  assert.equal(references.at(-1), '<499@example.com>');
});

test('a subject without a space is folded, however long it is', async () => {
  const { raw } = await composeMail({ ...content, subject: 'x'.repeat(998) }, []);
  assert.equal((await simpleParser(raw)).subject, 'x'.repeat(998));
});

test('what goes to nobody, and what has no Message-ID, is refused', async () => {
  await assert.rejects(composeMail({ ...content, to: [] }, []), { code: 'mail_not_composable' });
  await assert.rejects(composeMail({ ...content, message_id: 'none' }, []), { code: 'mail_not_composable' });
});

test('a recipient who is named twice gets the mail once', async () => {
  const { envelope } = await composeMail(
    {
      ...content,
      cc: [{ name: '', address: 'anna@EXAMPLE.com' }],
      bcc: [{ name: '', address: 'Anna@example.com' }],
    },
    [],
  );
  assert.deepEqual(envelope.to, ['anna@example.com', 'Anna@example.com']);
});

test('the Date line is that of RFC 5322', () => {
  assert.equal(
    dateLine(Date.UTC(2026, 10, 5, 7, 8, 9)).toString(),
    'Date: Thu, 05 Nov 2026 07:08:09 +0000\r\n',
  );
});
