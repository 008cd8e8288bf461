// The parts of an event: their headers and texts read in one command, and then each part written, the octets of attachments
// as they come from the mail server.
import type { MailHeaders, MailMetadata, MailPart } from '../contracts/mail.ts';
import type { EventPart } from '../contracts/mail-event.ts';
import type { ImapConnection } from '../imap/connection.ts';
import type { FetchedPart } from '../imap/fetch.ts';
import { type Place, readParts, streamPart } from '../imap/operations.ts';
import { headerOf, readHeaderBlock } from '../mail/headers.ts';
import { isText, partText } from '../mail/part-text.ts';
import { decodedSizeOf, readPartsOf, textPartsOf } from '../mail/structure.ts';
import { decodeTransfer } from '../mail/transfer.ts';
import { decodeTransferStream } from '../mail/transfer-stream.ts';
import type { Artifacts } from '../objects/artifacts.ts';
import type { EventOptions } from './event-subject.ts';
import { hashContent, PartHashes, stageContent, writeContent } from './part-content.ts';
import type { Spool } from './spool.ts';

const LARGEST_TEXT_BYTES = 2 * 1024 * 1024; // of a part as transferred: some hundred pages
const ALL_TEXT_BYTES = 8 * 1024 * 1024; // of all text parts, which are held at once
const PARTS_AT_ONCE = 100; // in one command: nearly every mail has fewer
const PART_HEADER_BYTES = 16 * 1024;

/** The parts of one mail, with what was read of them in one command. */
export interface ReadParts {
  parts: readonly MailPart[];
  /** Those that make the readable body. */
  readable: ReadonlySet<MailPart>;
  headers: ReadonlyMap<MailPart, EventPart['headers']>;
  texts: ReadonlyMap<MailPart, FetchedPart>;
  /** What of them tells what the mail says: the readable body, an invitation, a winmail.dat. */
  understood: readonly FetchedPart[];
}

/** The MIME headers of the parts (`BODY[1.MIME]`, RFC 9051 §6.4.5), and the texts that are not too large: in one command. */
export async function readHeadersAndTexts(
  connection: ImapConnection,
  place: Place,
  { parts, headers: ofMail }: Pick<MailMetadata, 'parts' | 'headers'>,
  limit: number,
): Promise<ReadParts> {
  const readable = new Set(textPartsOf(parts));
  const own = parts.length === 1 ? headersOfOnlyPart(ofMail) : null;
  // Also where they are not needed: that a message is gone shows in the answer.
  const sections = parts.map((part) => ({ ...part, path: `${part.path}.mime` }));
  const isSection = new Set(sections);
  const found: FetchedPart[] = [];
  const wanted = [...sections.splice(0, PARTS_AT_ONCE), ...textsToRead(parts, limit)];
  for (let next = wanted; next.length > 0; next = sections.splice(0, PARTS_AT_ONCE)) {
    const some = await readParts(connection, place, next, (part) =>
      isSection.has(part) ? PART_HEADER_BYTES : LARGEST_TEXT_BYTES,
    );
    found.push(...some);
  }
  const texts = new Map(found.flatMap((text) => (isSection.has(text.part) ? [] : [[text.part, text]])));
  const blocks = found.filter(({ part }) => isSection.has(part)).map(({ bytes }) => bytes);
  return {
    parts,
    readable,
    headers: new Map(parts.map((part, i) => [part, own ?? readHeaderBlock(blocks[i] ?? Buffer.alloc(0))])),
    texts,
    understood: readPartsOf(parts).flatMap((part) => texts.get(part) ?? []),
  };
}

/** A mail that is no multipart is its own part, of which servers give different headers: those that tell of its content. */
function headersOfOnlyPart(headers: MailHeaders): MailHeaders | null {
  if (/^multipart\//i.test(headerOf(headers, 'content-type') ?? '')) return null;
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('content-')));
}

/** The readable body first, what else tells what the mail says, then attached texts: those that are not too large, alone or together. */
function textsToRead(parts: readonly MailPart[], limit: number): MailPart[] {
  let left = ALL_TEXT_BYTES;
  const attached = parts.filter(({ type }) => isText(type));
  return [...new Set([...readPartsOf(parts), ...attached])].filter((part) => {
    const bytes = Math.min(part.size, LARGEST_TEXT_BYTES);
    if (decodedSizeOf(part) > limit || bytes > left) return false;
    if (!isText(part.type) && part.size > bytes) return false; // what is packed is opened as a whole, or not at all
    left -= bytes;
    return true;
  });
}

