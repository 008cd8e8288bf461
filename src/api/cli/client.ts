// The command line's side of the REST door: one call of an operation at a running gateway.
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { type LiveEvent, liveEvent } from '../../contracts/live-event.ts';
import type { Problem } from '../../contracts/page.ts';
import { PosternError } from '../../kernel/errors.ts';
import { type Operation, pathFields } from '../registry.ts';
import type { CliSettings } from './io.ts';

const ANSWER_WITHIN_MS = 150_000; // longer than the gateway waits for a mail server

export class GatewayClient {
  readonly #settings: CliSettings;

  constructor(settings: CliSettings) {
    this.#settings = settings;
  }

  /**
   * The answer: JSON, or bytes, or undefined where there is nothing to say. With `bytes`, they are the body as the
   * operation's own media type, and the fields go into the query.
   * @throws PosternError `gateway_away`, `token_missing`, and whatever the gateway refuses with
   */
  async call(
    operation: Operation,
    input: Record<string, unknown>,
    bytes?: Buffer | Readable,
  ): Promise<unknown> {
    const { method, answers, rawBody } = operation.http;
    const { path, rest } = filledPath(operation, input);
    const hasBody = bytes === undefined && (method === 'POST' || method === 'PATCH');
    const query = hasBody || Object.keys(rest).length === 0 ? '' : `?${queryOf(rest)}`;
    const response = await this.#fetch(path + query, {
      method,
      headers: {
        Authorization: `Bearer ${await tokenFrom(this.#settings)}`,
        ...(hasBody ? { 'Content-Type': 'application/json' } : {}),
        ...(bytes && rawBody ? { 'Content-Type': rawBody.type } : {}),
        ...(operation.idempotent ? { 'Idempotency-Key': randomUUID() } : {}),
      },
      ...(hasBody ? { body: JSON.stringify(rest) } : {}),
      ...(Buffer.isBuffer(bytes) ? { body: new Uint8Array(bytes) } : {}),
      ...(bytes instanceof Readable
        ? { body: Readable.toWeb(bytes) as ReadableStream, duplex: 'half' as const }
        : {}),
    });
    if (!response.ok) throw await refusal(response);
    if (response.status === 204) return undefined;
    return answers === undefined ? response.json() : Buffer.from(await response.arrayBuffer());
  }

  /**
   * Live events; the first item is null, once the stream is open. Ends when the signal says so, or the gateway ends.
   * @throws PosternError as `call`
   */
  async *events(signal: AbortSignal): AsyncGenerator<LiveEvent | null> {
    const headers = { Authorization: `Bearer ${await tokenFrom(this.#settings)}` };
    try {
      const response = await this.#fetch('/v1/events', { headers }, signal);
      if (!response.ok || !response.body) throw await refusal(response);
      yield null;
      let text = '';
      for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
          const data = /^data: ?(.*)$/m.exec(text.slice(0, end))?.[1];
          text = text.slice(end + 2);
          if (data) yield liveEvent.parse(JSON.parse(data));
        }
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** The lines of a stream, as they come. @throws PosternError as `call` */
  async *lines(path: string): AsyncGenerator<string> {
    const headers = { Authorization: `Bearer ${await tokenFrom(this.#settings)}` };
    const response = await this.#fetch(path, { headers }, new AbortController().signal);
    if (!response.ok || !response.body) throw await refusal(response);
    let pieces: string[] = []; // of a line: one with attachments comes in thousands of them
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      const [rest = '', ...lines] = chunk.split('\n');
      pieces.push(rest);
      for (const begun of lines) {
        yield pieces.join('');
        pieces = [begun];
      }
    }
  }

  async #fetch(path: string, init: RequestInit, until?: AbortSignal): Promise<Response> {
    const { url } = this.#settings;
    try {
      // A redirect would carry the token to another place.
      const signal = until ?? AbortSignal.timeout(ANSWER_WITHIN_MS);
      return await fetch(`${url}${path}`, { ...init, redirect: 'error', signal });
    } catch (error) {
      if (error instanceof Error && error.name === 'TimeoutError') {
        throw new PosternError('gateway_away', `The gateway at ${url} took too long to answer.`);
      }
      throw new PosternError('gateway_away', `No gateway answers at ${url}.`, {
        hint: 'Start one with `postern start`, or set POSTERN_URL to where it runs.',
        cause: error,
      });
    }
  }
}

/** @throws PosternError `token_missing` */
export async function tokenFrom({ adminToken, tokenFile }: CliSettings): Promise<string> {
  if (adminToken !== null) return adminToken;
  try {
    return (await readFile(tokenFile, 'utf8')).trim();
  } catch {
    throw new PosternError('token_missing', `There is no admin token: ${tokenFile} cannot be read.`, {
      hint:
        'The gateway makes that file at its first start (`postern start`). ' +
        'Run this in the same folder or with the same POSTERN_DATA, or set POSTERN_ADMIN_TOKEN.',
    });
  }
}

async function refusal(response: Response): Promise<PosternError> {
  const text = await response.text();
  try {
    const { code, detail, hint, errors } = JSON.parse(text) as Problem;
    if (typeof code === 'string' && typeof detail === 'string') {
      const options = { details: { errors: errors ?? [], status: response.status } };
      return new PosternError(code, detail, hint === undefined ? options : { ...options, hint });
    }
  } catch {
    // Not ours: said below.
  }
  return new PosternError(
    'gateway_strange',
    `What answers there is no Postern (status ${response.status}).`,
    {
      hint: 'Check POSTERN_URL.',
    },
  );
}

function filledPath(operation: Operation, input: Record<string, unknown>) {
  const rest = { ...input };
  let path = operation.http.path;
  for (const name of pathFields(path)) {
    path = path.replace(`{${name}}`, encodeURIComponent(String(rest[name])));
    delete rest[name];
  }
  return { path, rest };
}

function queryOf(fields: Record<string, unknown>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    for (const item of Array.isArray(value) ? value : [value]) query.append(name, String(item));
  }
  return query.toString();
}
