// What a template is filled with when a rule answers a mail, and the draft that comes of it.
import type { AccountSettings } from '../contracts/account.ts';
import type { DraftContent } from '../contracts/draft.ts';
import type { Address, MailContent, MailMetadata } from '../contracts/mail.ts';
import { parseRecipient } from '../mail/recipient.ts';
import { attachmentName, attachmentsOf, decodedSizeOf } from '../mail/structure.ts';
import { automaticRecipient, replyReferences, replySubject } from '../mail/thread.ts';
import { fromOf, newMessageId } from './prepare.ts';
import type { RuledMessage } from './rule-work.ts';
import { type RenderedTemplate, type TemplateData, wholeHtml } from './template.ts';

const MAX_TEXT_CHARS = 64 * 1024; // what an answer carries of the mail before it
const MAX_LINE_CHARS = 900;
const MAX_ITEMS = 100; // of recipients and attachments

/** What of an account an answer shows. */
export interface Replying {
  settings: Pick<AccountSettings, 'label' | 'address' | 'from'>;
}

/** `message`, `account` and `rule`, by the names that events have. The text is there only where it was read. */
export function replyData(
  account: Replying,
  { id, metadata, date }: Pick<RuledMessage, 'id' | 'metadata' | 'date'>,
  content: Pick<MailContent, 'text' | 'reply_text'> | null,
  rule: string,
): TemplateData {
  const { from, to, cc, subject, parts } = metadata;
  return {
    rule,
    account: { label: account.settings.label, address: account.settings.address, name: fromOf(account).name },
    message: {
      id,
      from: from ? shown(from) : { name: '', address: '' },
      to: to.slice(0, MAX_ITEMS).map(shown),
      cc: cc.slice(0, MAX_ITEMS).map(shown),
      subject: oneLine(subject),
      date: new Date(date).toISOString(),
      attachments: attachmentsOf(parts)
        .slice(0, MAX_ITEMS)
        .map((part) => ({
          filename: oneLine(attachmentName(part)),
          content_type: part.type,
          size: decodedSizeOf(part),
        })),
      ...(content && { text: cut(content.text), reply_text: cut(content.reply_text) }),
    },
  };
}

/** @throws PosternError `recipient_invalid` */
export function contentOfReply(
  account: Replying,
  metadata: MailMetadata,
  words: RenderedTemplate,
): DraftContent {
  const from = fromOf(account);
  const recipient = automaticRecipient(metadata);
  const to = recipient === null ? [] : [{ ...parseRecipient(recipient.address), name: recipient.name }];
  return {
    from,
    to,
    cc: [],
    bcc: [],
    subject: words.subject ?? replySubject(metadata.subject),
    text: words.text,
    html: wholeHtml(words),
    language: words.language,
    attachments: [],
    in_reply_to: metadata.message_id,
    references: replyReferences(metadata),
    message_id: newMessageId(from),
    auto_submitted: 'auto-replied', // also where a person lets it go: nobody has written it
  };
}

const shown = ({ name, address }: Address) => ({ name: oneLine(name), address: oneLine(address) });
const oneLine = (text: string): string =>
  text
    .replace(/[\p{C}\p{Z}]+/gu, ' ')
    .trim()
    .slice(0, MAX_LINE_CHARS)
    .toWellFormed();
const cut = (text: string): string =>
  text.length > MAX_TEXT_CHARS ? `${text.slice(0, MAX_TEXT_CHARS).toWellFormed()}\n[…]` : text;
