// Replies and forwards that an operator writes: whom they go to, their subject, threading and quote are the gateway's, and
// they are approved by who wrote them.
import type { Accounts } from '../accounts/accounts.ts';
import type { ForwardCall, ReplyCall } from '../contracts/agent-call.ts';
import type { DraftAttachment, DraftContent } from '../contracts/draft.ts';
import type { Clock } from '../kernel/clock.ts';
import { withMailQuoted } from '../mail/answered.ts';
import { attributionOf } from '../mail/attribution.ts';
import { htmlToText } from '../mail/html.ts';
import { parseRecipient } from '../mail/recipient.ts';
import { replyReferences, replySubject } from '../mail/thread.ts';
import type { Uploads } from '../objects/uploads.ts';
import type { Messages } from '../watch/messages.ts';
import { type AttachParts, attach, pictureOf } from './attach.ts';
import { answeredPeople } from './content.ts';
import { forwardContent, forwardedHtml } from './forward-content.ts';
import { type DraftMaker, leave } from './leave.ts';
import { fromOf, newMessageId } from './prepare.ts';
import type { Outcome } from './propose.ts';
import { receivedFile } from './received-file.ts';
import { messageOf } from './rule-work.ts';

export interface OperatorAnswerParts extends AttachParts {
  clock: Clock;
  accounts: Pick<Accounts, 'get'>;
  uploads: Pick<Uploads, 'get' | 'keep'>;
  drafts: DraftMaker;
  messages: Pick<Messages, 'get' | 'attachment' | 'detail'>;
}

type Leaving = Parameters<typeof leave> extends [unknown, unknown, ...infer Rest] ? Rest : never;

export class OperatorAnswers {
  readonly #parts: OperatorAnswerParts;

  constructor(parts: OperatorAnswerParts) {
    this.#parts = parts;
  }

  /** @throws PosternError `not_found`, `message_gone`, `recipient_invalid`, and what `attach` throws */
  async reply(messageId: string, call: ReplyCall, by: string): Promise<Outcome> {
    const { accounts, messages, store } = this.#parts;
    const { thread_id: threadId, ...view } = await messages.get(messageId);
    const account = await accounts.get(view.account_id);
    const { metadata } = await messageOf(store, messageId);
    const from = fromOf(account);
    const html = call.html ?? null;
    const words = { text: call.text ?? (html === null ? '' : htmlToText(html)), html };
    const { attachments, uploaded } = await attach(this.#parts, account, call.attachments ?? []);
    const content: DraftContent = {
      from,
      ...answeredPeople(account, metadata, call.all ?? false),
      bcc: [],
      ...(call.reply_to && call.reply_to.length > 0 ? { reply_to: call.reply_to.map(parseRecipient) } : {}),
      subject: replySubject(metadata.subject),
      ...(call.quote === false ? words : await this.#quoted(messageId, words, metadata)),
      attachments,
      in_reply_to: metadata.message_id,
      references: replyReferences(metadata),
      message_id: newMessageId(from),
      auto_submitted: null,
    };
    return this.#leave(account, { content, uploaded }, by, { threadId, messageId });
  }

  /** A conversation of its own: what is said to whom it was forwarded is not said to its sender. @throws as `reply` */
  async forward(messageId: string, call: ForwardCall, by: string): Promise<Outcome> {
    const { accounts, messages, store } = this.#parts;
    const mail = await messages.detail(messageId);
    const { metadata, accountId } = await messageOf(store, messageId);
    const account = await accounts.get(accountId);
    const files = call.attachments ? await this.#files(messageId) : [];
    const { to, cc = [], bcc = [], note } = call;
    const said = { to, cc, bcc, send: 'approve' as const, ...(note === undefined ? {} : { note }) };
    const content = forwardContent(account, { metadata, content: mail }, said, files);
    const html = forwardedHtml(metadata, mail, note, files);
    return this.#leave(account, { content: { ...content, html }, uploaded: [] }, by);
  }

  async #leave(...mail: Leaving): Promise<Outcome> {
    const { draftId, submissionId } = await leave(this.#parts, this.#parts.drafts, ...mail);
    return { state: 'sent', draft_id: draftId, submission_id: submissionId, reasons: [] };
  }

  async #quoted(
    messageId: string,
    words: Pick<DraftContent, 'text' | 'html'>,
    metadata: Parameters<typeof attributionOf>[0],
  ): Promise<Pick<DraftContent, 'text' | 'html'>> {
    const mail = await this.#parts.messages.detail(messageId);
    return withMailQuoted(words, mail, attributionOf(metadata, mail.language));
  }

  /** All its files; pictures that its HTML may show keep the name by which it does. */
  async #files(messageId: string): Promise<DraftAttachment[]> {
    const files: DraftAttachment[] = [];
    const { attachments } = await this.#parts.messages.get(messageId);
    for (const { id, content_id: shown } of attachments) {
      const { file } = await receivedFile(this.#parts, () => true, id);
      const isNew = !files.some(({ content_id }) => content_id === shown);
      // What is no picture, whatever it says of itself, goes as any other file.
      const picture = shown !== null && isNew ? await pictureOf(this.#parts.blobs, file, shown) : null;
      files.push(picture ?? file);
    }
    return files;
  }
}