/** Where parts are written, and what for. */
export interface PartWriter {
  spool: Spool;
  artifacts: Pick<Artifacts, 'stage' | 'keep' | 'find'>;
  connection: ImapConnection;
  place: Place;
  event: { id: string; accountId: string };
  options: EventOptions;
}

/** @throws PosternError `message_gone`, `mail_cut_short`, `mail_too_large` */
export async function writePart(writer: PartWriter, read: ReadParts, part: MailPart): Promise<void> {
  const { spool, options } = writer;
  const text = read.texts.get(part);
  const said = text && isText(part.type) ? partText(text) : undefined;
  const about = {
    path: part.path,
    content_type: part.type,
    charset: part.charset,
    filename: part.filename,
    disposition: part.disposition,
    content_id: part.content_id,
    headers: read.headers.get(part) ?? {},
    body_text: said?.text ?? null,
    truncated: said?.truncated ?? false,
  } satisfies Partial<EventPart>;
  await spool.write(`${JSON.stringify(about).slice(0, -1)},"content_base64":`);
  const before = spool.bytes;
  const isReadable = read.readable.has(part);
  const rest = options.withContents
    ? await takeContent(writer, part, text, isReadable)
    : { artifact: null, hashes: null, ...sizeOf(part, text), isOmitted: false };
  if (spool.bytes === before) await spool.write('null');
  // A readable text is in `body_text`; one that was left out of it was too large.
  const isLeftOut = isReadable ? !text : sizeOf(part, text).size > options.limit;
  const { isOmitted, ...shown } = rest;
  const omitted = isOmitted || isLeftOut ? 'size' : null;
  const last: Omit<EventPart, keyof typeof about | 'content_base64'> = { ...shown, omitted };
  await spool.write(`,${JSON.stringify(last).slice(1)}`);
}

const octetsOf = ({ bytes, part }: FetchedPart): Buffer => decodeTransfer(bytes, part.encoding);

/** Decoded octets, exactly where all of the part was read. */
const sizeOf = (part: MailPart, text: FetchedPart | undefined): { size: number } => ({
  size: text && !text.truncated ? octetsOf(text).length : decodedSizeOf(part),
});

interface TakenContent {
  size: number;
  hashes: EventPart['hashes'];
  artifact: EventPart['artifact'];
  isOmitted: boolean;
}

/** Reads a part once: its hashes, and what of it goes into the event or is kept. */
async function takeContent(
  { spool, artifacts, connection, place, event, options }: PartWriter,
  part: MailPart,
  text: FetchedPart | undefined,
  isReadable: boolean,
): Promise<TakenContent> {
  const { limit, retentionDays, largestReadBytes, largestEventBytes, signal } = options;
  const whole = text && !text.truncated ? octetsOf(text) : undefined;
  const none = { artifact: null, isOmitted: false };
  if (whole && isReadable)
    return { size: whole.length, hashes: new PartHashes().update(whole).digest(), ...none };
  if (!whole && part.size > largestReadBytes)
    return { size: decodedSizeOf(part), hashes: null, artifact: null, isOmitted: true };

  const read = <T>(consume: (pieces: AsyncIterable<Uint8Array>) => Promise<T>): Promise<T> =>
    whole
      ? consume(each(whole))
      : streamPart(connection, place, part, decodeTransferStream, (stream) => consume(heard(stream, signal)));
  if (isReadable && text) return { ...(await read(hashContent)), ...none };

  const of = { eventId: event.id, accountId: event.accountId, part: part.path };
  if (retentionDays === null) {
    const before = spool.bytes;
    await spool.write('"');
    const room = Math.min(limit, ((largestEventBytes - before) * 3) / 4);
    const { fits, ...written } = await read((pieces) => writeContent(spool, pieces, room));
    if (fits) await spool.write('"');
    else await spool.truncate(before);
    return { ...written, artifact: null, isOmitted: !fits };
  }
  const kept = await artifacts.find(of);
  if (kept) return { size: kept.size, hashes: kept.hashes, artifact: referenceTo(kept), isOmitted: false };
  const stage = (bytes: AsyncIterable<Uint8Array>) => artifacts.stage(bytes, retentionDays);
  const { staged, ...found } = await read((pieces) => stageContent(stage, pieces, limit));
  if (!staged) return { ...found, artifact: null, isOmitted: true };
  const { filename, type: contentType } = part;
  const about = { ...of, filename, contentType, hashes: found.hashes };
  return { ...found, artifact: referenceTo(await artifacts.keep(about, staged)), isOmitted: false };
}

const referenceTo = ({ id, expires_at }: { id: string; expires_at: number }) => ({
  id,
  expires_at: new Date(expires_at).toISOString(),
});

async function* each(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function* heard(pieces: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    signal.throwIfAborted();
    yield piece;
  }
}
