// The body of a `json` delivery: the event of contracts/delivery.ts, written piece by piece. Text is read as it is needed,
// attachments are streamed, and nothing of the size of a mail is held in memory.
import type { PostedEvent, PostedPart } from '../contracts/delivery.ts';
import type { MailPart } from '../contracts/mail.ts';
import type { ImapConnection } from '../imap/connection.ts';
import type { FetchedPart } from '../imap/fetch.ts';
import { type Place, readParts, streamPart } from '../imap/operations.ts';
import { readHeaderBlock } from '../mail/headers.ts';
import { decodeBodies } from '../mail/parse.ts';
import { decodedSizeOf, textPartsOf } from '../mail/structure.ts';
import { decodeTransfer } from '../mail/transfer.ts';
import { decodeTransferStream } from '../mail/transfer-stream.ts';
import { PartHashes, writeContent } from './part-content.ts';
import type { Spool } from './spool.ts';
import type { Subject } from './subject.ts';

const LARGEST_TEXT_BYTES = 2 * 1024 * 1024; // of a part as transferred: some hundred pages
const ALL_TEXT_BYTES = 8 * 1024 * 1024; // of all text parts, which are held at once
const PARTS_WITH_HEADERS = 100; // more parts than mail has that people read
const PART_HEADER_BYTES = 16 * 1024;
/** Of a body: what a receiver is sent at most, whatever a mail claims to hold. */
const LARGEST_BODY_BYTES = 256 * 1024 * 1024;

/** @param limit octets of a part: a larger one is left out */
export async function writeEvent(
  spool: Spool,
  connection: ImapConnection,
  place: Place,
  subject: Subject,
  limit: number,
): Promise<Record<string, string>> {
  const { parts } = subject.message.metadata;
  const readable = new Set(textPartsOf(parts));
  const { headers, texts } = await readHeadersAndTexts(connection, place, parts, limit);
  const content = await decodeBodies([...texts.values()]);
  const isCut = content.truncated || [...readable].some((part) => !texts.has(part));
  const head = JSON.stringify(eventOf(subject, { ...content, truncated: isCut }));
  await spool.write(`${head.slice(0, -'}}}'.length)},"parts":[`);
  for (const [index, part] of parts.entries()) {
    if (index > 0) await spool.write(',');
    await writePart(spool, connection, place, part, {
      headers: headers.get(part) ?? {},
      text: texts.get(part),
      isLeftOut: readable.has(part) && !texts.has(part),
      largestReadBytes: subject.account.settings.max_message_bytes,
      withContent: subject.destination.include_attachments,
      limit,
    });
  }
  await spool.write(']}}}');
  return { 'content-type': 'application/json' };
}

type WithoutParts = Omit<PostedEvent, 'data'> & {
  data: Omit<PostedEvent['data'], 'message'> & { message: Omit<PostedEvent['data']['message'], 'parts'> };
};

/** All but the parts, which are written behind it: `message` is the last in `data`, and `data` in the event. */
function eventOf(
  { delivery, destination, account, message }: Subject,
  content: { text: string; reply_text: string; html: string | null; truncated: boolean },
): WithoutParts {
  const { id, threadId, arrivedAt, metadata } = message;
  return {
    type: 'message.received',
    timestamp: new Date(arrivedAt).toISOString(),
    routing: {
      event_id: delivery.id,
      event_time: arrivedAt,
      event_type: 'message.received',
      hostname: account.settings.imap.host,
      tags: destination.tags,
    },
    data: {
      account: { id: account.id, label: account.settings.label, address: account.settings.address },
      rule: delivery.rule,
      destination: delivery.destination,
      message: {
        id,
        thread_id: threadId,
        message_id: metadata.message_id,
        from: metadata.from,
        reply_to: metadata.reply_to,
        to: metadata.to,
        cc: metadata.cc,
        subject: metadata.subject,
        date: new Date(message.date).toISOString(),
        size: message.size,
        kind: message.kind,
        trust: message.trust,
        text: content.text,
        reply_text: content.reply_text,
        html: content.html,
        truncated: content.truncated,
        headers: metadata.headers,
      },
    },
  };
}

