// Mails with documents.

export interface File {
  name: string;
  type: string;
  bytes: Buffer;
  /** Inside the text, such as a logo. */
  inline?: boolean;
}

const wrapped = (bytes: Buffer): string => bytes.toString('base64').replace(/.{76}/g, '$&\r\n');

export const mailWith = (
  id: string,
  files: readonly File[],
  { subject = 'Documents', text = 'Please find them attached.' } = {},
): string =>
  [
    'From: Ann Buyer <ann@prospect.example>',
    'To: sales@company.example',
    `Subject: ${subject}`,
    `Message-ID: <${id}@prospect.example>`,
    'Date: Fri, 20 Nov 2026 10:00:00 +0000',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary=o',
    '',
    '--o',
    'Content-Type: text/plain; charset=utf-8',
    '',
    text,
    ...files.flatMap(({ name, type, bytes, inline }) => [
      '--o',
      `Content-Type: ${type}`,
      `Content-Disposition: ${inline ? 'inline' : 'attachment'}; filename="${name}"`,
      // A message is attached as it is (RFC 2046 §5.2.1).
      `Content-Transfer-Encoding: ${type === 'message/rfc822' ? '8bit' : 'base64'}`,
      '',
      type === 'message/rfc822' ? bytes.toString('utf8') : wrapped(bytes),
    ]),
    '--o--',
    '',
  ].join('\r\n');

export const textFile = (name: string, text: string): File => ({
  name,
  type: 'text/plain; charset=utf-8',
  bytes: Buffer.from(text),
});
