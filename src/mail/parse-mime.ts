// Raw bytes to leaves: the one door of mailparser. Runs inside the parse worker, never on the main thread. mailparser
// splits the tree and decodes and hashes every leaf; what the leaves mean is decided by the code that also reads
// BODYSTRUCTURE, so that both ways understand a mail alike.
import { hash } from 'node:crypto';
import type { MimeNode, SplitterChunk } from '@zone-eu/mailsplit';
import { type AttachmentStream, MailParser } from 'mailparser';
import type { MailContent, MailMetadata, MailPart } from '../contracts/mail.ts';
import { PosternError } from '../kernel/errors.ts';
import { contentOf, MAX_HTML_CHARS, withLanguage } from './content.ts';
import { type RawHeader, readRawHeaders } from './headers.ts';
import { metadataFrom } from './metadata.ts';
import { readParameters } from './parameters.ts';
import {
  isTnef,
  leafOf,
  MAX_NESTING,
  MAX_PARTS,
  MAX_TNEF_OCTETS,
  readPartsOf,
  textPartsOf,
} from './structure.ts';
import { openPart, unpackedParts } from './unpacked.ts';

/** A leaf with what its octets decode to. */
export interface ReadLeaf {
  part: MailPart;
  /** Octets after transfer decoding. */
  size: number;
  /** Of the decoded octets, in hexadecimal. */
  sha256: string;
  content?: Uint8Array;
}

export interface ReadMime {
  metadata: MailMetadata;
  parts: MailPart[];
  content: MailContent;
  /** The leaves that are not the readable body. */
  attachments: ReadLeaf[];
}

const MAX_HEAD_OCTETS = 1024 * 1024; // for each part; servers refuse far less
const MAX_TEXT_OCTETS = MAX_HTML_CHARS * 4; // of one text part: as UTF-8 or quoted-printable of the text that is kept

const READ_TYPES = new Set(['text/plain', 'text/html', 'text/calendar']);

interface OpenLeaf extends ReadLeaf {
  raw: Uint8Array[];
  rawOctets: number;
  /** A multipart that turned out to have no parts: what it holds is read as text. */
  isBranch: boolean;
}

/** mailparser with all text kept as octets, and with the octets before decoding counted and, for text, kept. */
class LeafParser extends MailParser {
  readonly leaves: OpenLeaf[] = [];
  /** The multipart at the root, kept for the case that it has no leaves. */
  root: OpenLeaf | undefined;
  #nodes = new Map<unknown, OpenLeaf>();

  constructor() {
    super({
      ignoreEmbedded: true, // an attached message is one leaf, as in BODYSTRUCTURE's outer list
      maxHeadSize: MAX_HEAD_OCTETS,
      maxChildNodes: MAX_PARTS,
      checksumAlgo: 'sha256',
      skipHtmlToText: true,
      skipTextToHtml: true,
      skipImageLinks: true,
      keepDeliveryStatus: true,
    });
    this.textTypes = [];
  }

  override processChunk(chunk: MimeNode | SplitterChunk, done: (error?: Error | null) => void): void {
    try {
      if (chunk.type === 'node') this.#open(chunk as MimeNode);
      else if (chunk.type === 'body' || chunk.type === 'data') this.#add(chunk);
    } catch (error) {
      done(error as Error);
      return;
    }
    super.processChunk(chunk, done);
  }

  #open(node: MimeNode): void {
    const path = (node.partNr || []).filter((item) => typeof item === 'number');
    if (path.length > MAX_NESTING) {
      throw new PosternError('mail_too_complex', `The mail nests more than ${MAX_NESTING} parts.`);
    }
    const headers = readRawHeaders(node.getHeaders());
    const parent = node.parentNode;
    const isDigest = parent !== false && parent.contentType === 'multipart/digest';
    const part = partOf(headers, path.join('.') || '1', isDigest);
    const isBranch = node.multipart !== false;
    const leaf: OpenLeaf = { part, size: 0, sha256: '', raw: [], rawOctets: 0, isBranch };
    if (!isBranch) {
      this.leaves.push(leaf);
      this.#nodes.set(node, leaf);
    } else if (node.root) {
      this.root = leaf;
      this.#nodes.set(node, leaf);
    }
  }

  #add(chunk: { node?: unknown; value?: Uint8Array }): void {
    const leaf = this.#nodes.get(chunk.node);
    if (!leaf || !chunk.value) return;
    leaf.part.size += chunk.value.length;
    const { type } = leaf.part;
    const isWrapping = isTnef(leaf.part);
    if (!leaf.isBranch && !READ_TYPES.has(type) && !isWrapping) return;
    if (leaf.rawOctets >= (isWrapping ? MAX_TNEF_OCTETS : MAX_TEXT_OCTETS)) return;
    leaf.raw.push(chunk.value);
    leaf.rawOctets += chunk.value.length;
  }
}

/**
 * Reads a raw message (RFC 5322, RFC 2045). Decoded attachments are held in memory when `keepContent` says so.
 * Throws `mail_too_complex` past the bounds on nesting, parts and the size of a header block.
 */
