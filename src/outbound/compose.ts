// Makes the bytes of a mail from what a draft says. The same draft makes the same bytes, so that what a person approved
// can be made again and compared.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { DraftContent } from '../contracts/draft.ts';
import type { Address } from '../contracts/mail.ts';
import type { Composer, ComposerFile, Envelope } from '../drafts/composer.ts';
import { PosternError } from '../kernel/errors.ts';
import { isContentId, RASTER_TYPES, shownContentIds } from '../mail/inline-images.ts';
import { parseRecipient } from '../mail/recipient.ts';
import { eventText } from './calendar-event.ts';
import { addressList, encodedWords, misreadable, misreadableName } from './encoded-words.ts';
import { listHeaders } from './list-headers.ts';
import { buildMime } from './mime.ts';
import type { MimeFile, MimeOptions } from './mime-options.ts';

const MAX_RECIPIENTS = 1_500; // 500 each in To, Cc and Bcc (contracts/session recipientList)
const MAX_REFERENCES = 50; // the first and the last ones; a header of a long thread must not grow for ever
const MAX_LINE_OCTETS = 998; // RFC 5322 §2.1.1, without CRLF
const MAX_MESSAGE_ID_CHARS = 250; // far above what software writes; longer ones cannot be folded into lines
const MAX_FILENAME_CHARS = 200; // file systems take 255 octets
const MAX_NAME_CHARS = 200; // longer display names are not names
const MAX_SHOWN_CHARS = 100; // of what was refused

const HIDDEN = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]+/gu;
const MESSAGE_ID = /^<[\x21-\x3b\x3d\x3f-\x7e]+>$/; // printable ASCII without a space or an angle bracket
const ENCODED_WORD = /=\?(?=[^?]*\?[bq]\?[^?]*\?=)/gi;
const MEDIA_TYPE = /^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}$/;

export const composeMail: Composer = async (content, files) => {
  const envelope = envelopeOf(content);
  const shown = shownFiles(content.html, files);
  const event = content.calendar ? Buffer.from(eventText(content.calendar)) : null;
  const words = {
    from: addressOf(content.from),
    to: content.to.map(addressOf),
    cc: content.cc.map(addressOf),
    ...(content.reply_to ? { replyTo: content.reply_to.map(addressOf) } : {}),
    subject: oneLine(content.subject),
    messageId: messageIdOf(content.message_id),
    ...threadOf(content),
    headers: { ...automaticOf(content), ...listHeaders(content) },
    text: crlf(content.text),
    ...(content.html === null ? {} : { html: crlf(content.html) }),
    ...(event && content.calendar ? { event: { method: content.calendar.method, content: event } } : {}),
  };
  const options = { ...words, exactHeaders: exactHeadersOf(words) };
  async function* mail(): AsyncGenerator<Buffer> {
    const attachments = files.map((file) => attachmentOf(file, shown));
    if (event) attachments.push(eventFile(event));
    try {
      const dated = buildMime({ ...options, attachments }, seedOf(content, files));
      yield* cleanLines(withoutDate(dated));
    } finally {
      for (const { content } of attachments) content.destroy();
    }
  }
  return { mail: mail(), envelope };
};

/** Each address once; addresses that differ only in the case of the domain are one. */
function envelopeOf(content: DraftContent): Envelope {
  const to = new Map<string, string>();
  for (const { address } of [...content.to, ...content.cc, ...content.bcc]) {
    const exact = parseRecipient(address).address;
    const at = exact.lastIndexOf('@');
    const key = exact.slice(0, at) + exact.slice(at).toLowerCase();
    if (!to.has(key)) to.set(key, exact);
  }
  if (to.size === 0) throw notComposable('has no recipient', 'Name at least one.');
  if (to.size > MAX_RECIPIENTS)
    throw notComposable(`has more than ${MAX_RECIPIENTS} recipients`, 'Send it as several mails.');
  const from = content.envelope_from ?? content.from.address;
  return { from: parseRecipient(from).address, to: [...to.values()] };
}

