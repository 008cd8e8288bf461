// The MIME tree as a flat list of leaves, read from BODYSTRUCTURE (RFC 3501 §7.4.2) or from the raw message, and which
// of them a person reads and which are attached.
import type { MailPart } from '../contracts/mail.ts';
import { safeFilename } from './filename.ts';

/** A node of BODYSTRUCTURE, in the shape in which the IMAP client gives it: parameters by lower-case name, decoded. */
export interface StructureNode {
  part?: string | undefined;
  type: string;
  parameters?: Record<string, string> | undefined;
  id?: string | undefined;
  encoding?: string | undefined;
  size?: number | undefined;
  disposition?: string | undefined;
  dispositionParameters?: Record<string, string> | undefined;
  childNodes?: StructureNode[] | undefined;
}

export const MAX_NESTING = 100; // real mail stays below 10; forwarded chains reach 20
export const MAX_PARTS = 1000; // as many as the MIME splitter reads
const MAX_BODY_PARTS = 50; // text parts that are read as one body: Apple Mail writes one between every two pictures
const MAX_FIELD_CHARS = 998; // a line of RFC 5322

/** The leaves in order. An attached message is one leaf. Nesting and count past their bounds are left out. */
export function partsOf(root: StructureNode | undefined): MailPart[] {
  const parts: MailPart[] = [];
  if (!root) return parts;
  const open: { node: StructureNode; depth: number }[] = [{ node: root, depth: 0 }];
  // Nodes that are looked at are bounded as well, so that empty multiparts cost no more than leaves.
  for (let seen = 0; open.length > 0 && parts.length < MAX_PARTS && seen < MAX_PARTS * 2; seen++) {
    const { node, depth } = open.pop() as { node: StructureNode; depth: number };
    const isBranch = lower(node.type).startsWith('multipart/');
    if (!isBranch) parts.push(leafOf(node, node.part ?? (depth === 0 ? '1' : '')));
    else if (depth < MAX_NESTING) {
      const children = (node.childNodes ?? []).slice(0, MAX_PARTS);
      for (let i = children.length - 1; i >= 0; i--) {
        const child = children[i];
        if (child) open.push({ node: child, depth: depth + 1 });
      }
    }
  }
  return parts.filter((part) => part.path !== '');
}

/** One leaf. `path` is its IMAP section number. */
export function leafOf(node: StructureNode, path: string): MailPart {
  const type = lower(node.type).slice(0, MAX_FIELD_CHARS);
  const name = parameter(node.dispositionParameters, 'filename') ?? parameter(node.parameters, 'name');
  const filename = name === null ? '' : safeFilename(name, '');
  const disposition = lower(node.disposition ?? '').trim();
  return {
    path,
    // A type that does not parse is text/plain (RFC 2045 §5.2).
    type: /^[^/\s]+\/[^/\s]+$/.test(type) ? type : 'text/plain',
    charset: lower(parameter(node.parameters, 'charset') ?? '') || null,
    encoding: lower(node.encoding ?? '').trim() || '7bit',
    size: Math.max(0, Math.trunc(node.size ?? 0)) || 0,
    // An unknown disposition is an attachment (RFC 2183 §2.8).
    disposition: disposition === '' ? null : disposition === 'inline' ? 'inline' : 'attachment',
    filename: filename === '' ? null : filename,
    content_id: contentId(node.id),
    flowed: lower(parameter(node.parameters, 'format') ?? '') === 'flowed',
    delsp: lower(parameter(node.parameters, 'delsp') ?? '') === 'yes',
    ...(type === CALENDAR ? methodOf(node) : {}),
  };
}

/**
 * The leaves that make the readable body, in order: text/plain and text/html that are neither attached nor named.
 * The first leaf of a mail counts also when it is named, unless it says that it is an attachment.
 */
export function textPartsOf(parts: readonly MailPart[]): MailPart[] {
  const text = parts.filter((part, index) => {
    if (part.type !== 'text/plain' && part.type !== 'text/html') return false;
    if (part.disposition === 'attachment') return false;
    return part.filename === null || (index === 0 && part.disposition === null);
  });
  return text.slice(0, MAX_BODY_PARTS);
}

