// The way of a model's library to its server: our own requests, which look at every address before they connect. The key
// is put in here and nowhere before, so that no error or record of the library can hold it.
import type { Lookup } from '../../network/public-address.ts';
import { ask } from '../../network/request.ts';

const LARGEST_ANSWER_BYTES = 8 * 1024 * 1024; // a step's text and calls; a million tokens are half of it

export interface ModelEgress {
  /** The headers that hold the key: sent to the server that the operator named alone. */
  credentials: Readonly<Record<string, string>>;
  allowPrivate: boolean;
  timeoutMs: number;
  signal: AbortSignal;
  lookup?: Lookup | undefined;
}

/** Those that say whose the request is are ours; what the library would say of its own versions is nobody's business. */
const NOT_PASSED_ON = new Set(['authorization', 'x-api-key', 'user-agent', 'content-length', 'host']);

/**
 * A `fetch` for one step. The answer is whole before it is read, also where it comes in pieces: nobody reads along, and
 * one that is cut off or too large is known before anything of it is done.
 * @throws PosternError as `ask` does
 */
export function egressFetch(egress: ModelEgress): typeof globalThis.fetch {
  return async (input, init) => {
    const headers: Record<string, string> = { 'user-agent': 'Postern' };
    for (const [name, value] of new Headers(init?.headers))
      if (!NOT_PASSED_ON.has(name.toLowerCase())) headers[name.toLowerCase()] = value;
    const response = await ask({
      url: String(input),
      headers,
      ownHeaders: egress.credentials,
      body: String(init?.body ?? ''),
      ownBody: true, // mail goes to the server that the operator named, and not to where that points
      allowPrivate: egress.allowPrivate,
      lookup: egress.lookup,
      timeoutMs: egress.timeoutMs,
      largestAnswerBytes: LARGEST_ANSWER_BYTES,
      signal: egress.signal,
    });
    return new Response(bodyOf(response), {
      status: statusOf(response.status),
      headers: kept(response.headers),
    });
  };
}

const NO_BODY = new Set([204, 205, 304]);

const bodyOf = ({ status, body }: { status: number; body: string }): string | null =>
  NO_BODY.has(status) ? null : body;

/** What `Response` cannot hold is no answer of a model. */
const statusOf = (status: number): number => (status >= 200 && status <= 599 ? status : 502);

function kept(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const { 'content-type': type = 'application/json', 'retry-after': wish } = headers;
  return {
    'content-type': String(type),
    ...(wish === undefined ? {} : { 'retry-after': String(wish) }),
  };
}
