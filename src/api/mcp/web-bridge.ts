// Between Node's requests and the web-standard ones that the MCP library speaks. A body is read here, within its bound; an
// answer goes out as it comes, and as fast as the client takes it.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { PosternError } from '../../kernel/errors.ts';

/** Of the request's headers, those that mean something to the protocol; the token is not one. */
const HEADERS = ['accept', 'content-type', 'last-event-id'];
const PROTOCOL_HEADERS = /^mcp-[a-z0-9-]{1,100}$/;

/** The library looks at method and headers alone: there is one place, and the body was read. */
export function webRequest(req: IncomingMessage, signal: AbortSignal): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(req.headers)) {
    if (value !== undefined && (HEADERS.includes(name) || PROTOCOL_HEADERS.test(name)))
      headers.set(name, String(value));
  }
  return new Request('http://gateway/mcp', { method: req.method ?? 'GET', headers, signal });
}

/**
 * The whole body as text. Whoever sends slowly is cut off by the server's own deadline.
 * @throws PosternError `body_too_large`, `body_invalid`, `media_type_unsupported`
 */
export async function bodyOf(req: IncomingMessage, limitBytes: number): Promise<string> {
  if ((req.headers['content-encoding'] ?? 'identity') !== 'identity')
    throw new PosternError('media_type_unsupported', 'A compressed body is not taken here.');
  const tooLarge = new PosternError('body_too_large', `The body is larger than ${limitBytes} bytes.`, {
    hint: 'Files go to POST /v1/objects; a call names them by their id.',
  });
  if (Number(req.headers['content-length'] ?? 0) > limitBytes) throw tooLarge;
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    // Not destroyed by who stops reading: the answer that says why goes over the same connection.
    for await (const chunk of req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > limitBytes) throw tooLarge;
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof PosternError) throw error;
    throw new PosternError('body_invalid', 'The body ended before it was whole.', { cause: error });
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Sends an answer, and cancels its stream when the client goes away. */
export async function sendWeb(res: ServerResponse, response: Response): Promise<void> {
  res.statusCode = response.status;
  for (const [name, value] of response.headers) res.setHeader(name, value);
  if (response.body === null) {
    res.end();
    return;
  }
  res.flushHeaders(); // of a stream that says nothing yet, too
  // What breaks now can only be told by the end of the connection: the status is out.
  await pipeline(Readable.fromWeb(response.body), res).catch(() => res.destroy());
}
