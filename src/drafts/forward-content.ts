// What a forwarded mail says: the operator's note, whom the mail was from, and its text. Its HTML was written by a stranger
// and goes nowhere; its files go along.
import type { Account } from '../accounts/accounts.ts';
import type { DraftAttachment, DraftContent } from '../contracts/draft.ts';
import type { Address, MailContent, MailMetadata } from '../contracts/mail.ts';
import type { Forward } from '../contracts/rule.ts';
import { forwardedHead } from '../mail/attribution.ts';
import { cleanHtml } from '../mail/outgoing-html.ts';
import { escapeText } from '../mail/outgoing-tags.ts';
import { parseRecipient } from '../mail/recipient.ts';
import { bareSubject, replyReferences } from '../mail/thread.ts';
import { fromOf, newMessageId } from './prepare.ts';

const MAX_TEXT_CHARS = 1_000_000; // as much as a draft may say
const MAX_SHOWN_ADDRESSES = 50;
const MAX_HTML_CHARS = 500_000; // of the mail's own; a longer one goes as its text
const FORWARD_PREFIX = /^(?:fwd?|wg|tr|rv|enc|vs|vl|i|doorst|转发|轉寄|転送)\s?[:：]\s*/i;

type Forwardable = Pick<MailContent, 'text'> & Partial<Pick<MailContent, 'language'>>;

/** @throws PosternError `recipient_invalid` */
export function forwardContent(
  account: Account,
  { metadata, content }: { metadata: MailMetadata; content: Forwardable },
  { to, cc = [], bcc = [], note, send }: Omit<Forward, 'limit'> & { cc?: string[]; bcc?: string[] },
  attachments: readonly DraftAttachment[],
): DraftContent {
  const from = fromOf(account);
  return {
    from,
    to: to.map(parseRecipient),
    cc: cc.map(parseRecipient),
    bcc: bcc.map(parseRecipient),
    subject: forwardSubject(metadata.subject),
    text: textOf(metadata, content, note),
    html: null,
    attachments: [...attachments],
    in_reply_to: null,
    // By these a mail that comes back is known, whoever forwards it to us.
    references: replyReferences(metadata),
    message_id: newMessageId(from),
    auto_submitted: send === 'auto' ? 'auto-generated' : null,
  };
}

/** One `Fwd: `, whatever stood before it. */
export function forwardSubject(subject: string): string {
  let rest = bareSubject(subject);
  for (let match = FORWARD_PREFIX.exec(rest); match; match = FORWARD_PREFIX.exec(rest))
    rest = bareSubject(rest.slice(match[0].length));
  return `Fwd: ${rest}`.trimEnd();
}

/**
 * The HTML of a mail that an operator forwards: without what runs, fetches or hides, and with the pictures that go along.
 * Null where the mail has none, or one that is too long.
 */
export function forwardedHtml(
  metadata: MailMetadata,
  { html, language }: Pick<MailContent, 'html' | 'language'>,
  note: string | undefined,
  attachments: readonly DraftAttachment[],
): string | null {
  if (html === null || html.length > MAX_HTML_CHARS) return null;
  const { title, lines } = forwardedHead(metadata, shown, language);
  const head = lines.map(([name, value]) => `<b>${escapeText(name)}:</b> ${escapeText(oneLine(value))}`);
  const above =
    note === undefined ? [] : [escapeText(note.trimEnd()).replace(/\r\n?|\n/g, '<br>\n'), '<br><br>\n'];
  const pictures = new Set(attachments.flatMap(({ content_id }) => content_id ?? []));
  const { html: clean } = cleanHtml(html, undefined, pictures);
  return `<div>${above.join('')}${escapeText(title)}<br>\n${head.join('<br>\n')}<br><br></div>\n${clean}\n`;
}

function textOf(metadata: MailMetadata, { text, language }: Forwardable, note: string | undefined): string {
  const { title, lines } = forwardedHead(metadata, shown, language);
  const head = [
    ...(note === undefined ? [] : [note.trimEnd(), '']),
    title,
    ...lines.map(([name, value]) => `${name}: ${oneLine(value)}`),
  ];
  const cut = text.length > MAX_TEXT_CHARS ? `${text.slice(0, MAX_TEXT_CHARS).toWellFormed()}\n[…]` : text;
  return `${head.join('\n')}\n\n${cut.trimEnd()}\n`;
}

function shown(addresses: readonly Address[]): string {
  if (addresses.length === 0) return '(nobody)';
  const more = addresses.length > MAX_SHOWN_ADDRESSES ? ', …' : '';
  const one = ({ name, address }: Address): string => oneLine(name ? `${name} <${address}>` : `<${address}>`);
  return addresses.slice(0, MAX_SHOWN_ADDRESSES).map(one).join(', ') + more;
}

const oneLine = (text: string): string => text.replace(/[\p{C}\p{Z}]+/gu, ' ').trim();
