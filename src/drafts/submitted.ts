// What an operator's new mail says: their words, their files, and what the gateway adds.
import type { Account } from '../accounts/accounts.ts';
import type { DraftContent, SubmissionAttachment, SubmissionInput } from '../contracts/draft.ts';
import { PosternError } from '../kernel/errors.ts';
import { parseRecipient } from '../mail/recipient.ts';
import { type Attached, type AttachParts, attach } from './attach.ts';
import { eventOf } from './event-content.ts';
import { fromOf, newMessageId } from './prepare.ts';
import { filesOf, type TemplateSource } from './template.ts';

/** A mail, and those of its files that were uploaded before. */
export interface Written {
  content: DraftContent;
  uploaded: Attached['uploaded'];
}

/**
 * @param now epoch milliseconds
 * @throws PosternError `recipient_invalid`, `event_invalid`, `template_missing`, `template_invalid`, `template_failed`,
 * `subject_missing`, and what `attach` throws
 */
export async function submittedContent(
  parts: AttachParts & { templates: Pick<TemplateSource, 'find'> },
  account: Account,
  input: Omit<SubmissionInput, 'account'>,
  now: number,
): Promise<Written> {
  const from = fromOf(account);
  const people = (list: readonly string[] = []) => list.map(parseRecipient);
  const { files, ...words } = await wordsOf(parts.templates, input);
  const mail = {
    from,
    to: people(input.to),
    cc: people(input.cc),
    bcc: people(input.bcc),
    ...(input.reply_to && input.reply_to.length > 0 ? { reply_to: people(input.reply_to) } : {}),
    ...words,
    in_reply_to: null,
    references: [],
    message_id: newMessageId(from),
    auto_submitted: null,
  };
  const calendar = input.calendar ? { calendar: eventOf(input.calendar, mail, now) } : {};
  const { attachments, uploaded } = await attach(parts, account, [...(input.attachments ?? []), ...files]);
  return { content: { ...mail, ...calendar, attachments }, uploaded };
}

type Words = Pick<DraftContent, 'subject' | 'text' | 'html' | 'language'> & { files: SubmissionAttachment[] };

/** What it says: as it was written, or as a template says it. */
async function wordsOf(
  templates: Pick<TemplateSource, 'find'>,
  { template: name, data = {}, language, timezone, ...input }: Omit<SubmissionInput, 'account'>,
): Promise<Words> {
  const spoken = language === undefined ? {} : { language };
  if (name === undefined)
    return {
      ...{ subject: input.subject ?? '', text: input.text ?? '', html: input.html ?? null },
      ...{ ...spoken, files: [] },
    };
  const template = await templates.find(name);
  const rendered = template.render(data, { ...spoken, ...(timezone === undefined ? {} : { timezone }) });
  const subject = input.subject ?? rendered.subject;
  if (subject === null)
    throw new PosternError('subject_missing', `The template ${name} has no subject of its own.`, {
      hint: 'Give `subject`, or add a subject.hbs to the template.',
    });
  const { text, html, language: written } = rendered;
  return { subject, text, html, language: written, files: filesOf(rendered) };
}
