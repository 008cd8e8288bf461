// Writes winmail.dat as Outlook does ([MS-OXTNEF]), for tests: attributes with their sums, and properties inside of them.

const MESSAGE = 1;
const ATTACHMENT = 2;

export interface WrittenFile {
  title?: string;
  longFilename?: string;
  mimeType?: string;
  contentId?: string;
  data: Buffer;
  /** A whole winmail.dat: the file is a mail in the mail. */
  isMessage?: boolean;
}

export interface WrittenTnef {
  body?: string;
  html?: string;
  files?: WrittenFile[];
}

export function writeTnef({ body, html, files = [] }: WrittenTnef): Buffer {
  const head = Buffer.alloc(6);
  head.writeUInt32LE(0x223e9f78, 0);
  head.writeUInt16LE(1, 4);
  const properties = [
    ...(body === undefined ? [] : [unicode(0x1000, body)]),
    ...(html === undefined ? [] : [number(0x3fde, 65001), binary(0x1013, Buffer.from(html))]),
    named('X-Kept', 'yes'),
  ];
  return Buffer.concat([
    head,
    attribute(MESSAGE, 0x00089006, uint32(0x00010000)), // the version
    attribute(MESSAGE, 0x00069007, Buffer.concat([uint32(1252), uint32(0)])),
    attribute(MESSAGE, 0x00078008, Buffer.from('IPM.Microsoft Mail.Note\0')),
    attribute(MESSAGE, 0x00069003, listOf(properties)),
    ...files.flatMap(fileOf),
  ]);
}

function fileOf({ title, longFilename, mimeType, contentId, data, isMessage }: WrittenFile): Buffer[] {
  const properties = [
    number(0x3705, isMessage ? 5 : 1),
    ...(longFilename === undefined ? [] : [unicode(0x3707, longFilename)]),
    ...(mimeType === undefined ? [] : [unicode(0x370e, mimeType)]),
    ...(contentId === undefined ? [] : [unicode(0x3712, contentId)]),
    ...(isMessage ? [object(0x3701, Buffer.concat([Buffer.alloc(16, 7), data]))] : []),
  ];
  return [
    attribute(ATTACHMENT, 0x00069002, Buffer.alloc(14)),
    ...(title === undefined ? [] : [attribute(ATTACHMENT, 0x00018010, Buffer.from(`${title}\0`, 'latin1'))]),
    ...(isMessage ? [] : [attribute(ATTACHMENT, 0x0006800f, data)]),
    attribute(ATTACHMENT, 0x00069005, listOf(properties)),
  ];
}

export function attribute(level: number, id: number, data: Buffer): Buffer {
  let sum = 0;
  for (const octet of data) sum = (sum + octet) & 0xffff;
  return Buffer.concat([Buffer.from([level]), uint32(id), uint32(data.length), data, uint16(sum)]);
}

const listOf = (properties: Buffer[]): Buffer => Buffer.concat([uint32(properties.length), ...properties]);
const number = (id: number, value: number): Buffer =>
  Buffer.concat([uint16(0x03), uint16(id), uint32(value)]);
const unicode = (id: number, text: string): Buffer => variable(0x1f, id, Buffer.from(`${text}\0`, 'utf16le'));
const binary = (id: number, data: Buffer): Buffer => variable(0x102, id, data);
const object = (id: number, data: Buffer): Buffer => variable(0x0d, id, data);
const variable = (type: number, id: number, data: Buffer): Buffer =>
  Buffer.concat([uint16(type), uint16(id), uint32(1), uint32(data.length), padded(data)]);
const named = (name: string, value: string): Buffer => {
  const [key, text] = [Buffer.from(`${name}\0`, 'utf16le'), Buffer.from(`${value}\0`, 'utf16le')];
  const head = [
    uint16(0x1f),
    uint16(0x8000),
    Buffer.alloc(16, 1),
    uint32(1),
    uint32(key.length),
    padded(key),
  ];
  return Buffer.concat([...head, uint32(1), uint32(text.length), padded(text)]);
};
const padded = (data: Buffer): Buffer => Buffer.concat([data, Buffer.alloc((4 - (data.length % 4)) % 4)]);

function uint16(value: number): Buffer {
  const octets = Buffer.alloc(2);
  octets.writeUInt16LE(value);
  return octets;
}

function uint32(value: number): Buffer {
  const octets = Buffer.alloc(4);
  octets.writeUInt32LE(value);
  return octets;
}
