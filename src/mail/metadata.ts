// What is known of a mail before its body is read. Headers are understood from the header block alone, so that mail
// fetched over IMAP and mail given as raw bytes go through one piece of code.
import type { Address, MailMetadata, MailPart } from '../contracts/mail.ts';
import { readAddresses } from './addresses.ts';
import { readDate } from './date.ts';
import { decodeWords } from './encoded-words.ts';
import { headersOf, type RawHeader, readRawHeaders } from './headers.ts';
import { partsOf, type StructureNode } from './structure.ts';
import { visibleText } from './visible-text.ts';

const MAX_REFERENCES = 200; // the newest matter; RFC 5322 §3.6.4 lets the middle be dropped
const MAX_ID_CHARS = 998; // a line of RFC 5322
const MAX_SUBJECT_CHARS = 2000;

export interface MetadataSource {
  /** The header block, as BODY[HEADER] gives it; what follows its empty line is not looked at. */
  headers: Buffer;
  bodyStructure: StructureNode | undefined;
  /** RFC822.SIZE in octets. */
  size: number;
}

/** Never throws: what cannot be read of a mail is left empty. */
export function metadataOf(source: MetadataSource): MailMetadata {
  return metadataFrom(readRawHeaders(source.headers), partsOf(source.bodyStructure), source.size);
}

/** The same from headers and leaves that were already read. */
export function metadataFrom(raw: readonly RawHeader[], parts: MailPart[], size: number): MailMetadata {
  // The first header of a name counts; a From that comes twice stays visible in `headers` and costs the mail its trust.
  const first = new Map<string, string>();
  for (const { name, value } of raw) if (!first.has(name)) first.set(name, value);
  const addresses = (name: string): Address[] => readAddresses(first.get(name) ?? '');
  // To and Cc may come several times from broken senders: all of their recipients were written to.
  const every = (name: string): Address[] => {
    const values = raw.filter((header) => header.name === name);
    return values.length < 2
      ? addresses(name)
      : readAddresses(values.map((header) => header.value).join(', '));
  };
  const date = first.get('date');
  return {
    message_id: messageIds(first.get('message-id') ?? '', 1)[0] ?? bareId(first.get('message-id') ?? ''),
    in_reply_to: messageIds(first.get('in-reply-to') ?? '', 1)[0] ?? null,
    references: messageIds(first.get('references') ?? '', MAX_REFERENCES),
    date: date === undefined ? null : readDate(date),
    subject: subjectOf(first.get('subject') ?? ''),
    from: addresses('from')[0] ?? null,
    sender: addresses('sender')[0] ?? null,
    reply_to: addresses('reply-to'),
    to: every('to'),
    cc: every('cc'),
    headers: headersOf(raw),
    parts,
    size,
  };
}

/** The last `limit` Message-IDs of a value (the first one if only one is asked for), with their angle brackets. */
function messageIds(value: string, limit: number): string[] {
  const ids: string[] = [];
  for (let open = value.indexOf('<'); open >= 0; ) {
    const close = value.indexOf('>', open);
    if (close < 0) break;
    // A stray opening bracket does not swallow the id behind it.
    const start = value.lastIndexOf('<', close);
    const id = value.slice(start + 1, close).replace(/\s+/g, '');
    if (id !== '' && id.length <= MAX_ID_CHARS) ids.push(`<${id}>`);
    if (limit === 1 && ids.length === 1) return ids;
    open = value.indexOf('<', close);
  }
  return ids.length > limit ? ids.slice(-limit) : ids;
}

/** A Message-ID that was written without its brackets. */
function bareId(value: string): string | null {
  const id = value.trim();
  return id !== '' && id.length <= MAX_ID_CHARS && /^[^\s<>]+$/.test(id) ? `<${id}>` : null;
}

/** Most subjects are of nothing but ASCII: only the others are looked at for what hides. */
const shown = (text: string): string => (isPlain(text) ? text : visibleText(text));
const isPlain = (text: string): boolean => /^[\x20-\x7e]*$/.test(text);

const subjectOf = (value: string): string =>
  shown(decodeWords(value).slice(0, MAX_SUBJECT_CHARS))
    .replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu, ' ')
    .trim()
    .toWellFormed();