/** In one command: the MIME headers of the parts (`BODY[1.MIME]`, RFC 9051 §6.4.5), and the text that is not too large. */
async function readHeadersAndTexts(
  connection: ImapConnection,
  place: Place,
  parts: readonly MailPart[],
  limit: number,
): Promise<{ headers: Map<MailPart, PostedPart['headers']>; texts: Map<MailPart, FetchedPart> }> {
  const withHeaders = parts.slice(0, PARTS_WITH_HEADERS);
  const sections = withHeaders.map((part) => ({ ...part, path: `${part.path}.mime` }));
  const found = await readParts(
    connection,
    place,
    [...sections, ...readableTexts(parts, limit)],
    LARGEST_TEXT_BYTES,
  );
  const blocks = found.slice(0, sections.length).map(({ bytes }) => bytes.subarray(0, PART_HEADER_BYTES));
  return {
    headers: new Map(withHeaders.map((part, i) => [part, readHeaderBlock(blocks[i] ?? Buffer.alloc(0))])),
    texts: new Map(found.slice(sections.length).map((text) => [text.part, text])),
  };
}

/** The parts of the readable body that are not too large. */
function readableTexts(parts: readonly MailPart[], limit: number): MailPart[] {
  let left = ALL_TEXT_BYTES;
  return textPartsOf(parts).filter((part) => {
    const bytes = Math.min(part.size, LARGEST_TEXT_BYTES);
    if (decodedSizeOf(part) > limit || bytes > left) return false;
    left -= bytes;
    return true;
  });
}

interface PartOptions {
  headers: PostedPart['headers'];
  text: FetchedPart | undefined;
  /** It belongs to the readable body, and was too large for it. */
  isLeftOut: boolean;
  /** What is larger by its own word is not even read to be hashed. */
  largestReadBytes: number;
  withContent: boolean;
  limit: number;
}

async function writePart(
  spool: Spool,
  connection: ImapConnection,
  place: Place,
  part: MailPart,
  { headers, text, isLeftOut, largestReadBytes, withContent, limit }: PartOptions,
): Promise<void> {
  const about = {
    path: part.path,
    content_type: part.type,
    charset: part.charset,
    filename: part.filename,
    disposition: part.disposition,
    content_id: part.content_id,
    headers,
  };
  const write = (rest: Omit<PostedPart, keyof typeof about>): Promise<void> =>
    spool.write(JSON.stringify({ ...about, ...rest } satisfies PostedPart));
  const none = { body_text: null, truncated: false, content_base64: null, hashes: null, omitted: null };
  const size = decodedSizeOf(part);
  if (text) {
    const { text: plain, html, truncated } = await decodeBodies([text]);
    const octets = decodeTransfer(text.bytes, part.encoding);
    const hashes = withContent && !text.truncated ? new PartHashes().update(octets).digest() : null;
    return write({
      ...none,
      body_text: html ?? plain,
      truncated,
      size: text.truncated ? size : octets.length,
      hashes,
    });
  }
  if (!withContent) return write({ ...none, size, omitted: isLeftOut || size > limit ? 'size' : null });
  if (part.size > largestReadBytes) return write({ ...none, size, omitted: 'size' });

  await spool.write(
    `${JSON.stringify({ ...about, body_text: null, truncated: false }).slice(0, -1)},"content_base64":`,
  );
  const before = spool.bytes;
  await spool.write('"');
  const room = Math.min(limit, ((LARGEST_BODY_BYTES - before) * 3) / 4);
  const written = await streamPart(connection, place, part, decodeTransferStream, (stream) =>
    writeContent(spool, stream, room),
  );
  if (written.fits) await spool.write('"');
  else await spool.truncate(before).then(() => spool.write('null'));
  const rest = {
    size: written.size,
    hashes: written.hashes,
    omitted: written.fits ? null : ('size' as const),
  };
  await spool.write(`,${JSON.stringify(rest).slice(1)}`);
}
