// Mails as documents: what the mail says, and what is attached to it, by the same reader that reads the mailboxes.
import type { MailContent } from '../../contracts/mail.ts';
import { contentOf } from '../../mail/content.ts';
import { readMime } from '../../mail/parse-mime.ts';
import { attachmentName, leafOf } from '../../mail/structure.ts';
import { openTnef } from '../../mail/tnef.ts';
import { MAX_MEMBER_BYTES, MAX_MEMBERS, refuse } from './budget.ts';
import { type Bytes, memoryBytes } from './bytes.ts';
import type { ChunkSource } from './contract.ts';
import type { ReadMember } from './member.ts';
import { HIDDEN_TEXT, type Output } from './output.ts';

const MAX_NAMED = 50; // addresses in a line: an invitation to a hundred says nothing by its list

/** @throws PosternError `document_too_large`, `document_too_complex`, and what ends the whole document in `readMember` */
export async function readMail(
  bytes: Bytes,
  out: Output,
  source: ChunkSource,
  readMember: ReadMember,
): Promise<void> {
  if (bytes.size > MAX_MEMBER_BYTES) {
    throw refuse('document_too_large', `A mail of more than ${MAX_MEMBER_BYTES} bytes is not read.`);
  }
  const mail = await readMime(bytes.read(0, bytes.size), true).catch((error: unknown) => {
    if ((error as { code?: unknown }).code !== 'mail_too_complex') throw error;
    throw refuse('document_too_complex', (error as Error).message);
  });
  const { metadata, content } = mail;
  const people = (list: readonly { name: string; address: string }[]): string =>
    list
      .slice(0, MAX_NAMED)
      .map(({ name, address }) => (name === '' ? address : `${name} <${address}>`))
      .join(', ');
  const head = [
    ['Subject', metadata.subject],
    ['From', metadata.from ? people([metadata.from]) : ''],
    ['To', people([...metadata.to, ...metadata.cc])],
    ['Date', metadata.date === null ? '' : new Date(metadata.date).toISOString()],
  ];
  for (const [name, value] of head) if (value !== '') out.paragraph(`${name}: ${value}`, source);
  addText(content, out, source);
  if (mail.attachments.length > MAX_MEMBERS)
    out.note(`Attachments after the first ${MAX_MEMBERS} were left out.`);
  for (const { part, content: octets } of mail.attachments.slice(0, MAX_MEMBERS)) {
    await readMember({
      name: attachmentName(part),
      declaredType: part.type,
      load: async () => memoryBytes(Buffer.from(octets ?? [])),
    });
  }
}

/**
 * winmail.dat: the mail that Outlook wrapped, whose text and files are read as those of any other.
 * @throws PosternError `document_too_large`, `document_broken`, and what ends the whole document in `readMember`
 */
export async function readTnef(
  bytes: Bytes,
  out: Output,
  source: ChunkSource,
  readMember: ReadMember,
): Promise<void> {
  if (bytes.size > MAX_MEMBER_BYTES) {
    throw refuse('document_too_large', `A mail of more than ${MAX_MEMBER_BYTES} bytes is not read.`);
  }
  const opened = openTnef(bytes.read(0, bytes.size));
  if (!opened) throw refuse('document_broken', 'The mail in Outlook format cannot be opened.');
  if (opened.text !== null) for (const line of opened.text.split(/\r?\n/)) out.paragraph(line, source);
  else if (opened.html !== null) readHtml(memoryBytes(Buffer.from(opened.html)), out, source);
  if (!opened.isWhole)
    out.note('The mail in Outlook format is damaged or too large; some of it may be missing.');
  for (const { filename, contentType, content } of opened.files) {
    const name = filename ?? 'unnamed';
    await readMember({ name, declaredType: contentType, load: async () => memoryBytes(content) });
  }
}

/** An HTML file is read as the HTML part of a mail is: its charset, its hidden text, its lines. */
export function readHtml(bytes: Bytes, out: Output, source: ChunkSource): void {
  const part = leafOf({ type: 'text/html', encoding: 'binary', size: bytes.size }, '1');
  const most = MAX_MEMBER_BYTES;
  addText(contentOf([{ part, bytes: bytes.read(0, most), truncated: bytes.size > most }]), out, source);
}

function addText(content: MailContent, out: Output, source: ChunkSource): void {
  for (const paragraph of content.text.split('\n')) out.paragraph(paragraph, source);
  if (content.hidden !== null) out.note(HIDDEN_TEXT);
  if (content.truncated) out.note('The text is longer than is read; its end was left out.');
}
