// What an approval names: nothing of a mail can be changed without another digest.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DraftContent } from '../../src/contracts/draft.ts';
import { composeMail, digestOf, type WholeFile } from '../support/compose-whole.ts';

const CONTENT: DraftContent = {
  from: { name: 'Sales', address: 'sales@company.example' },
  to: [{ name: 'Ann', address: 'ann@prospect.example' }],
  cc: [{ name: '', address: 'bob@prospect.example' }],
  bcc: [{ name: '', address: 'audit@company.example' }],
  subject: 'Your quote',
  text: 'It costs 5.\n',
  html: '<p>It costs 5.</p>',
  attachments: [],
  in_reply_to: '<first@prospect.example>',
  references: ['<zero@prospect.example>', '<first@prospect.example>'],
  message_id: '<draft@company.example>',
  auto_submitted: null,
};
const FILES: WholeFile[] = [
  { filename: 'quote.pdf', contentType: 'application/pdf', bytes: Buffer.from('%PDF-1.7 five') },
];

async function digest(change: Partial<DraftContent> = {}, files = FILES): Promise<string> {
  const { raw, envelope } = await composeMail({ ...CONTENT, ...change }, files);
  return digestOf(envelope, raw);
}

describe('the digest of a draft', () => {
  it('is the same for the same mail, however often it is made', async () => {
    assert.equal(await digest(), await digest());
    assert.match(await digest(), /^sha256:[0-9a-f]{64}$/);
  });

  const eve = { name: '', address: 'eve@evil.example' };
  const changes: [what: string, change: Partial<DraftContent>, files?: WholeFile[]][] = [
    ['the address of From', { from: { name: 'Sales', address: 'boss@company.example' } }],
    ['the name of From', { from: { name: 'The boss', address: 'sales@company.example' } }],
    ['a recipient of To', { to: [eve] }],
    ['one more recipient of To', { to: [...CONTENT.to, eve] }],
    ['the name of a recipient', { to: [{ name: 'Eve', address: 'ann@prospect.example' }] }],
    ['a recipient of Cc', { cc: [eve] }],
    ['no recipient of Cc', { cc: [] }],
    ['a recipient of Bcc', { bcc: [eve] }],
    ['one more recipient of Bcc', { bcc: [...CONTENT.bcc, eve] }],
    ['no recipient of Bcc', { bcc: [] }],
    ['Cc and Bcc changed round', { cc: CONTENT.bcc, bcc: CONTENT.cc }],
    ['the subject', { subject: 'Your quote.' }],
    ['In-Reply-To', { in_reply_to: '<other@prospect.example>' }],
    ['References', { references: ['<first@prospect.example>'] }],
    ['the Message-ID', { message_id: '<other@company.example>' }],
    ['Auto-Submitted', { auto_submitted: 'auto-replied' }],
    ['the text', { text: 'It costs 6.\n' }],
    ['a space in the text', { text: 'It costs 5. \n' }],
    ['the HTML', { html: '<p>It costs 6.</p>' }],
    ['no HTML', { html: null }],
    ['the bytes of an attachment', {}, [{ ...FILES[0], bytes: Buffer.from('%PDF-1.7 six') } as WholeFile]],
    ['the name of an attachment', {}, [{ ...FILES[0], filename: 'offer.pdf' } as WholeFile]],
    ['the type of an attachment', {}, [{ ...FILES[0], contentType: 'text/html' } as WholeFile]],
    ['no attachment', {}, []],
    ['one more attachment', {}, [...FILES, ...FILES]],
  ];
  for (const [what, change, files] of changes) {
    it(`is another one with another thing: ${what}`, async () => {
      assert.notEqual(await digest(change, files), await digest());
    });
  }

  it('cannot be kept by moving words from the envelope into the mail', async () => {
    const envelope = { from: 'a@b.example', to: ['c@d.example'] };
    assert.notEqual(
      await digestOf(envelope, Buffer.from('mail')),
      await digestOf({ ...envelope, to: [] }, Buffer.from('c@d.example\0mail')),
    );
  });
});