/** The files that the HTML shows: they go beside it, and the others behind. */
function shownFiles(html: string | null, files: readonly ComposerFile[]): ReadonlySet<ComposerFile> {
  const shown = new Set<ComposerFile>();
  for (const id of html === null ? [] : shownContentIds(html)) {
    const [file, another] = files.filter(({ contentId }) => contentId === id);
    const name = JSON.stringify(id.slice(0, MAX_SHOWN_CHARS));
    if (!file)
      throw notComposable(
        `shows the picture cid:${name} and has no such file`,
        'Attach it with this content_id, or take it out of the HTML.',
      );
    if (another || !isContentId(id) || !RASTER_TYPES.has(file.contentType.toLowerCase()))
      throw notComposable(
        `shows the picture cid:${name}, which ${another ? 'two of its files are' : 'cannot be shown'}`,
        'Show PNG, JPEG, GIF or WebP, each by a content_id of its own in plain ASCII.',
      );
    shown.add(file);
  }
  return shown;
}

/** The header shows the very address that the envelope holds. */
function addressOf(address: Address): Address {
  return {
    name: oneLine(address.name).slice(0, MAX_NAME_CHARS).toWellFormed(),
    address: parseRecipient(address.address).address,
  };
}

function threadOf(content: DraftContent): { inReplyTo?: string; references?: string[] } {
  // These come from the mail that is answered: what is no Message-ID is left out.
  const isId = (id: string) => MESSAGE_ID.test(id) && id.length <= MAX_MESSAGE_ID_CHARS;
  const ids = content.references.filter(isId);
  const references =
    ids.length <= MAX_REFERENCES ? ids : [...ids.slice(0, 1), ...ids.slice(1 - MAX_REFERENCES)];
  const answered = content.in_reply_to;
  return {
    ...(answered !== null && isId(answered) ? { inReplyTo: answered } : {}),
    ...(references.length > 0 ? { references } : {}),
  };
}

/** RFC 3834 §5, and the header by which Exchange keeps its own automatic answers back. */
function automaticOf(content: DraftContent): Record<string, string> {
  if (content.auto_submitted === null) return {};
  return { 'Auto-Submitted': content.auto_submitted, 'X-Auto-Response-Suppress': 'All' };
}

function messageIdOf(id: string): string {
  if (MESSAGE_ID.test(id) && id.length <= MAX_MESSAGE_ID_CHARS) return id;
  throw notComposable('has a Message-ID that is none', 'This is a mistake in Postern: please report it.');
}

/** Headers that the library would write so that a reader could take them for something else. */
function exactHeadersOf({
  subject,
  ...addresses
}: Pick<MimeOptions, 'from' | 'to' | 'cc' | 'replyTo' | 'subject'>): Record<string, string> {
  const { from, to, cc, replyTo = [] } = addresses;
  const lists = { From: [from], To: to, Cc: cc, 'Reply-To': replyTo };
  const exact = Object.entries(lists).filter(([, list]) => list.some(({ name }) => misreadableName(name)));
  return {
    ...Object.fromEntries(exact.map(([header, list]) => [header, addressList(list)])),
    ...(misreadable(subject) ? { Subject: encodedWords(subject) } : {}),
  };
}

/** Outlook takes an invitation from the alternative, and others want the file. */
function eventFile(event: Buffer): MimeFile {
  return {
    filename: 'invite.ics',
    contentType: 'application/ics',
    contentDisposition: 'attachment',
    contentTransferEncoding: 'base64',
    content: Readable.from([event], { objectMode: false }),
  };
}

function attachmentOf(file: ComposerFile, shown: ReadonlySet<ComposerFile>): MimeFile {
  const type = file.contentType.toLowerCase();
  // Attached mails and multiparts must not be base64 (RFC 2046 §5.2.1), and as they are they could hold bare line ends
  // or lines without end: they go as files.
  const isFile = MEDIA_TYPE.test(type) && !/^(?:message|multipart)\//.test(type);
  return {
    filename: filenameOf(file.filename),
    contentType: isFile ? type : 'application/octet-stream',
    contentDisposition: shown.has(file) ? 'inline' : 'attachment',
    contentTransferEncoding: 'base64',
    content: Readable.from(sound(file), { objectMode: false }),
    ...(shown.has(file) && file.contentId ? { cid: file.contentId } : {}),
  };
}

