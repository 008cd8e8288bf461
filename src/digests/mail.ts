// The mail of one recipient, from what was approved: the template filled with the data of all and what is theirs.
import type { DraftAttachment, DraftContent } from '../contracts/draft.ts';
import type { Address } from '../contracts/mail.ts';
import type { InlineImage, RenderedTemplate, Template } from '../drafts/template.ts';
import { PosternError } from '../kernel/errors.ts';
import type { BroadcastHead } from './content.ts';
import type { Recipient } from './recipients.ts';

/** How a recipient leaves the list: a page, where the gateway has an address that others can open, and a mail. */
export interface WayOut {
  https: string | null;
  mailto?: string;
}

export type FindWayOut = (accountId: string, list: string, address: string) => Promise<WayOut>;

/** Null where the broadcast gives none. */
export async function wayOutFor(
  { wayOut }: { wayOut: FindWayOut },
  { unsubscribe, accountId, list }: BroadcastHead,
  { address }: Recipient,
): Promise<WayOut | null> {
  return unsubscribe ? wayOut(accountId, list, address) : null;
}

/** The words of the mail. @throws PosternError `template_failed`, `subject_missing` */
export function wordsFor(
  head: BroadcastHead,
  template: Template,
  { address, name, language, fields }: Recipient,
  wayOut: WayOut | null,
): RenderedTemplate & { subject: string } {
  const wanted = language ?? head.language;
  const rendered = template.render(
    {
      ...head.data,
      recipient: { ...fields, address, name, language: wanted },
      unsubscribe_url: wayOut?.https ?? wayOut?.mailto ?? null,
    },
    {
      ...(wanted === null ? {} : { language: wanted }),
      ...(head.timezone === null ? {} : { timezone: head.timezone }),
      now: head.madeAt,
    },
  );
  const subject = head.subject ?? rendered.subject;
  if (subject === null)
    throw new PosternError(
      'subject_missing',
      `The template ${head.template.name} has no subject, and none is given.`,
      {
        hint: 'Add subject.hbs to the template, or `subject`.',
      },
    );
  return { ...rendered, subject };
}

export interface MailParts {
  from: Address;
  messageId: string;
  wayOut: WayOut | null;
  /** Stores a picture that the mail shows. */
  attachmentOf: (image: InlineImage) => Promise<DraftAttachment>;
}

/** Each mail names its own recipient alone, and says that a machine sent it to many (RFC 3834, RFC 2919, RFC 8058). */
export async function mailFor(
  head: BroadcastHead,
  recipient: Recipient,
  words: RenderedTemplate & { subject: string },
  { from, messageId, wayOut, attachmentOf }: MailParts,
): Promise<DraftContent> {
  const attachments: DraftAttachment[] = [];
  for (const image of words.inline) attachments.push(await attachmentOf(image));
  // RFC 8058 wants https: a link of http would be no way out for mail programs.
  const { https, mailto } = wayOut ?? {};
  const way = https?.startsWith('https:') ? { https, ...(mailto === undefined ? {} : { mailto }) } : null;
  return {
    from,
    to: [{ name: recipient.name, address: recipient.address }],
    cc: [],
    bcc: [],
    ...{ subject: words.subject, text: words.text, html: words.html, attachments },
    in_reply_to: null,
    references: [],
    message_id: messageId,
    auto_submitted: 'auto-generated',
    ...(way ? { list_unsubscribe: way } : {}),
    ...{ list_id: head.listId, precedence: 'bulk', language: words.language },
  };
}
