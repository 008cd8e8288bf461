// Opens winmail.dat: the wrapping that Outlook and Exchange put around a mail and its attachments (TNEF, [MS-OXTNEF]).
// A reader of our own: the one on npm (node-tnef) brings a logger and a command line along, has no test and no bound, and
// goes by lengths that a sender may make up. Here every length is held against what is there, and reading ends at the first
// thing that is not as it should be, with what was found until then.
import { decodeCharset } from './charset.ts';

export interface TnefFile {
  /** As the sender wrote it; null where it has none. */
  filename: string | null;
  contentType: string | null;
  contentId: string | null;
  content: Buffer;
}

export interface OpenedTnef {
  text: string | null;
  html: string | null;
  files: TnefFile[];
  /** False where it ended before its time, or a bound was reached: there may be more in it. */
  isWhole: boolean;
}

const SIGNATURE = 0x223e9f78;
const HEAD_OCTETS = 6; // the signature, and a key that is of no use here
const MAX_ATTRIBUTES = 20_000; // seven for each attachment
const MAX_FILES = 500;
const MAX_PROPERTIES = 5000; // a mail has about a hundred, an attachment thirty
const MAX_VALUES = 1000; // of one property that has several
const MAX_NESTING = 3; // a mail in a mail in a mail
const MAX_NAME_OCTETS = 1024;
const IID_OCTETS = 16; // before a mail inside of the mail: the id of its interface

/** What reading goes on with after a mark of what it is ([MS-OXTNEF] §2.1.3.3). */
const ATTRIBUTE = {
  codePage: 0x00069007,
  messageProperties: 0x00069003,
  attachmentBegins: 0x00069002,
  attachmentTitle: 0x00018010,
  attachmentData: 0x0006800f,
  attachmentProperties: 0x00069005,
  body: 0x0002800c,
};
const OF_ATTACHMENTS: ReadonlySet<number> = new Set([
  ...[ATTRIBUTE.attachmentTitle, ATTRIBUTE.attachmentData, ATTRIBUTE.attachmentProperties],
]);
/** [MS-OXPROPS], in the order of the ids. */
const PROPERTY = {
  body: 0x1000,
  html: 0x1013,
  displayName: 0x3001,
  data: 0x3701,
  filename: 0x3704,
  method: 0x3705,
  longFilename: 0x3707,
  mimeType: 0x370e,
  contentId: 0x3712,
  internetCodePage: 0x3fde,
};
const EMBEDDED_MESSAGE = 5; // a value of `method`

type Property = { type: number; value: Buffer };
type Properties = Map<number, Property>;
/** By the id of the attribute; of several the last. */
type Attributes = Map<number, Buffer>;

/** Null where the octets do not begin as such a file does. Never throws. */
export function openTnef(octets: Uint8Array, depth = 0): OpenedTnef | null {
  const bytes = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
  if (bytes.length < HEAD_OCTETS || bytes.readUInt32LE(0) !== SIGNATURE) return null;
  const { message, attachments, isWhole } = readAttributes(bytes);
  const page = message.get(ATTRIBUTE.codePage);
  const charset = charsetOf(page && page.length >= 4 ? page.readUInt32LE(0) : 1252);
  const properties = readProperties(message.get(ATTRIBUTE.messageProperties));
  const body = message.get(ATTRIBUTE.body);
  const opened: OpenedTnef = {
    text: textOf(properties.get(PROPERTY.body), charset) ?? (body ? stringOf(body, charset) : null),
    html: htmlOf(properties, charset),
    files: [],
    isWhole,
  };
  for (const attachment of attachments) addFiles(opened, attachment, charset, depth);
  return opened;
}

function readAttributes(bytes: Buffer) {
  const message: Attributes = new Map();
  const attachments: Attributes[] = [];
  let at = HEAD_OCTETS;
  for (let count = 0; at < bytes.length; count++) {
    // Level, id and length; then the octets and their sum.
    const end = at + 9 <= bytes.length ? at + 9 + bytes.readUInt32LE(at + 5) : bytes.length;
    if (count >= MAX_ATTRIBUTES || end + 2 > bytes.length) break;
    if (sumOf(bytes, at + 9, end) !== bytes.readUInt16LE(end)) break;
    const id = bytes.readUInt32LE(at + 1);
    if (id === ATTRIBUTE.attachmentBegins) {
      if (attachments.length >= MAX_FILES) break;
      attachments.push(new Map());
    }
    (OF_ATTACHMENTS.has(id) ? attachments.at(-1) : message)?.set(id, bytes.subarray(at + 9, end));
    at = end + 2;
  }
  return { message, attachments, isWhole: at === bytes.length };
}

