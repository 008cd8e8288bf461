// Whom an answer goes to, and how it quotes: pure. What the mail says of itself is its writer's word: a Reply-To is
// honoured, and own addresses are left out, so that nobody writes to themselves.
import type { Address, MailContent, MailMetadata } from '../contracts/mail.ts';
import { readAddresses } from './addresses.ts';
import { cleanHtml } from './outgoing-html.ts';
import { escapeText } from './outgoing-tags.ts';
import { quote, quoteHtml } from './thread.ts';

const MAX_QUOTED_HTML_CHARS = 300_000; // as much of a mail as an answer carries; Gmail shows 102 kB

export interface AnswerPeople {
  to: Address[];
  cc: Address[];
}

type Head = Pick<MailMetadata, 'from' | 'reply_to' | 'to' | 'cc' | 'headers'>;

/**
 * @param own the account's addresses
 * @param all to everybody whom the mail went to as well; a list may say where that is (Mail-Followup-To)
 */
export function answerPeople(head: Head, own: readonly string[], all: boolean): AnswerPeople {
  const isOwn = ({ address }: Address): boolean => own.some((one) => sameAddress(one, address));
  const writers = head.reply_to.length > 0 ? head.reply_to : head.from ? [head.from] : [];
  // Of a mail of one's own, more is said to whom it went.
  const isMine = head.from !== null && isOwn(head.from);
  const asked = isMine && head.to.some((one) => !isOwn(one)) ? head.to : writers;
  if (!all) return { to: distinct(asked), cc: [] };
  const followUp = (head.headers['mail-followup-to'] ?? [])
    .flatMap(readAddresses)
    .filter((one) => !isOwn(one));
  if (followUp.length > 0) return { to: distinct(followUp), cc: [] };
  const to = distinct([...asked, ...head.to].filter((one) => !isOwn(one)));
  const cc = distinct(
    head.cc.filter((one) => !isOwn(one) && !to.some((known) => sameAddress(known.address, one.address))),
  );
  return to.length > 0 ? { to, cc } : { to: distinct(asked), cc };
}

const sameAddress = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();

function distinct(people: readonly Address[]): Address[] {
  const seen = new Map<string, Address>();
  for (const one of people) {
    const key = one.address.toLowerCase();
    if (!seen.has(key)) seen.set(key, one);
  }
  return [...seen.values()];
}

type Quotable = Pick<MailContent, 'text' | 'html'>;

/** An answer's two bodies with the mail quoted below: its text as text, its HTML without what runs, fetches or hides. */
export function withMailQuoted(
  { text, html }: { text: string; html: string | null },
  quoted: Quotable,
  attribution: string,
): { text: string; html: string | null } {
  if (quoted.text.trim() === '') return { text, html };
  return {
    text: `${text.trimEnd()}\n\n${quote(quoted.text, attribution)}\n`,
    html: html === null ? null : `${html.trimEnd()}\n${quotedHtml(quoted, attribution)}\n`,
  };
}

function quotedHtml({ text, html }: Quotable, attribution: string): string {
  if (html === null || html.length > MAX_QUOTED_HTML_CHARS) return quoteHtml(text, attribution);
  const style = 'margin:0 0 0 .8ex;border-left:1px solid #ccc;padding-left:1ex';
  const line = escapeText(attribution.replace(/\s+/g, ' ').trim());
  return `<p>${line}</p>\n<blockquote type="cite" style="${style}">\n${cleanHtml(html).html}\n</blockquote>`;
}
