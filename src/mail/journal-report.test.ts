// Journal reports as Exchange writes them, and texts that only look like one.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { readJournalReport } from './journal-report.ts';

it('tells who sent a mail and to whom it went, through groups, forwarding and Bcc', () => {
  const report = readJournalReport(
    [
      'Sender: ann@company.example',
      'On-Behalf-Of: boss@company.example',
      'Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=',
      'Message-Id: <1@company.example>',
      'To: bob@company.example, Expanded: sales@company.example',
      'Cc: "Zoe, of Sales" <zoe@company.example>',
      'Bcc: eve@company.example, Forwarded: adam@company.example',
      'Recipient: last@company.example,',
      '\tExpanded: all@company.example',
      'Label: none of ours',
      '',
    ].join('\r\n'),
  );
  assert.deepEqual(report, {
    sender: 'ann@company.example',
    on_behalf_of: 'boss@company.example',
    message_id: '<1@company.example>',
    subject: 'Grüße',
    recipients: [
      { address: 'bob@company.example', field: 'to', expanded: 'sales@company.example', forwarded: null },
      { address: 'zoe@company.example', field: 'cc', expanded: null, forwarded: null },
      { address: 'eve@company.example', field: 'bcc', expanded: null, forwarded: 'adam@company.example' },
      {
        address: 'last@company.example',
        field: 'recipient',
        expanded: 'all@company.example',
        forwarded: null,
      },
    ],
    truncated: false,
  });
});

it('has the null sender of a bounce', () => {
  assert.equal(readJournalReport('Sender: <>\nRecipient: a@b.example')?.sender, '');
});

for (const [what, text] of [
  ['a letter', 'Dear Bob,\n\nTo: the point.\n'],
  ['a report without a sender', 'To: bob@company.example\n'],
  ['a report without a recipient', 'Sender: ann@company.example\nSubject: x\n'],
  ['nothing', ''],
] as const) {
  it(`is not ${what}`, () => assert.equal(readJournalReport(text), null));
}

it('is cut where it names more recipients than any mail has, and says so', () => {
  const report = readJournalReport(`Sender: a@b.example\n${'To: c@d.example\n'.repeat(100_000)}`);
  assert.equal(report?.truncated, true);
  assert.equal(report?.recipients.length, 19_999);
});
