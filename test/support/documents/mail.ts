// Mails with attachments, and mails in mails.
export interface Attached {
  name: string;
  type: string;
  content: Buffer;
}

export function mail(subject: string, text: string, attached: readonly Attached[] = []): Buffer {
  const head = `From: Anna Muster <anna@prospect.example>\r\nTo: sales@example.org\r\nSubject: ${subject}\r\nDate: Fri, 20 Nov 2026 14:00:00 +0000\r\nMIME-Version: 1.0\r\n`;
  if (attached.length === 0) {
    return Buffer.from(`${head}Content-Type: text/plain; charset=utf-8\r\n\r\n${text}\r\n`);
  }
  const parts = attached.map(({ name, type, content }) => {
    const lines = content.toString('base64').replace(/.{76}/g, '$&\r\n');
    return `--frontier\r\nContent-Type: ${type}; name="${name}"\r\nContent-Disposition: attachment; filename="${name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n${lines}\r\n`;
  });
  return Buffer.from(
    `${head}Content-Type: multipart/mixed; boundary=frontier\r\n\r\n--frontier\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n${text}\r\n${parts.join('')}--frontier--\r\n`,
  );
}

/** A mail that holds a mail that holds a mail, `levels` deep. */
export function nestedMail(levels: number): Buffer {
  const heads = Array.from(
    { length: levels },
    (_, level) =>
      `From: a@b.example\r\nSubject: level ${level}\r\nMIME-Version: 1.0\r\nContent-Type: message/rfc822\r\n\r\n`,
  );
  return Buffer.from(`${heads.join('')}From: a@b.example\r\nSubject: the last\r\n\r\nThe core\r\n`);
}
