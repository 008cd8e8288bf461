// What an agent's words become: From, subject, threading and the quote are the gateway's, an agent writes the text.
import type { Account } from '../accounts/accounts.ts';
import type { DraftContent } from '../contracts/draft.ts';
import type { Address, MailContent, MailMetadata } from '../contracts/mail.ts';
import { answerPeople, withMailQuoted } from '../mail/answered.ts';
import { attributionOf } from '../mail/attribution.ts';
import { htmlToText } from '../mail/html.ts';
import { parseRecipient } from '../mail/recipient.ts';
import { replyReferences, replySubject } from '../mail/thread.ts';
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
  return {
    ...base,
    ...answeredPeople(account, metadata, action.all ?? false),
    bcc: [],
    subject: replySubject(metadata.subject),
    ...(action.quote === false ? { text, html } : withQuote(text, html, metadata, content)),
    in_reply_to: metadata.message_id,
    references: replyReferences(metadata),
  };
}

/**
 * Whom an answer goes to. Of many, an address that cannot be written to is left out; the one that is answered never is.
 * @throws PosternError `recipient_invalid`
 */
export function answeredPeople(
  account: Account,
  metadata: MailMetadata,
  all: boolean,
): Pick<DraftContent, 'to' | 'cc'> {
  const own = [account.settings.address, fromOf(account).address];
  const { to, cc } = answerPeople(metadata, own, all);
  const written = ({ name, address }: Address): Address => ({ ...parseRecipient(address), name });
  const writable = ({ address }: Address): boolean => isRecipient(address);
  const some = all ? to.filter(writable) : to;
  return { to: (some.length > 0 ? some : to).map(written), cc: cc.filter(writable).map(written) };
}

function isRecipient(address: string): boolean {
  try {
    parseRecipient(address);
    return true;
  } catch {
    return false;
  }
}

/** Both bodies quote the text of the mail: its HTML was written by a stranger and goes nowhere. */
function withQuote(text: string, html: string | null, metadata: MailMetadata, content: MailContent | null) {
  if (!content) return { text, html };
  const attribution = attributionOf(metadata, content.language);
  return withMailQuoted({ text, html }, { text: content.text, html: null }, attribution);
}
