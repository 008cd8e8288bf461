// A knowledge base over HTTP: one request for a document, or one for each chunk of it. A repetition has the same
// Idempotency-Key and webhook-id, which are made of the document's SHA-256 and the sink's name.
import { randomUUID } from 'node:crypto';
import type { HttpSink, SinkField } from '../../contracts/knowledge-sink.ts';
import { Spool } from '../../delivery/spool.ts';
import { durationMs } from '../../kernel/duration.ts';
import { PosternError } from '../../kernel/errors.ts';
import { ask } from '../../network/request.ts';
import { secretHeaders, signingSecrets } from '../../network/secret-headers.ts';
import {
  eventHeaders,
  isTemporary,
  signatureHeader,
  waitAfter,
  wishOf,
} from '../../network/standard-webhooks.ts';
import type { KnowledgeParts } from '../parts.ts';
import type { Placed, Placing } from '../placing.ts';
import { type DocumentMail, documentsOf } from '../subject.ts';
import { fillIn, urlOf } from './template.ts';

const SHORTEST_TIMEOUT_MS = 100;
const LONGEST_TIMEOUT_MS = 300_000;
/** A larger document is sent by its text alone: as base64 in JSON few take more. */
const LARGEST_CONTENT_BYTES = 64 * 1024 * 1024;
/** The sink has it already: a request before this one reached it, and its answer was lost. */
const CONFLICT = 409;

interface Chunk {
  number: number;
  text: string;
  source: string;
}

/** @throws PosternError `sink_unavailable` with the time of the next attempt and, in its details, the `status` */
export async function placeByHttp(parts: KnowledgeParts, sink: HttpSink, placing: Placing): Promise<Placed> {
  const { content, placement } = placing;
  const [mail] = await documentsOf(parts.store.db, content.id, { sink: placement.sink, limit: 1 });
  if (!mail) return { outcome: 'placed', status: null }; // removed meanwhile
  const key = `${content.sha256}-${placement.sink}`;
  if (sink.each === 'document') {
    const chunks = await chunksOf(parts, content.id);
    const status = await send(parts, sink, placing, key, await fieldsOf(parts, placing, mail, chunks));
    if (isPlaced(status)) await placing.progress(chunks.length);
    return outcomeOf(status);
  }
  let status: number | null = null;
  for (let done = placement.done; done < content.chunks; done++) {
    placing.signal.throwIfAborted();
    const [chunk] = await chunksOf(parts, content.id, done);
    if (!chunk) break; // removed meanwhile
    const fields = await fieldsOf(parts, placing, mail, [chunk], true);
    status = await send(parts, sink, placing, `${key}-${done}`, fields);
    if (!isPlaced(status)) return outcomeOf(status);
    await placing.progress(done + 1);
  }
  return { outcome: 'placed', status };
}

const isPlaced = (status: number): boolean => (status >= 200 && status < 300) || status === CONFLICT;

const outcomeOf = (status: number): Placed => ({ outcome: isPlaced(status) ? 'placed' : 'refused', status });

const chunksOf = ({ store }: KnowledgeParts, contentId: string, only?: number): Promise<Chunk[]> =>
  store.db
    .selectFrom('knowledge_chunks')
    .select(['number', 'text', 'source'])
    .where('content_id', '=', contentId)
    .$if(only !== undefined, (query) => query.where('number', '=', only ?? 0))
    .orderBy('number')
    .execute();

type Fields = Record<Exclude<SinkField, 'content_base64'>, unknown>;

