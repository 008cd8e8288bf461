import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Account } from '../accounts/accounts.ts';
import { sampleMail } from '../rules/testing.ts';
import { forwardContent, forwardSubject } from './forward-content.ts';

const account = {
  settings: { address: 'sales@company.example', from: 'Sales <sales@company.example>' },
} as Account;
const content = (text: string) => ({
  text,
  reply_text: text,
  html: '<p>hi</p>',
  truncated: false,
  hidden: null,
  language: 'und',
  invitation: null,
  unpacked: [],
});

it('has one Fwd: whatever stood before the subject', () => {
  assert.equal(forwardSubject('A quote'), 'Fwd: A quote');
  assert.equal(forwardSubject('Re: FW: WG: Fwd: A quote'), 'Fwd: A quote');
  assert.equal(forwardSubject('转发：报价'), 'Fwd: 报价');
  assert.equal(forwardSubject(''), 'Fwd:');
});

it('says whom the mail was from, below the note, and carries the text alone', () => {
  const { metadata } = sampleMail({ subject: 'Quote\u202e', cc: ['bob@prospect.example'] });
  const made = forwardContent(
    account,
    { metadata, content: content('Hello\n') },
    {
      to: ['Anna <anna@company.example>'],
      send: 'auto',
      note: 'Please look.',
    },
    [],
  );
  assert.equal(
    made.text,
    [
      'Please look.',
      '',
      '---------- Forwarded message ----------',
      'From: <anna@prospect.example>',
      'Date: Fri, 20 Nov 2026 00:00:00 GMT',
      'Subject: Quote',
      'To: <sales@example.org>',
      'Cc: <bob@prospect.example>',
      '',
      'Hello',
      '',
    ].join('\n'),
  );
  assert.equal(made.html, null);
  assert.deepEqual(made.to, [{ name: 'Anna', address: 'anna@company.example' }]);
  assert.deepEqual(made.references, ['<1@prospect.example>'], 'a mail that comes back is known by it');
  assert.equal(made.in_reply_to, null);
  assert.equal(made.auto_submitted, 'auto-generated');
});
