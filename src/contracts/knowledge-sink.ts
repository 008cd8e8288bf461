// Where documents go that a rule takes in: the sinks of a rules file, and what a request to a knowledge base may name.
import { z } from 'zod';
import { byteCount, duration, requestHeaders, signingSecret } from './endpoint.ts';

/** The full-text index of the gateway itself: a sink that is always there. */
export const LOCAL_SINK = 'local';

/** What `{{…}}` may name in the body of a request, for the whole document and for one chunk of it. */
export const sinkFields = [
  'id',
  'sha256',
  'sha1',
  'md5',
  'size',
  'type',
  'filename',
  'title',
  'text',
  'chunks',
  'content_base64',
  'number',
  'count',
  'source',
  'from',
  'to',
  'subject',
  'date',
  'message_id',
  'thread_id',
  'account',
] as const;
export type SinkField = (typeof sinkFields)[number];

/** What `{{…}}` may name in a URL: nothing that a mail can choose. */
export const urlFields = ['id', 'sha256', 'number'] as const;

/** Reaches most knowledge bases that take a JSON document; the others are told what to expect by `body`. */
export const DEFAULT_SINK_BODY = {
  id: '{{id}}',
  title: '{{title}}',
  text: '{{text}}',
  metadata: {
    filename: '{{filename}}',
    type: '{{type}}',
    sha256: '{{sha256}}',
    from: '{{from}}',
    subject: '{{subject}}',
    date: '{{date}}',
    account: '{{account}}',
  },
};

const httpEndpoint = z.strictObject({
  url: z.url({ protocol: /^https?$/, error: 'write a URL such as https://kb.example/documents' }),
  /** A Standard Webhooks secret (`whsec_…`): requests are signed with it; a list while it is changed. */
  secret_ref: signingSecret.optional(),
  headers: requestHeaders.optional(),
  /** JSON in which texts may name fields: `"{{text}}"` is the field itself, `"From {{from}}"` a text with it inside. */
  body: z.json().default(DEFAULT_SINK_BODY),
  /** One request for the whole document, or one for each chunk of its text. */
  each: z.enum(['document', 'chunk']).default('document'),
  /** How long one request may take. */
  timeout: duration.default('60s'),
  /** How often it is tried before it is a dead letter. */
  attempts: z.number().int().min(1).max(10).default(10),
  /** How many documents are on their way to it at once. */
  concurrency: z.number().int().min(1).max(16).default(2),
  /** Allows http, loopback and private addresses for this sink. */
  allow_private: z.boolean().default(false),
});
export type HttpSink = z.infer<typeof httpEndpoint>;
export const httpSinkWords: readonly string[] = Object.keys(httpEndpoint.shape);

/** `http`: a knowledge base. `folder`: a folder that gets the documents as they are. */
export const knowledgeSink = z.union([
  z.strictObject({ http: httpEndpoint }),
  z.strictObject({ folder: z.string().min(1).max(1000) }),
]);
export type KnowledgeSink = z.infer<typeof knowledgeSink>;
export const sinkWords: readonly string[] = ['http', 'folder'];

const sinkName = z.string().min(1).max(63);

/** What `ingest` takes of a mail, and where it goes. */
export const ingestOptions = z
  .strictObject({
    attachments: z.boolean().default(true),
    /** The mail itself: its head and text, and as it lies on the server. */
    message: z.boolean().default(false),
    to: z.array(sinkName).min(1).max(20).default([LOCAL_SINK]),
    /** A larger document is not taken, and shown as failed. */
    max_size: byteCount.default('100MB'),
  })
  .refine(({ attachments, message }) => attachments || message, {
    message: 'takes nothing: set `attachments` or `message` to true',
  });
export const ingestWords: readonly string[] = ['attachments', 'message', 'to', 'max_size'];