function addFiles(opened: OpenedTnef, attributes: Attributes, charset: string, depth: number): void {
  const properties = readProperties(attributes.get(ATTRIBUTE.attachmentProperties));
  const text = (id: number): string | null => textOf(properties.get(id), charset) || null;
  const title = attributes.get(ATTRIBUTE.attachmentTitle);
  const filename =
    text(PROPERTY.longFilename) ??
    text(PROPERTY.filename) ??
    (title && (stringOf(title.subarray(0, MAX_NAME_OCTETS), charset) || null)) ??
    text(PROPERTY.displayName);
  const data = properties.get(PROPERTY.data)?.value;
  if (numberOf(properties.get(PROPERTY.method)) === EMBEDDED_MESSAGE) {
    const inner = data && depth < MAX_NESTING ? openTnef(data.subarray(IID_OCTETS), depth + 1) : null;
    if (!inner?.isWhole) opened.isWhole = false;
    const said = inner?.html ?? inner?.text ?? null;
    const contentType = inner?.html === said ? 'text/html' : 'text/plain';
    if (said !== null) add(opened, { filename, contentType, contentId: null, content: Buffer.from(said) });
    for (const file of inner?.files ?? []) add(opened, file);
    return;
  }
  const content = attributes.get(ATTRIBUTE.attachmentData) ?? data;
  const [contentType, contentId] = [text(PROPERTY.mimeType), text(PROPERTY.contentId)];
  if (content) add(opened, { filename, contentType, contentId, content });
}

function add(opened: OpenedTnef, file: TnefFile): void {
  if (opened.files.length >= MAX_FILES) opened.isWhole = false;
  else opened.files.push(file);
}

/** Octets of a value of each type ([MS-OXTNEF] §2.1.3.4, [MS-OXCDATA] §2.11.1), where they are always as many. */
const SIZES: Record<number, number> = {
  ...{ 2: 2, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 10: 4, 11: 2, 20: 8, 64: 8, 72: 16 },
};
const TYPE = { string8: 0x1e, unicode: 0x1f, object: 0x0d, binary: 0x102, several: 0x1000 };
const VARIABLE: ReadonlySet<number> = new Set([TYPE.string8, TYPE.unicode, TYPE.object, TYPE.binary]);
const FIRST_NAMED = 0x8000;

/** The properties up to the first that cannot be read; of several values, and of several of one id, the first. */
function readProperties(data: Buffer = Buffer.alloc(0)): Properties {
  const properties: Properties = new Map();
  const reader = new Reader(data);
  const count = Math.min(reader.uint32(), MAX_PROPERTIES);
  for (let i = 0; i < count && !reader.isAtEnd; i++) {
    const written = reader.uint16();
    const id = reader.uint16();
    if (id >= FIRST_NAMED) skipName(reader);
    const type = written & ~TYPE.several;
    const isVariable = VARIABLE.has(type);
    const size = SIZES[type];
    if (!isVariable && size === undefined) break;
    const values = isVariable || written !== type ? reader.uint32() : 1;
    if (values > MAX_VALUES) break;
    for (let index = 0; index < values && !reader.isAtEnd; index++) {
      const value = reader.padded(isVariable ? reader.uint32() : (size as number));
      if (value !== null && index === 0 && !properties.has(id)) properties.set(id, { type, value });
    }
  }
  return properties;
}

/** A GUID, then a number or a name. */
function skipName(reader: Reader): void {
  reader.padded(16);
  if (reader.uint32() === 0) reader.uint32();
  else reader.padded(reader.uint32());
}

/** Reads from the start on; what is asked for behind the end is nothing, and then it is at its end. */
class Reader {
  readonly #data: Buffer;
  #at = 0;

  constructor(data: Buffer) {
    this.#data = data;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#data.length;
  }

  uint16(): number {
    return this.#take(2)?.readUInt16LE(0) ?? 0;
  }

  uint32(): number {
    return this.#take(4)?.readUInt32LE(0) ?? 0;
  }

  /** So many octets, and those that fill them up to a multiple of four. */
  padded(octets: number): Buffer | null {
    const value = this.#take(octets);
    this.#at += (4 - (octets % 4)) % 4;
    return value;
  }

  #take(octets: number): Buffer | null {
    const from = this.#at;
    this.#at = octets > this.#data.length - from ? this.#data.length : from + octets;
    return this.#at - from === octets ? this.#data.subarray(from, this.#at) : null;
  }
}

const charsetOf = (codePage: number): string => (codePage === 65001 ? 'utf-8' : `cp${codePage}`);

const numberOf = (property: Property | undefined): number | null =>
  property && property.value.length >= 4 ? property.value.readUInt32LE(0) : null;

function textOf(property: Property | undefined, charset: string): string | null {
  if (property?.type === TYPE.unicode) return property.value.toString('utf16le').replace(/\0{1,8}$/, '');
  return property?.type === TYPE.string8 ? stringOf(property.value, charset) : null;
}

function htmlOf(properties: Properties, charset: string): string | null {
  const html = properties.get(PROPERTY.html);
  if (html?.type !== TYPE.binary) return textOf(html, charset);
  const page = numberOf(properties.get(PROPERTY.internetCodePage));
  return stringOf(html.value, page === null ? charset : charsetOf(page));
}

/** Without the zeros that end it. */
function stringOf(value: Buffer, charset: string): string {
  let end = value.length;
  while (end > 0 && value[end - 1] === 0) end--;
  return decodeCharset(value.subarray(0, end), charset);
}

function sumOf(bytes: Buffer, from: number, to: number): number {
  let sum = 0;
  for (let at = from; at < to; at++) sum = (sum + (bytes[at] as number)) & 0xffff;
  return sum;
}
