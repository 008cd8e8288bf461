// Mails for the tests of rules, written from their differences.

export interface Mail {
  from?: string;
  to?: string;
  subject?: string;
  date?: string;
  /** Further header lines. */
  headers?: string[];
  text?: string;
  html?: string;
  files?: { name: string; type: string; bytes: Buffer }[];
}

/** From Ann, with a text, sent on Friday the 20th of November 2026 at 10:00 UTC, but for what is given. */
export function rawMail(id: string, mail: Mail = {}): string {
  const head = [
    ...(mail.headers ?? []),
    `From: ${mail.from ?? 'Ann Buyer <ann@prospect.example>'}`,
    `To: ${mail.to ?? 'sales@company.example'}`,
    `Subject: ${mail.subject ?? 'A question'}`,
    `Message-ID: <${id}@prospect.example>`,
    `Date: ${mail.date ?? 'Fri, 20 Nov 2026 10:00:00 +0000'}`,
    'MIME-Version: 1.0',
  ];
  const type = mail.html === undefined ? 'text/plain' : 'text/html';
  const body = [`Content-Type: ${type}; charset=utf-8`, '', mail.html ?? mail.text ?? 'Good day.', ''];
  if (!mail.files) return [...head, ...body].join('\r\n');
  const files = mail.files.flatMap(({ name, type, bytes }) => [
    '--o',
    `Content-Type: ${type}`,
    `Content-Disposition: attachment; filename="${name}"`,
    'Content-Transfer-Encoding: base64',
    '',
    bytes.toString('base64').replace(/.{76}/g, '$&\r\n'),
  ]);
  return [
    ...head,
    'Content-Type: multipart/mixed; boundary=o',
    '',
    '--o',
    ...body,
    ...files,
    '--o--',
    '',
  ].join('\r\n');
}
