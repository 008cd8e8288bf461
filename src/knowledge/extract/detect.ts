// What a document is, by its bytes: the one door of file-type, which names what is not read. Names and declared types
// are believed only among texts, where the bytes do not tell a table from prose.
import { fileTypeFromBuffer } from 'file-type';
import { type Budget, refuse } from './budget.ts';
import type { Bytes } from './bytes.ts';
import { COMPOUND_MAGIC, refuseCompound } from './compound.ts';
import { charsetOf } from './plain.ts';
import { Zip } from './zip.ts';

export type Found =
  | { kind: 'pdf' | 'mail' | 'tnef' | 'html' | 'csv' | 'text'; type: string }
  | { kind: 'docx' | 'xlsx' | 'pptx' | 'odf' | 'zip'; type: string; zip: Zip };

const PDF: Found = { kind: 'pdf', type: 'application/pdf' };
const SAMPLE_BYTES = 8192;
const TNEF_MAGIC = Buffer.from('789f3e22', 'hex');
const PDF_HEAD_BYTES = 1024; // readers accept a head that begins somewhere in here
const MAX_CONTENT_TYPES_BYTES = 4 * 1024 * 1024;
const MAX_MIMETYPE_BYTES = 200;

const OFFICE_KINDS = [
  { kind: 'docx', main: /(?:wordprocessingml|ms-word)[^"'>]*main\+xml/, type: 'wordprocessingml.document' },
  { kind: 'xlsx', main: /(?:spreadsheetml|ms-excel)[^"'>]*main\+xml/, type: 'spreadsheetml.sheet' },
  {
    kind: 'pptx',
    main: /(?:presentationml|ms-powerpoint)[^"'>]*main\+xml/,
    type: 'presentationml.presentation',
  },
] as const;

/**
 * @throws PosternError `document_type_unknown` for what is not read, `document_encrypted` for Office documents with a
 *   password, and what opening an archive throws
 */
export async function detect(
  bytes: Bytes,
  hints: { name: string | null; declaredType: string | null },
  budget: Budget,
): Promise<Found> {
  const head = bytes.read(0, SAMPLE_BYTES);
  const pdfAt = head.subarray(0, PDF_HEAD_BYTES).indexOf('%PDF-');
  if (pdfAt === 0) return PDF;
  if (isZip(head)) return ofZip(await Zip.open(bytes, budget));
  if (head.subarray(0, COMPOUND_MAGIC.length).equals(COMPOUND_MAGIC)) throw refuseCompound(bytes);
  if (head.subarray(0, 4).equals(TNEF_MAGIC)) return { kind: 'tnef', type: 'application/ms-tnef' };
  const text = isText(bytes, head) ? ofText(head, hints) : null;
  // Readers forgive bytes before the head of a PDF; a mail, an archive or a text about PDF is none for that.
  if (pdfAt > 0 && text?.kind !== 'mail' && endsAsPdf(bytes)) return PDF;
  if (text !== null) return text;
  const known = await fileTypeFromBuffer(head).catch(() => undefined);
  throw refuse(
    'document_type_unknown',
    known ? `Files of type ${known.mime} are not read.` : 'It is of a type that is not known.',
  );
}

const endsAsPdf = (bytes: Bytes): boolean =>
  bytes.read(Math.max(0, bytes.size - SAMPLE_BYTES), SAMPLE_BYTES).includes('%%EOF');

/** With a member first, or with none at all. */
const isZip = (head: Buffer): boolean =>
  head.length >= 4 && ['504b0304', '504b0506'].includes(head.toString('hex', 0, 4));

async function ofZip(zip: Zip): Promise<Found> {
  const mimetype = await textOf(zip, 'mimetype', MAX_MIMETYPE_BYTES);
  if (/^application\/vnd\.oasis\.opendocument\.(?:text|spreadsheet|presentation)/.test(mimetype)) {
    return { kind: 'odf', type: mimetype.trim(), zip };
  }
  const types = await textOf(zip, '[Content_Types].xml', MAX_CONTENT_TYPES_BYTES);
  for (const { kind, main, type } of OFFICE_KINDS) {
    if (main.test(types)) {
      return { kind, type: `application/vnd.openxmlformats-officedocument.${type}`, zip };
    }
  }
  if (/ms-excel\.sheet\.binary/.test(types)) {
    throw refuse('document_type_unknown', 'It is a binary workbook (.xlsb), which is not read.');
  }
  return { kind: 'zip', type: 'application/zip', zip };
}

/** A small member as text; empty where it is missing, too large or not to be read: the archive is then just an archive. */
async function textOf(zip: Zip, name: string, mostBytes: number): Promise<string> {
  const member = zip.member(name);
  if (!member || member.size > mostBytes || member.isEncrypted || !member.isKnownMethod) return '';
  return (await zip.load(member, mostBytes)).toString('utf8');
}

/** Text at its beginning, its middle and its end: no zeros but those of UTF-16, and hardly any control characters. */
function isText(bytes: Bytes, head: Buffer): boolean {
  const start = head.toString('latin1', 0, 5);
  if (start === '{\\rtf' || start === '%!PS-') return false;
  const charset = charsetOf(head);
  const middle = Math.floor(bytes.size / 4) * 2;
  const end = Math.max(0, Math.floor((bytes.size - SAMPLE_BYTES) / 2) * 2);
  return [head, bytes.read(middle, SAMPLE_BYTES), bytes.read(end, SAMPLE_BYTES)].every((sample) =>
    charset.startsWith('utf-16') ? looksLikeWideText(sample, charset) : looksLikeText(sample),
  );
}

/** Numbers of two octets look like UTF-16 until they are read: no language has so many characters that are none. */
function looksLikeWideText(sample: Buffer, charset: string): boolean {
  const text = new TextDecoder(charset).decode(sample);
  const strange = text.match(/[\p{Cn}\p{Co}\ufffd]|(?![\t-\r])\p{Cc}/gu)?.length ?? 0;
  return strange * 100 <= text.length + 100; // one may be cut in half
}

function looksLikeText(sample: Buffer): boolean {
  let controls = 0;
  for (const octet of sample) {
    if (octet === 0) return false;
    // Tab, line ends, form feed and escape (ISO-2022) are text.
    if (octet < 0x20 && octet !== 0x1b && (octet < 0x09 || octet > 0x0d)) controls++;
  }
  return controls * 100 <= sample.length;
}

const MAIL_HEADERS =
  /^(?:return-path|received|delivered-to|from|to|subject|date|message-id|mime-version|dkim-signature|reply-to|content-type|arc-[a-z-]+|x-[a-z0-9-]+):/i;

function ofText(
  head: Buffer,
  { name, declaredType }: { name: string | null; declaredType: string | null },
): Found {
  const start = new TextDecoder(charsetOf(head))
    .decode(head)
    .replace(/^\ufeff/, '')
    .trimStart();
  const extension = /\.([a-z0-9]{1,8})$/i.exec(name ?? '')?.[1]?.toLowerCase() ?? '';
  if (isMail(start, declaredType === 'message/rfc822' || extension === 'eml')) {
    return { kind: 'mail', type: 'message/rfc822' };
  }
  if (/^(?:<\?xml[^>]*>\s*)?(?:<!--[^>]*-->\s*)*<(?:!doctype\s+html|html|head|body)\b/i.test(start)) {
    return { kind: 'html', type: 'text/html' };
  }
  const isHtml = declaredType === 'text/html' || extension === 'html' || extension === 'htm';
  if (isHtml && /<[a-z][a-z0-9]*[\s>/]/i.test(start)) return { kind: 'html', type: 'text/html' };
  if (['csv', 'tsv'].includes(extension) || /^text\/(?:csv|tab-separated-values)$/.test(declaredType ?? '')) {
    return { kind: 'csv', type: 'text/csv' };
  }
  const isKnownText = declaredType?.startsWith('text/') && declaredType !== 'text/html';
  return { kind: 'text', type: isKnownText ? (declaredType as string) : 'text/plain' };
}

/** A block of headers, of which a mail has at least two that are known; one is enough where it is said to be a mail. */
function isMail(start: string, isSaid: boolean): boolean {
  let known = 0;
  for (const line of start.split(/\r?\n/, 100)) {
    if (line === '') break;
    if (/^[ \t]/.test(line)) continue;
    if (!/^[!-9;-~]+:/.test(line)) return known > 0 && isSaid;
    if (MAIL_HEADERS.test(line)) known++;
  }
  return (
    known >= (isSaid ? 1 : 2) &&
    (isSaid || /^(?:from|received|return-path|date|message-id|mime-version):/im.test(start))
  );
}
