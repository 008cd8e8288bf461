// The bytes of drafts that lie in ledgers: a person approved them by their digest, so that no later version of Postern
// may make other ones of the same content.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { DraftContent } from '../../src/contracts/draft.ts';
import { composeMail, digestOf, type WholeFile } from '../support/compose-whole.ts';

const plain: DraftContent = {
  from: { name: 'Sales', address: 'sales@example.org' },
  to: [{ name: 'Anna', address: 'anna@example.com' }],
  cc: [],
  bcc: [],
  subject: 'Your quote',
  text: 'Hello\n\n.\nAnna',
  html: null,
  attachments: [],
  in_reply_to: null,
  references: [],
  message_id: '<0123456789abcdef@example.org>',
  auto_submitted: null,
};
const pdf = {
  filename: 'Angebot ü 見積.pdf',
  contentType: 'application/pdf',
  bytes: Buffer.from('%PDF-1.4\r\n'),
};
const answer: DraftContent = {
  ...plain,
  cc: [{ name: 'Ö, "B"', address: 'b@example.com' }],
  bcc: [{ name: '', address: 'c@example.com' }],
  reply_to: [{ name: 'Büro', address: 'office@example.org' }],
  subject: 'Re: Grüße — 5 € für eine sehr lange Betreffzeile, die gefaltet werden muss 日本語 👩‍👩‍👧',
  text: `Grüße\r\n> ${'x'.repeat(200)}\rEnde`,
  html: '<p>Grüße <b>日本</b></p>',
  in_reply_to: '<q1@example.com>',
  references: ['<q0@example.com>', '<q1@example.com>'],
  auto_submitted: 'auto-replied',
};

const GOLDEN: [string, DraftContent, WholeFile[], string][] = [
  [
    'a text',
    plain,
    [],
    '05336d80db72cd396d93a9fc07267638cd3485f53f9eef0a71e8373e2469c754 sha256:e3edc3eebf90e2551274181875f1795d32947dc8eaf672b83699c579622ef609',
  ],
  [
    'a text and a file',
    plain,
    [pdf],
    '92582a375b1ede00004e3f0a45d269e9eb43f9ec05d2e31a21766a0e77d2405e sha256:585d5fdc2b2ebe5d3bb15e607f5aca84659e1cf0d0628f6b694105d7b07791c6',
  ],
  [
    'an answer in two bodies',
    answer,
    [],
    'c020edc59665ea80fc38fb2fe37eb1d52cc18df74d63c5043c584fb793e5ac08 sha256:59daf1167b999bf67f6bfeab87ce9cc68aecdaa71a7777f9d3b923021ec7fb01',
  ],
  [
    'an answer in two bodies with two files',
    answer,
    [pdf, { filename: 'mail.eml', contentType: 'message/rfc822', bytes: Buffer.from('a\nb') }],
    '4fcb61e1d8a22db1eac3630157afbb3120d8cc96c16ab159aa48be9262df8688 sha256:4da5344c9e64e1b1d056214e198664eb57e23eafc5f4c5c5b88b405a3530eb57',
  ],
];

for (const [what, content, files, sha256] of GOLDEN) {
  test(`the bytes of ${what} stay what they were`, async () => {
    const { raw, envelope } = await composeMail(content, files);
    const digest = await digestOf(envelope, raw);
    assert.equal(`${createHash('sha256').update(raw).digest('hex')} ${digest}`, sha256, raw.toString());
  });
}