/** Nothing that is a path, nor what programs decode although it stands in a parameter (RFC 2047 §5). */
function filenameOf(name: string): string {
  const safe = oneLine(name).replace(/[\\/]/g, '_').replace(ENCODED_WORD, '_');
  return safe.slice(-MAX_FILENAME_CHARS).toWellFormed() || 'attachment';
}

/** The bytes of a file, opened when its turn comes. @throws PosternError `attachment_changed` at their end */
async function* sound(file: ComposerFile): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  for await (const piece of (await file.open()) as AsyncIterable<Buffer>) {
    hash.update(piece);
    yield piece;
  }
  if (hash.digest('hex') !== file.sha256)
    throw new PosternError(
      'attachment_changed',
      `The file ${JSON.stringify(file.filename)} is not what it was when it was attached.`,
      { hint: 'Attach it anew.' },
    );
}

/** A hash over everything that is said: nobody can write a text that holds the boundary made from that text. */
function seedOf(content: DraftContent, files: readonly ComposerFile[]): string {
  const hash = createHash('sha256').update(JSON.stringify(content));
  for (const file of files) hash.update(Buffer.from(file.sha256, 'hex'));
  return hash.digest('hex').slice(0, 32);
}

function oneLine(text: string): string {
  return text.toWellFormed().replace(HIDDEN, ' ').trim();
}

function crlf(text: string): string {
  return text
    .toWellFormed()
    .replaceAll('\0', '')
    .replace(/\r\n|\r|\n/g, '\r\n');
}

/** nodemailer always writes a Date; ours comes when the mail is approved. */
async function* withoutDate(mail: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let header: Buffer | null = Buffer.alloc(0);
  for await (const piece of mail) {
    if (header === null) {
      yield piece;
      continue;
    }
    header = Buffer.concat([header, piece]);
    const end = header.indexOf('\r\n\r\n');
    if (end < 0) continue;
    const date = /(?:^|\r\n)(Date:[^\r\n]*\r\n)/.exec(header.subarray(0, end + 2).toString('latin1'));
    const at = date?.[1] ? date.index + date[0].length - date[1].length : 0;
    if (at > 0) yield header.subarray(0, at);
    yield header.subarray(at + (date?.[1]?.length ?? 0));
    header = null;
  }
  if (header !== null && header.length > 0) yield header;
}

/** The Date header line (RFC 5322 §3.3), with its CRLF. @param at epoch milliseconds */
export function dateLine(at: number): Buffer {
  return Buffer.from(`Date: ${new Date(at).toUTCString().replace('GMT', '+0000')}\r\n`);
}

/** Only CRLF, and no line that a server might cut: what is read differently by two servers can smuggle a mail. */
async function* cleanLines(mail: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let begun: Buffer = Buffer.alloc(0); // the line that the last piece did not end; never longer than a line may be
  for await (const piece of mail) {
    const raw = begun.length === 0 ? piece : Buffer.concat([begun, piece]);
    let start = 0;
    for (let end = raw.indexOf('\n'); end >= 0; end = raw.indexOf('\n', start)) {
      const line = raw.subarray(start, end + 1);
      const length = line.length - 2;
      if (line[length] !== 13 || line.indexOf('\r') !== length || line.includes(0)) throw notClean();
      if (length > MAX_LINE_OCTETS) throw tooLong();
      start = end + 1;
    }
    begun = raw.subarray(start);
    if (begun.length > MAX_LINE_OCTETS + 1) throw tooLong();
    if (start > 0) yield raw.subarray(0, start);
  }
  if (begun.length > 0) throw notClean();
}

const notClean = () =>
  notComposable('has a line end that is not CRLF', 'This is a mistake in Postern: please report it.');
const tooLong = () =>
  notComposable('has a word that does not fit into a line', 'Shorten the subject or the file name.');
const notComposable = (what: string, hint: string): PosternError =>
  new PosternError('mail_not_composable', `The mail ${what}.`, { hint });
