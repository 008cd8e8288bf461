// What an operator's new mail says: their words, their files, and what the gateway adds.
import type { Account } from '../accounts/accounts.ts';
import type { DraftContent, SubmissionInput } from '../contracts/draft.ts';
import { parseRecipient } from '../mail/recipient.ts';
import { type Attached, type AttachParts, attach } from './attach.ts';
import { eventOf } from './event-content.ts';
import { fromOf, newMessageId } from './prepare.ts';

/**
 * @param now epoch milliseconds
 * @throws PosternError `recipient_invalid`, `event_invalid`, and what `attach` throws
 */
export async function submittedContent(
  parts: AttachParts,
  account: Account,
  input: Omit<SubmissionInput, 'account'>,
  now: number,
): Promise<{ content: DraftContent; uploaded: Attached['uploaded'] }> {
  const from = fromOf(account);
  const people = (list: readonly string[] = []) => list.map(parseRecipient);
  const mail = {
    from,
    to: people(input.to),
    cc: people(input.cc),
    bcc: people(input.bcc),
    ...(input.reply_to && input.reply_to.length > 0 ? { reply_to: people(input.reply_to) } : {}),
    subject: input.subject,
    text: input.text ?? '',
    html: input.html ?? null,
    in_reply_to: null,
    references: [],
    message_id: newMessageId(from),
    auto_submitted: null,
  };
  const calendar = input.calendar ? { calendar: eventOf(input.calendar, mail, now) } : {};
  const { attachments, uploaded } = await attach(parts, account, input.attachments ?? []);
  return { content: { ...mail, ...calendar, attachments }, uploaded };
}
