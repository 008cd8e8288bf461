// Conversations: which mails a mail answers, and what an answer to it must carry (RFC 5322 §3.6.4).
import type { Address, MailMetadata } from '../contracts/mail.ts';

const MAX_THREAD_REFERENCES = 50; // as many as are looked up in the ledger
const MAX_REPLY_REFERENCES = 40; // together below the 998 octets of a line even before folding
const MAX_QUOTE_CHARS = 64 * 1024; // what an answer carries of the mail before it
const MAX_SUBJECT_CHARS = 900;
/** How mail programs begin the subject of an answer, in many languages. */
const REPLY_WORDS = [
  ...['re', 'res', 'ref', 'rif', 'r', 'rv', 'aw', 'antw', 'antwort', 'sv', 'svar', 'vs', 'vá', 'odp', 'odg'],
  ...['ynt', 'yan', 'yanıt', 'ath', 'atb', 'ats', 'bls', 'balas', 'răspuns', 'trả lời', 'απ', 'απάντηση'],
  ...[
    'на',
    'отв',
    'ответ',
    'отг',
    'одг',
    'відп',
    'відповідь',
    'השב',
    'תגובה',
    'رد',
    'الرد',
    'پاسخ',
    'ตอบ',
    'ตอบกลับ',
  ],
  ...['回复', '回覆', '答复', '答覆', '回應', '回应', '返信', '回信', '転送返信', '회신', '답장', 're回复'],
];
/** A counter may follow, as in Re[2]. */
const REPLY_PREFIX = new RegExp(
  `^\\s*(?:${REPLY_WORDS.join('|')})\\s{0,3}(?:\\[\\d{1,4}\\]|\\(\\d{1,4}\\)|\\^\\d{1,4})?\\s{0,3}[:：]\\s*`,
  'i',
);

/** The Message-IDs that a mail answers, nearest first: In-Reply-To, then References from the last to the first. */
export function threadReferences(
  metadata: Pick<MailMetadata, 'in_reply_to' | 'references' | 'message_id'>,
): string[] {
  const found = new Set<string>();
  if (metadata.in_reply_to !== null) found.add(metadata.in_reply_to);
  for (let i = metadata.references.length - 1; i >= 0 && found.size < MAX_THREAD_REFERENCES; i--) {
    found.add(metadata.references[i] as string);
  }
  if (metadata.message_id !== null) found.delete(metadata.message_id); // a mail that names itself is broken
  return [...found].slice(0, MAX_THREAD_REFERENCES);
}

/** The subject of an answer: one `Re: ` whatever stood before it, and never a line break. */
export function replySubject(subject: string): string {
  return `Re: ${bareSubject(subject)}`.trimEnd();
}

/** A subject without the prefixes of answers. */
export function bareSubject(subject: string): string {
  let rest = subject
    .slice(0, MAX_SUBJECT_CHARS)
    .replace(/\p{Cc}+/gu, ' ')
    .trim();
  for (let match = REPLY_PREFIX.exec(rest); match; match = REPLY_PREFIX.exec(rest))
    rest = rest.slice(match[0].length);
  return rest.toWellFormed();
}

/** Whether a mail answers another one, as far as its head is known: it names it, or its subject begins so. */
export function answersAnother({
  subject,
  in_reply_to,
  references = [],
}: Partial<Pick<MailMetadata, 'subject' | 'in_reply_to' | 'references'>>): boolean {
  if (subject === undefined || typeof in_reply_to === 'string' || references.length > 0) return true;
  return REPLY_PREFIX.test(subject.slice(0, MAX_SUBJECT_CHARS));
}

/** To whom a machine answers: one address alone, so that no mail makes it write to many (RFC 3834 §4). */
export function automaticRecipient({
  from,
  reply_to,
}: Pick<MailMetadata, 'from' | 'reply_to'>): Address | null {
  return reply_to.length === 1 ? (reply_to[0] ?? null) : from;
}

/**
 * The References of an answer: those of the mail (or its In-Reply-To where it has none), then its Message-ID. Of a
 * long chain the first and the newest are kept.
 */
export function replyReferences(
  metadata: Pick<MailMetadata, 'in_reply_to' | 'references' | 'message_id'>,
): string[] {
  const chain =
    metadata.references.length > 0 ? metadata.references : metadata.in_reply_to ? [metadata.in_reply_to] : [];
  const own = metadata.message_id;
  const all = [...new Set(own === null ? chain : [...chain.filter((id) => id !== own), own])];
  if (all.length <= MAX_REPLY_REFERENCES) return all;
  return [all[0] as string, ...all.slice(1 - MAX_REPLY_REFERENCES)];
}

/**
 * The text of a mail as the quote of an answer: the attribution line, then every line after `> `. What was quoted
 * before is marked once more without a space, as mail programs expect.
 */
export function quote(text: string, attribution: string): string {
  const quoted = quotedLines(text).map((line) =>
    line.startsWith('>') || line === '' ? `>${line}` : `> ${line}`,
  );
  return `${oneLine(attribution)}\n${quoted.join('\n')}`;
}

/** The same for the HTML of an answer: text only, escaped, in the block that mail programs fold away. */
export function quoteHtml(text: string, attribution: string): string {
  const lines = quotedLines(text).map(escapeHtml).join('<br>\n');
  const style = 'margin:0 0 0 .8ex;border-left:1px solid #ccc;padding-left:1ex';
  return `<p>${escapeHtml(oneLine(attribution))}</p>\n<blockquote type="cite" style="${style}">\n${lines}\n</blockquote>`;
}

function quotedLines(text: string): string[] {
  const lines = text
    .slice(0, MAX_QUOTE_CHARS)
    .toWellFormed()
    .trimEnd()
    .split(/\r\n?|\n/);
  return text.length > MAX_QUOTE_CHARS ? [...lines, '[…]'] : lines;
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (char) => ENTITIES[char] as string);