const CALENDAR = 'text/calendar';
const MAX_CALENDAR_OCTETS = 512 * 1024; // invitations with hundreds of people reach 50 kB

const methodOf = ({ parameters }: StructureNode): { method?: string } => {
  const method = parameter(parameters, 'method')?.toUpperCase();
  return method !== undefined && /^[A-Z-]{1,40}$/.test(method) ? { method } : {};
};

/** The invitation that a mail brings. One that only tells of events to whoever wants them (PUBLISH) is a file. */
export function invitationPartOf(parts: readonly MailPart[]): MailPart | undefined {
  return parts.find(
    ({ type, method, size }) =>
      type === CALENDAR && method !== undefined && method !== 'PUBLISH' && size <= MAX_CALENDAR_OCTETS,
  );
}

export const MAX_TNEF_OCTETS = 16 * 1024 * 1024; // as transferred; it is opened as a whole

/** A winmail.dat; many gateways send it under a type that says nothing. */
export const isTnef = ({ type, filename }: MailPart): boolean =>
  type === 'application/ms-tnef' ||
  type === 'application/vnd.ms-tnef' ||
  filename?.toLowerCase() === 'winmail.dat';

/**
 * What is read to understand a mail: its text, its invitation, and the first winmail.dat. The latter two stay attachments
 * beside.
 */
export function readPartsOf(parts: readonly MailPart[]): MailPart[] {
  const invitation = invitationPartOf(parts);
  const tnef = parts.find((part) => isTnef(part) && part.size <= MAX_TNEF_OCTETS);
  return [...textPartsOf(parts), ...(invitation ? [invitation] : []), ...(tnef ? [tnef] : [])];
}

/** Every leaf that is not part of the readable body. */
export function attachmentsOf(parts: readonly MailPart[]): MailPart[] {
  const text = new Set(textPartsOf(parts));
  return parts.filter((part) => !text.has(part));
}

/** The name under which an attachment is shown and stored; one is made up where the mail gives none. */
export function attachmentName(part: MailPart): string {
  if (part.filename !== null) return part.filename;
  if (part.type === 'message/rfc822') return `message-${part.path}.eml`;
  if (part.type === 'text/calendar') return `invite-${part.path}.ics`;
  const extension = EXTENSIONS[part.type] ?? 'bin';
  return `part-${part.path}.${extension}`;
}

const EXTENSIONS: Record<string, string> = {
  'text/plain': 'txt',
  'text/html': 'html',
  'text/csv': 'csv',
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/gif': 'gif',
  'image/svg+xml': 'svg',
  'application/pdf': 'pdf',
  'application/pgp-signature': 'asc',
  'application/pgp-encrypted': 'asc',
  'application/pkcs7-signature': 'p7s',
  'application/pkcs7-mime': 'p7m',
  'application/ms-tnef': 'dat',
  'message/delivery-status': 'txt',
  'message/disposition-notification': 'txt',
  'message/feedback-report': 'txt',
  'text/rfc822-headers': 'txt',
};

/** Octets after transfer decoding, estimated: base64 in lines of 76 carries 57 octets in 78. */
export function decodedSizeOf(part: MailPart): number {
  return part.encoding === 'base64' ? Math.floor((part.size * 57) / 78) : part.size;
}

function parameter(params: Record<string, string> | undefined, name: string): string | null {
  if (!params || !Object.hasOwn(params, name)) return null;
  const value = params[name];
  return typeof value === 'string' ? value.slice(0, MAX_FIELD_CHARS * 4).trim() : null;
}

function contentId(id: string | undefined): string | null {
  const bare = (id ?? '').trim().replace(/^<|>$/g, '').trim();
  return bare === '' ? null : bare.slice(0, MAX_FIELD_CHARS).replaceAll('\0', '');
}

const lower = (text: string): string => text.toLowerCase();

/** Whether an attachment is shown inside the text rather than beside it. */
export const isInline = (part: MailPart): boolean =>
  part.disposition === 'inline' || (part.disposition === null && part.content_id !== null);
