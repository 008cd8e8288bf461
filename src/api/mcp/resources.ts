// What can be read besides by tools: messages, threads and attachments, each by a URI of its own. What a list says of them
// was written by the gateway: a subject is a stranger's text, and some clients put lists before their model.
import {
  type McpServer,
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
  ResourceTemplate,
  type ServerContext,
} from '@modelcontextprotocol/server';
import type { MessageDetail, MessageView } from '../../contracts/mail.ts';
import { PosternError } from '../../kernel/errors.ts';
import { invoke } from '../invoke.ts';
import { callerOf } from './caller.ts';
import type { McpParts } from './parts.ts';
import { foreseen } from './results.ts';
import { toolsOf } from './tools.ts';

const LISTED = 50; // the newest; whatever is older is found by search
const LARGEST_BLOB_BYTES = 5 * 1024 * 1024; // in base64 within JSON: larger ones are downloaded over REST
const LIST = 'message.list';
const HIDDEN = ['not_found', 'forbidden'];
const JSON_TYPE = 'application/json';

export const messageUri = (id: string): string => `postern://messages/${id}`;
export const threadUri = (id: string): string => `postern://threads/${id}`;

/** Calls an operation for the caller of this request. @throws PosternError as the operation does */
export async function read<T>(
  { rooms, operations }: McpParts,
  context: ServerContext,
  name: string,
  input: Record<string, unknown>,
): Promise<T> {
  const operation = operations.find((one) => one.name === name);
  if (!operation) throw new PosternError('not_found', `There is no ${name}.`);
  const caller = callerOf(context);
  return (await invoke(operation, { ...caller, rooms, signal: context.mcpReq.signal }, input)) as T;
}

export function registerResources(server: McpServer, parts: McpParts): void {
  const json = async (href: string, context: ServerContext, name: string, input: Record<string, unknown>) => {
    const text = JSON.stringify(await found(href, context, parts, read(parts, context, name, input)));
    return { contents: [{ uri: href, mimeType: JSON_TYPE, text }] };
  };
  server.registerResource(
    'message',
    new ResourceTemplate('postern://messages/{id}', { list: (context) => newest(parts, context) }),
    {
      title: 'Message',
      description: 'A message with its headers, text and attachments.',
      mimeType: JSON_TYPE,
    },
    ({ href }, { id }, context) => json(href, context, 'message.get', { id: String(id) }),
  );
  server.registerResource(
    'thread',
    new ResourceTemplate('postern://threads/{id}', { list: undefined }),
    {
      title: 'Conversation',
      description: 'The messages of a conversation, the oldest first.',
      mimeType: JSON_TYPE,
    },
    ({ href }, { id }, context) => json(href, context, 'thread.get', { id: String(id) }),
  );
  server.registerResource(
    'attachment',
    new ResourceTemplate('postern://messages/{id}/attachments/{attachment}', { list: undefined }),
    {
      title: 'Attachment',
      description: 'The bytes of an attachment of at most 5 MB, by the id that its message lists.',
    },
    ({ href }, { id, attachment }, context) =>
      found(href, context, parts, blob(parts, context, href, String(id), String(attachment))),
  );
}

async function newest(parts: McpParts, context: ServerContext) {
  // Asked for by clients by themselves: what the agent may not do is then no refusal of anything that it tried.
  if (!toolsOf(parts, callerOf(context)).some(({ operation }) => operation.name === LIST))
    return { resources: [] };
  const messages = await read<{ data: MessageView[] }>(parts, context, LIST, { limit: LISTED }).catch(
    (error: unknown) => {
      throw protocolError(error, context, parts);
    },
  );
  const resources = messages.data.map(({ id, date, thread_id }) => ({
    uri: messageUri(id),
    name: id,
    description: `Of ${date}, in ${thread_id}.`,
    mimeType: JSON_TYPE,
  }));
  return { resources };
}

async function blob(parts: McpParts, context: ServerContext, uri: string, id: string, attachment: string) {
  const { attachments } = await read<MessageDetail>(parts, context, 'message.get', { id });
  const mimeType = attachments.find((one) => one.id === attachment)?.content_type;
  const input = { id, attachment };
  const bytes = await read<AsyncIterable<Buffer>>(parts, context, 'attachment.download', input);
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of bytes) {
    length += chunk.length;
    if (length > LARGEST_BLOB_BYTES)
      throw new PosternError('attachment_too_large', `It has more than ${LARGEST_BLOB_BYTES} bytes.`, {
        hint: 'Read its text with get_attachment, or get its bytes over REST.',
      });
    chunks.push(chunk);
  }
  const contents = { uri, blob: Buffer.concat(chunks).toString('base64') };
  return { contents: [{ ...contents, ...(mimeType === undefined ? {} : { mimeType }) }] };
}

/** What the caller may not read is not there. */
async function found<T>(
  uri: string,
  context: ServerContext,
  parts: McpParts,
  reading: Promise<T>,
): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof PosternError && HIDDEN.includes(error.code)) throw new ResourceNotFoundError(uri);
    throw protocolError(error, context, parts);
  }
}

/** What a read or a prompt fails with: these have no result that could say so. */
export function protocolError(thrown: unknown, context: ServerContext, { log }: McpParts): ProtocolError {
  const error = foreseen(thrown, callerOf(context).requestId, log);
  const said = error.hint === undefined ? error.message : `${error.message} ${error.hint}`;
  const kind = error.retry === 'never' ? ProtocolErrorCode.InvalidParams : ProtocolErrorCode.InternalError;
  return new ProtocolError(kind, said, { code: error.code });
}
