// Mails that are posted in tests.

/** Whose parts a receiver can check: text, HTML, a PDF, a text file in Latin-1, and a picture inside the HTML. */
export const PDF = Buffer.from('%PDF-1.4\n\u0000\u00ff binary', 'latin1');
export const PICTURE = Buffer.alloc(5_000, 0xa5);

export const mail = (id: string, subject = 'Hello', text = 'Good day.'): string =>
  [
    'From: Ann Buyer <ann@prospect.example>',
    'To: sales@company.example',
    `Subject: ${subject}`,
    `Message-ID: <${id}@prospect.example>`,
    'Date: Fri, 20 Nov 2026 10:00:00 +0000',
    'Content-Type: text/plain; charset=utf-8',
    '',
    text,
    '',
  ].join('\r\n');

const wrapped = (bytes: Buffer): string => bytes.toString('base64').replace(/.{76}/g, '$&\r\n');

export const mailWithFiles = (id: string): string =>
  [
    'Received: from b.example by a.example; Fri, 20 Nov 2026 10:00:02 +0000',
    'Received: from c.example by b.example; Fri, 20 Nov 2026 10:00:01 +0000',
    'From: Ann Buyer <ann@prospect.example>',
    'To: sales@company.example',
    'Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=',
    `Message-ID: <${id}@prospect.example>`,
    'Date: Fri, 20 Nov 2026 10:00:00 +0000',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary=o',
    '',
    '--o',
    'Content-Type: multipart/alternative; boundary=i',
    '',
    '--i',
    'Content-Type: text/plain; charset=iso-8859-1',
    'Content-Transfer-Encoding: quoted-printable',
    'X-Part: first',
    'X-Part: second',
    '',
    'Sch=F6ne Gr=FC=DFe',
    '--i',
    'Content-Type: text/html; charset=utf-8',
    '',
    '<p>Schöne Grüße</p>',
    '--i--',
    '--o',
    'Content-Type: application/pdf; name=offer.pdf',
    'Content-Disposition: attachment; filename=offer.pdf',
    'Content-Transfer-Encoding: base64',
    '',
    wrapped(PDF),
    '--o',
    'Content-Type: text/csv; charset=iso-8859-1',
    'Content-Disposition: attachment; filename=prices.csv',
    'Content-Transfer-Encoding: quoted-printable',
    '',
    'Preis;=80=FC',
    '--o',
    'Content-Type: image/png',
    'Content-Disposition: attachment; filename=large.png',
    'Content-Transfer-Encoding: base64',
    '',
    wrapped(PICTURE),
    '--o--',
    '',
  ].join('\r\n');
