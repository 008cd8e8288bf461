// The readable content of a mail from its text parts, however they came: one by one over IMAP, or out of the raw
// message. Both ways end here, so that they say the same.
import type { Invitation } from '../contracts/calendar.ts';
import type { MailContent, MailMetadata, MailPart, UnpackedFile } from '../contracts/mail.ts';
import { readCalendar } from './calendar.ts';
import { decodeCharset } from './charset.ts';
import { HiddenText } from './hidden-text.ts';
import { readHtml, tellHidden } from './html.ts';
import { languageOf, UNKNOWN_LANGUAGE } from './language.ts';
import { type ReplyHints, replyText } from './reply-text.ts';
import { isTnef } from './structure.ts';
import { answersAnother } from './thread.ts';
import type { OpenedTnef } from './tnef.ts';
import { decodeTransfer, unflow } from './transfer.ts';
import { openPart, unpackedFiles } from './unpacked.ts';
import { visibleText } from './visible-text.ts';

/** A text part as it is transferred. */
export interface TransferredPart {
  part: MailPart;
  /** Still in its transfer encoding. */
  bytes: Uint8Array;
  /** True where not all of the part was fetched. */
  truncated: boolean;
}

/** What the head of a mail says that helps to read its body. */
export type ContentHints = Partial<Pick<MailMetadata, 'subject' | 'in_reply_to' | 'references'>>;

export const MAX_TEXT_CHARS = 1024 * 1024; // a long novel; an agent reads far less
export const MAX_HTML_CHARS = 2 * 1024 * 1024;

/**
 * Joins text parts (see `readPartsOf`) into the content. Text is made from HTML where no text part says anything.
 * The language is added by `withLanguage`. Synchronous, and slow for large HTML: `decodeBodies` of parse.ts runs it where that blocks nothing.
 */
export function contentOf(parts: readonly TransferredPart[], head: ContentHints = {}): MailContent {
  const plain: string[] = [];
  const html: string[] = [];
  let truncated = false;
  let htmlCameFirst = false;
  const hidden = new HiddenText();
  let invitation: Invitation | null = null;
  let wrapped: OpenedTnef | null = null;
  let unpacked: UnpackedFile[] = [];
  for (const { part, bytes, truncated: cut } of parts) {
    if (isTnef(part)) {
      wrapped = cut ? null : openPart(part, bytes);
      if (wrapped) unpacked = unpackedFiles(part, wrapped);
      continue;
    }
    if (cut && part.type !== 'text/calendar') truncated = true;
    const decoded = decodeCharset(decodeTransfer(bytes, part.encoding), charsetOf(part, bytes));
    if (part.type === 'text/calendar') {
      invitation ??= cut ? null : readCalendar(decoded);
    } else if (part.type === 'text/html') {
      if (plain.length === 0) htmlCameFirst = true;
      html.push(decoded);
    } else {
      const lines = decoded.replace(/\r\n?/g, '\n');
      plain.push(visibleText(part.flowed ? unflow(lines, part.delsp) : lines, hidden));
    }
  }
  // What Outlook wraps is mostly the text that stands beside it too.
  if (wrapped && joinTexts(plain).trim() === '' && html.length === 0) {
    if (wrapped.text !== null) plain.push(visibleText(wrapped.text, hidden));
    if (wrapped.html !== null) html.push(wrapped.html);
  }
  const wholeHtml = html.length === 0 ? null : html.join('\n');
  let text = joinTexts(plain);
  let marks: ReplyHints['marks'] = [];
  if (wholeHtml !== null) {
    if (text.trim() === '' || htmlCameFirst) {
      const read = readHtml(wholeHtml, hidden);
      text = withFooter(read.text, text);
      marks = read.marks;
      if (read.truncated) truncated = true;
    } else tellHidden(wholeHtml, text, hidden);
  }
  if (text.length > MAX_TEXT_CHARS || (wholeHtml?.length ?? 0) > MAX_HTML_CHARS) truncated = true;
  text = text.slice(0, MAX_TEXT_CHARS).toWellFormed();
  const shownHtml = wholeHtml === null ? null : wholeHtml.slice(0, MAX_HTML_CHARS).toWellFormed();
  return {
    text,
    reply_text: replyText(text, { subject: head.subject ?? '', answers: answersAnother(head), marks }),
    html: shownHtml,
    truncated,
    hidden: hidden.note(),
    language: UNKNOWN_LANGUAGE,
    invitation,
    unpacked,
  };
}

const FEWEST_CHARS = 40; // a shorter answer may say less of its language than what it quotes

/** With its language: by a library that is loaded when it is first needed. */
export async function withLanguage(content: MailContent): Promise<MailContent> {
  const { reply_text: reply, text } = content;
  return {
    ...content,
    language: await languageOf(reply.length < FEWEST_CHARS ? `${reply}\n${text}` : reply),
  };
}

/** Text parts in a row are one text: Apple Mail writes a new one after every picture. */
const joinTexts = (texts: readonly string[]): string =>
  texts
    .map(withoutLastBreaks)
    .filter((text) => text.trim() !== '')
    .join('\n');

function withoutLastBreaks(text: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === '\n') end--;
  return text.slice(0, end);
}

/** HTML before text: the text behind it is a footer, unless it only repeats what the HTML says. */
function withFooter(text: string, after: string): string {
  const squeezed = (value: string): string => value.replace(/\s+/g, '');
  if (after.trim() === '' || squeezed(text).includes(squeezed(after))) return text;
  return `${text}\n${after}`;
}

const CHARSET_IN_HTML = /<meta[^>]{1,200}charset\s*=\s*["']?([\w.:-]{1,40})/i;
const META_OCTETS = 2048; // where browsers look for it

/** The declared charset; HTML without one may name it inside. Servers show US-ASCII where a mail declares nothing. */
export function charsetOf(part: MailPart, bytes: Uint8Array): string | null {
  const declared = part.charset !== null && part.charset !== 'us-ascii';
  if (declared || part.type !== 'text/html') return part.charset;
  const head = decodeTransfer(bytes.subarray(0, META_OCTETS * 2), part.encoding).subarray(0, META_OCTETS);
  return CHARSET_IN_HTML.exec(head.toString('latin1'))?.[1] ?? part.charset;
}