export async function readMime(raw: Uint8Array, keepContent: boolean): Promise<ReadMime> {
  // Bytes in shared memory become the worker's own: decoders refuse what another thread could change under them.
  const isShared = raw.buffer instanceof SharedArrayBuffer;
  const bytes = isShared ? Buffer.from(raw) : Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  const parser = new LeafParser();
  await new Promise<void>((resolve, reject) => {
    let index = 0;
    parser.on('error', (error) => reject(clearError(error)));
    parser.on('end', resolve);
    parser.on('data', (item: AttachmentStream | { type: 'text' }) => {
      if (item.type === 'attachment') readLeaf(item, parser.leaves[index++], keepContent, reject);
    });
    parser.end(bytes);
  }).finally(() => parser.destroy());
  const leaves = parser.leaves.length > 0 ? parser.leaves : rescued(parser.root);
  const parts = leaves.map((leaf) => leaf.part);
  // Here and not where the answer arrives: a hostile header block takes its time, and must take it in the worker.
  const metadata = metadataFrom(readRawHeaders(bytes.subarray(0, headerEnd(bytes))), parts, bytes.length);
  const text = new Set(textPartsOf(parts));
  const toRead = new Set(readPartsOf(parts));
  const content = await withLanguage(
    contentOf(
      leaves
        .filter((leaf) => toRead.has(leaf.part))
        .map((leaf) => ({
          part: leaf.part,
          bytes: Buffer.concat(leaf.raw),
          truncated: leaf.rawOctets < leaf.part.size,
        })),
      metadata,
    ),
  );
  const attachments = leaves
    .filter((leaf) => !text.has(leaf.part))
    .flatMap((leaf) => [leaf, ...(toRead.has(leaf.part) && isTnef(leaf.part) ? unpackedLeaves(leaf) : [])])
    .map(({ part, size, sha256, content: octets }) => ({
      part,
      size,
      sha256,
      ...(octets === undefined ? {} : { content: octets }),
    }));
  return { metadata, parts, content, attachments };
}

function readLeaf(
  stream: AttachmentStream,
  leaf: OpenLeaf | undefined,
  keep: boolean,
  reject: (error: unknown) => void,
): void {
  const chunks: Buffer[] = [];
  stream.content.on('data', (chunk: Buffer) => {
    if (keep) chunks.push(chunk);
  });
  stream.content.on('error', (error) => reject(clearError(error)));
  stream.content.on('end', () => {
    if (leaf) {
      leaf.size = stream.size ?? 0;
      leaf.sha256 = stream.checksum ?? '';
      if (keep) leaf.content = Buffer.concat(chunks);
    }
    stream.release();
  });
}

/** The files of a winmail.dat, behind it. */
function unpackedLeaves({ part, raw, rawOctets, content }: OpenLeaf): ReadLeaf[] {
  const opened = rawOctets < part.size ? null : openPart(part, Buffer.concat(raw));
  if (!opened) return [];
  return unpackedParts(part, opened).map((inner, at) => {
    const octets = opened.files[at]?.content ?? Buffer.alloc(0);
    const sha256 = hash('sha256', octets);
    return {
      part: inner,
      size: octets.length,
      sha256,
      ...(content === undefined ? {} : { content: octets }),
    };
  });
}

/** A multipart whose boundary is missing or never comes: a person would read what stands there, so it is text. */
function rescued(root: OpenLeaf | undefined): OpenLeaf[] {
  if (!root || root.part.size === 0) return [];
  root.part = { ...root.part, path: '1', type: 'text/plain', disposition: null, filename: null };
  return [root];
}

function partOf(headers: readonly RawHeader[], path: string, isDigest: boolean): MailPart {
  // The first header of a name counts, as with the headers of the mail.
  const first = (name: string): string => headers.find((header) => header.name === name)?.value ?? '';
  const type = readParameters(first('content-type'));
  const disposition = readParameters(first('content-disposition'));
  return leafOf(
    {
      type: type.value === '' ? (isDigest ? 'message/rfc822' : 'text/plain') : type.value,
      parameters: Object.fromEntries(type.params),
      id: first('content-id'),
      encoding: readParameters(first('content-transfer-encoding')).value,
      disposition: disposition.value,
      dispositionParameters: Object.fromEntries(disposition.params),
    },
    path,
  );
}

function clearError(error: unknown): unknown {
  if ((error as { code?: string }).code !== 'EMAXLEN') return error;
  const what = /child nodes/.test(String(error))
    ? `more than ${MAX_PARTS} parts`
    : 'a header block of more than 1 MB';
  return new PosternError('mail_too_complex', `The mail has ${what}.`);
}

/** Where the header block ends: after its empty line. */
function headerEnd(raw: Buffer): number {
  if (raw[0] === 0x0a || (raw[0] === 0x0d && raw[1] === 0x0a)) return 0;
  for (let at = raw.indexOf(0x0a); at >= 0; at = raw.indexOf(0x0a, at + 1)) {
    if (raw[at + 1] === 0x0a) return at + 2;
    if (raw[at + 1] === 0x0d && raw[at + 2] === 0x0a) return at + 3;
  }
  return raw.length;
}
