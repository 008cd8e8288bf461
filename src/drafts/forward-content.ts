// What a forwarded mail says: the operator's note, whom the mail was from, and its text. Its HTML was written by a stranger
// and goes nowhere; its files go along.
import type { Account } from '../accounts/accounts.ts';
import type { DraftAttachment, DraftContent } from '../contracts/draft.ts';
import type { Address, MailContent, MailMetadata } from '../contracts/mail.ts';
import type { Forward } from '../contracts/rule.ts';
import { parseRecipient } from '../mail/recipient.ts';
import { bareSubject, replyReferences } from '../mail/thread.ts';
import { fromOf, newMessageId } from './prepare.ts';

const MAX_TEXT_CHARS = 1_000_000; // as much as a draft may say
const MAX_SHOWN_ADDRESSES = 50;
const FORWARD_PREFIX = /^(?:fwd?|wg|tr|rv|enc|vs|vl|i|doorst|转发|轉寄|転送)\s?[:：]\s*/i;

/** @throws PosternError `recipient_invalid` */
export function forwardContent(
  account: Account,
  { metadata, content }: { metadata: MailMetadata; content: Pick<MailContent, 'text'> },
  { to, note, send }: Omit<Forward, 'limit'>,
  attachments: readonly DraftAttachment[],
): DraftContent {
  const from = fromOf(account);
  return {
    from,
    to: to.map(parseRecipient),
    cc: [],
    bcc: [],
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

function textOf(
  metadata: MailMetadata,
  { text }: Pick<MailContent, 'text'>,
  note: string | undefined,
): string {
  const { from, to, cc, date, subject } = metadata;
  const head = [
    ...(note === undefined ? [] : [note.trimEnd(), '']),
    '---------- Forwarded message ----------',
    `From: ${shown(from ? [from] : [])}`,
    ...(date === null || Number.isNaN(new Date(date).getTime())
      ? []
      : [`Date: ${new Date(date).toUTCString()}`]),
    `Subject: ${oneLine(subject)}`,
    `To: ${shown(to)}`,
    ...(cc.length > 0 ? [`Cc: ${shown(cc)}`] : []),
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
