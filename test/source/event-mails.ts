// Mails of which events are made: those of the fixtures that are hard to read, and reports of a journal.
import { readFileSync } from 'node:fs';
import { base64, head, join, lines, multipart, part, pdf } from '../fixtures/compose.ts';

const FIXTURES = new URL('../fixtures/', import.meta.url);

const fixture = (name: string): [string, Buffer] => [name, readFileSync(new URL(`${name}.eml`, FIXTURES))];

const journal = (envelope: string[], ...inside: Buffer[]): Buffer =>
  join(
    lines(
      'From: "Microsoft Outlook" <journal@company.example>',
      'To: archive@company.example',
      'Subject: The report',
      'Message-ID: <report@company.example>',
      'X-MS-Journal-Report:',
      'MIME-Version: 1.0',
      'Content-Type: multipart/mixed; boundary="report"',
      '',
    ),
    multipart(
      'report',
      part(['Content-Type: text/plain; charset="us-ascii"'], envelope.join('\r\n')),
      ...inside.map((raw) => part(['Content-Type: message/rfc822'], raw)),
    ),
  );

const ENVELOPE = [
  'Sender: anna@prospect.example',
  'Subject: Offer',
  'Message-Id: <offer@prospect.example>',
  'To: bob@company.example, Expanded: sales@company.example',
  'Cc: zoe@company.example',
  'Bcc: eve@company.example, Forwarded: adam@company.example',
  'Recipient: last@company.example',
];

const OFFER = join(
  head('offer', 'Offer', 'Content-Type: multipart/mixed; boundary="inner"', ''),
  multipart(
    'inner',
    part(['Content-Type: text/plain; charset=utf-8', 'X-Inner: 1', 'X-Inner: 2'], 'The offer, für Sie.'),
    part(
      [
        'Content-Type: application/pdf; name="offer.pdf"',
        'Content-Transfer-Encoding: base64',
        'Content-Disposition: attachment; filename="offer.pdf"',
      ],
      base64(pdf(300)),
    ),
  ),
);

const PLAIN = join(head('plain-inside', 'Plain', 'Content-Type: text/plain', ''), 'Only text.\r\n');

/** By name, in the order in which they are put into the mailbox. */
export const eventMails: ReadonlyMap<string, Buffer> = new Map([
  ...[
    ...['01-plain', '03-nested-multiparts', '08-rfc2231-name', '09-eight-bit-headers-utf8'],
    ...['10-eight-bit-headers-gbk', '12-empty-body', '14-attached-message', '16-smime-signed'],
    ...['17-pgp-signed', '19-winmail-dat', '20-bounce-dsn', '30-inline-images', '31-base64-with-junk'],
    ...['38-several-from', '46-bidi-filename', '56-text-attachment', '57-duplicate-content-type'],
    ...['58-header-with-nul', '60-header-only', '74-prototype-header', '87-unknown-encoding'],
    ...['93-winmail-with-files', '94-winmail-alone', '15-calendar-invitation'],
  ].map(fixture),
  ['journal of a mail with files', journal(ENVELOPE, OFFER)],
  ['journal of a plain mail', journal(ENVELOPE, PLAIN)],
  ['journal with two copies', journal(ENVELOPE, PLAIN, OFFER)],
  ['a forwarded mail that is no report', journal(['See below.', 'To: the point'], PLAIN)],
]);
