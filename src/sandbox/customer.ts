// The customer of the sandbox: writes mails with a mail program of her own, over SMTP like everybody.
import { createTransport } from 'nodemailer';
import { parseMail } from '../mail/parse.ts';
import type { MailWorld } from './mail-world.ts';
import { CUSTOMER, SALES } from './mail-world.ts';

export const FIRST_MAIL = {
  subject: 'Quote for our new office',
  text: [
    'Hello,',
    '',
    'we move into a new office next month. Could you send us a quote for',
    '20 Falcon desks and 5 chairs?',
    '',
    'Best regards',
    CUSTOMER.name,
    '',
  ].join('\n'),
};

const OTHER_SUBJECT = 'A quote, please';

/** Writes again: as an answer to the last mail that she got, quoting it, or as a new mail where she got none. */
export async function writeAgain(world: MailWorld, words: string): Promise<void> {
  const last = world.customer.list('INBOX').at(-1);
  if (!last) return writeAsCustomer(world, { subject: OTHER_SUBJECT, text: `${words}\n` });
  const { metadata, content } = await parseMail(last.raw);
  const { subject, from, date, message_id: answered } = metadata;
  const quoted = content.text.trimEnd().replace(/^/gm, '> ');
  await writeAsCustomer(world, {
    subject: /^re:/i.test(subject) ? subject : `Re: ${subject}`,
    text: `${words}\n\nOn ${new Date(date ?? 0).toUTCString()}, ${from?.name} <${from?.address}> wrote:\n${quoted}\n`,
    ...(answered ? { inReplyTo: answered, references: [...metadata.references, answered] } : {}),
  });
}

/** Sends a mail from the customer to sales. Resolves when the server has delivered it. */
export async function writeAsCustomer(
  world: MailWorld,
  mail: { subject: string; text: string; inReplyTo?: string; references?: string[] },
): Promise<void> {
  const transport = createTransport({
    host: world.smtp.host,
    port: world.smtp.port,
    secure: false,
    auth: { user: CUSTOMER.address, pass: CUSTOMER.password },
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  try {
    await transport.sendMail({
      from: { name: CUSTOMER.name, address: CUSTOMER.address },
      to: { name: SALES.name, address: SALES.address },
      subject: mail.subject,
      text: mail.text,
      ...(mail.inReplyTo ? { inReplyTo: mail.inReplyTo, references: mail.references ?? [] } : {}),
    });
  } finally {
    transport.close();
  }
}