async function fieldsOf(
  { store }: KnowledgeParts,
  { content }: Placing,
  { filename, account_id: accountId, message_id: messageId, message }: DocumentMail,
  chunks: readonly Chunk[],
  isOne = false,
): Promise<Fields> {
  const account = await store.db
    .selectFrom('accounts')
    .select('label')
    .where('id', '=', accountId)
    .executeTakeFirst();
  const { id, sha256, sha1, md5, size, type, chunks: count } = content;
  const read = chunks.map(({ text, source }) => ({ text, source: JSON.parse(source) as object }));
  return {
    ...{ id, sha256, sha1, md5, size, type, filename, count },
    title: content.kind === 'mail' ? message.subject : filename,
    text: chunks.map(({ text }) => text).join('\n\n'),
    chunks: read,
    number: isOne ? (chunks[0]?.number ?? 0) : null,
    source: isOne ? (read[0]?.source ?? {}) : null,
    from: message.from?.address ?? null,
    to: message.to.map(({ address }) => address),
    subject: message.subject,
    date: message.date,
    message_id: messageId,
    thread_id: message.thread_id,
    account: account?.label ?? null,
  };
}

/** @returns the status of an answer that settles it */
async function send(
  parts: KnowledgeParts,
  sink: HttpSink,
  placing: Placing,
  key: string,
  fields: Fields,
): Promise<number> {
  const own = secretHeaders(sink.headers, parts.resolveSecret); // before any work: a secret that is missing stays missing
  const secrets = signingSecrets(sink.secret_ref, parts.resolveSecret);
  const spool = new Spool(parts.folder);
  try {
    await writeBody(spool, parts, sink, placing, fields);
    const event = { id: key, at: parts.clock.now() };
    const signed = secrets === null ? {} : await signatureHeader(secrets, event, spool.open());
    const url = urlOf(sink.url, (field) => fields[field as keyof Fields] as string);
    const { status, headers } = await ask({
      url,
      headers: {
        'content-type': 'application/json',
        'user-agent': 'Postern',
        'idempotency-key': key,
        ...eventHeaders(event),
      },
      ownHeaders: { ...own, ...signed },
      body: { bytes: spool.bytes, open: () => spool.open() },
      statusOnly: true,
      allowPrivate: sink.allow_private,
      lookup: parts.lookup,
      timeoutMs: Math.min(Math.max(durationMs(sink.timeout), SHORTEST_TIMEOUT_MS), LONGEST_TIMEOUT_MS),
      signal: placing.signal,
    }).catch((error: unknown) => {
      throw bySchedule(error, placing);
    });
    if (isPlaced(status) || (status >= 400 && status < 500 && !isTemporary(status))) return status;
    throw new PosternError('sink_unavailable', `${new URL(url).origin} answered with status ${status}.`, {
      retry: { afterMs: waitAfter(placing.attempt, wishOf(headers['retry-after'], parts.clock.now())) },
      details: { status },
    });
  } finally {
    await spool.close();
  }
}

/** A failure that may pass waits as the schedule of webhooks says. */
function bySchedule(error: unknown, { attempt, signal }: Placing): unknown {
  if (!(error instanceof PosternError) || error.retry === 'never' || signal.aborted) return error;
  return new PosternError(error.code, error.message, {
    retry: { afterMs: waitAfter(attempt) },
    details: error.details,
    cause: error,
  });
}

/** The document itself is put in piece by piece, where the template names it. */
async function writeBody(
  spool: Spool,
  parts: KnowledgeParts,
  sink: HttpSink,
  { content }: Placing,
  fields: Fields,
): Promise<void> {
  const mark = `content-${randomUUID()}`; // stands in no mail
  const fits = content.size <= LARGEST_CONTENT_BYTES;
  const body = fillIn(sink.body, (field) =>
    field === 'content_base64' ? (fits ? mark : null) : (fields[field] as never),
  );
  const [first = '', ...rest] = JSON.stringify(body).split(mark);
  await spool.write(first);
  for (const text of rest) {
    const blob = await parts.blobs.find(content.object_id);
    for await (const piece of base64Of(await blob.open())) await spool.write(piece);
    await spool.write(text);
  }
}

/** Base64 takes three octets at a time: what is over waits for the next piece. */
async function* base64Of(content: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of content) {
    const bytes = Buffer.concat([rest, piece]);
    const whole = bytes.length - (bytes.length % 3);
    yield bytes.toString('base64', 0, whole);
    rest = bytes.subarray(whole);
  }
  yield rest.toString('base64');
}
