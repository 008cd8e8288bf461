// What an agent's words become: From, subject, threading and the quote are the gateway's, an agent writes the text.
import type { Account } from '../accounts/accounts.ts';
import type { DraftContent } from '../contracts/draft.ts';
import type { MailContent, MailMetadata } from '../contracts/mail.ts';
import { htmlToText } from '../mail/html.ts';
import { parseRecipient } from '../mail/recipient.ts';
import { quote, quoteHtml, replyReferences, replySubject } from '../mail/thread.ts';
import type { StoredAction } from '../sessions/answer.ts';
import { fromOf, newMessageId } from './prepare.ts';

export type MailAction = Extract<StoredAction, { type: 'reply' | 'send' }>;

/** @throws PosternError `recipient_invalid` */
export function contentOf(
  account: Account,
  answered: { metadata: MailMetadata; content: MailContent | null },
  action: MailAction,
): DraftContent {
  const from = fromOf(account);
  const html = action.html ?? null;
  const text = action.text ?? (html === null ? '' : htmlToText(html));
  const base = {
    from,
    attachments: action.attachments,
    ...(action.reply_to && action.reply_to.length > 0
      ? { reply_to: action.reply_to.map(parseRecipient) }
      : {}),
    message_id: newMessageId(from),
    auto_submitted: null,
  };
  if (action.type === 'send') {
    return {
      ...base,
      to: action.to.map(parseRecipient),
      cc: (action.cc ?? []).map(parseRecipient),
      bcc: (action.bcc ?? []).map(parseRecipient),
      subject: action.subject,
      text,
      html,
      in_reply_to: null,
      references: [],
    };
  }
  const { metadata, content } = answered;
  const to = metadata.reply_to.length > 0 ? metadata.reply_to : metadata.from ? [metadata.from] : [];
  return {
    ...base,
    to: to.map(({ name, address }) => ({ ...parseRecipient(address), name })),
    cc: [],
    bcc: [],
    subject: replySubject(metadata.subject),
    ...withQuote(text, html, metadata, content),
    in_reply_to: metadata.message_id,
    references: replyReferences(metadata),
  };
}

/** Both bodies quote the text of the mail: its HTML was written by a stranger and goes nowhere. */
function withQuote(text: string, html: string | null, metadata: MailMetadata, content: MailContent | null) {
  if (!content || content.text.trim() === '') return { text, html };
  const who = metadata.from?.name || metadata.from?.address || 'the sender';
  const when = metadata.date === null ? '' : `On ${new Date(metadata.date).toUTCString()}, `;
  const attribution = `${when}${who} wrote:`;
  return {
    text: `${text.trimEnd()}\n\n${quote(content.text, attribution)}\n`,
    html: html === null ? null : `${html.trimEnd()}\n${quoteHtml(content.text, attribution)}\n`,
  };
}
