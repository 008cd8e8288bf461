// Attachments of messages: their bytes, and their text in pieces. A session reads those of its thread.
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { z } from 'zod';
import { passageSource } from '../../contracts/knowledge.ts';
import { PosternError } from '../../kernel/errors.ts';
import { openAttachment } from '../../watch/open-attachment.ts';
import { demandThread } from '../access.ts';
import { noteForeign, noteMails } from '../reading.ts';
import { type Context, defineOperation, type Operation } from '../registry.ts';

const TOOL = 'get_attachment';
const MOST_PIECES = 100; // of at most 2,000 characters each
const LARGEST_INLINE_BYTES = 5 * 1024 * 1024; // in base64 within JSON: larger ones are streamed

const place = { id: z.string().max(100), attachment: z.string().max(200) };

/** Looked at before anything is fetched: a foreign id must not even cause a connection. */
async function open(context: Context, id: string, attachment: string) {
  const { rooms, principal, signal } = context;
  const message = await rooms.messages.get(id);
  demandThread(principal, message, 'message', id);
  await noteMails(context, [message]);
  // Whoever wrote the mail: its bytes can go along as a file of the agent's own.
  if (principal.kind === 'session' && message.thread_id !== principal.threadId)
    await noteForeign(context, `a file of another conversation (${id})`);
  return openAttachment(rooms.messages, id, attachment, signal);
}

export const attachmentOperations: readonly Operation[] = [
  defineOperation({
    name: 'attachment.download',
    summary: 'Give the bytes of an attachment, decoded.',
    input: z.strictObject(place),
    output: z.custom<Readable>((value) => value instanceof Readable),
    permission: 'messages:read',
    effects: 'read',
    http: {
      method: 'GET',
      path: '/v1/messages/{id}/attachments/{attachment}',
      answers: 'application/octet-stream', // whatever it says to be: nothing of a mail is shown in a browser from here
    },
    cli: { words: ['message', 'attachment'], args: ['id', 'attachment'] },
    ofTool: TOOL,
    async handler(context, { id, attachment }) {
      const { stream } = await open(context, id, attachment);
      // An agent that reads slowly does not hold up the other work of its account.
      return context.principal.kind === 'key' ? stream : context.rooms.holdStream(stream);
    },
  }),
  defineOperation({
    name: 'attachment.read',
    summary: 'Read the text of an attachment in pieces (PDF, office documents, tables, plain text and more).',
    input: z.strictObject({
      ...place,
      as: z
        .enum(['text', 'base64'])
        .default('text')
        .describe(`text: in pieces, whatever the type. base64: the bytes of a small file.`),
      from: z.coerce.number().int().min(0).default(0).describe('The number of the first piece, from 0.'),
      limit: z.coerce.number().int().min(1).max(MOST_PIECES).default(20),
    }),
    output: z.object({
      filename: z.string(),
      /** As found by content; where the bytes are given, as the mail says. */
      content_type: z.string(),
      size: z.number().int(),
      content_base64: z.string().nullable(),
      data: z.array(z.object({ number: z.number().int(), source: passageSource, text: z.string() })),
      /** Of all pieces. */
      chunks: z.number().int(),
      /** What was left out or could not be read. */
      notes: z.array(z.string()),
    }),
    permission: 'messages:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/messages/{id}/attachments/{attachment}/text' },
    cli: {
      words: ['message', 'attachment-text'],
      args: ['id', 'attachment'],
      columns: ['number', 'source.page', 'text'],
    },
    tool: {
      name: TOOL,
      title: 'Read an attachment',
      description:
        'Read the text of an attachment in pieces: `from` and `limit` name them, `chunks` says how many there are. With ' +
        'as: base64 you get the bytes of a small file. `id` is the message, `attachment` the id that it lists.',
    },
    async handler(context, { id, attachment, as, from, limit }) {
      const { file, stream } = await open(context, id, attachment);
      const { filename } = file;
      if (as === 'base64') {
        const bytes = await buffer(bounded(stream, LARGEST_INLINE_BYTES));
        const base = { filename, content_type: file.content_type, size: bytes.length };
        return { ...base, content_base64: bytes.toString('base64'), data: [], chunks: 0, notes: [] };
      }
      const { type, chunks, notes } = await context.rooms.readAttachment(file, stream, context.signal);
      return {
        ...{ filename, content_type: type, size: file.size, content_base64: null, notes: [...notes] },
        data: chunks.slice(from, from + limit).map((chunk, at) => ({ number: from + at, ...chunk })),
        chunks: chunks.length,
      };
    },
  }),
];

/** @throws PosternError `attachment_too_large` */
async function* bounded(bytes: AsyncIterable<Buffer>, limit: number): AsyncGenerator<Buffer> {
  let room = limit;
  for await (const piece of bytes) {
    room -= piece.length;
    if (room < 0)
      throw new PosternError('attachment_too_large', `The attachment has more than ${limit} bytes.`, {
        hint: 'Read it as text, or get its bytes over REST.',
      });
    yield piece;
  }
}
