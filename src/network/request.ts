// Requests to addresses that an operator named, kept away from the inside of the network: every address that a name
// resolves to is checked at the moment of connecting, so that no answer of a name server can lead it astray.
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { PosternError } from '../kernel/errors.ts';
import { Gathered } from '../kernel/gathered.ts';
import { isAddress, isPublicAddress, type Lookup, privateLookup, publicLookup } from './public-address.ts';

const MOST_REDIRECTS = 3;
const LARGEST_ANSWER_BYTES = 64 * 1024 * 1024;
/** Of an answer whose status is all that counts. */
const LARGEST_UNREAD_BYTES = 64 * 1024;
const LONGEST_LEAVE_MS = 5_000;

export interface EgressRequest {
  url: string;
  headers: Readonly<Record<string, string>>;
  /** Signatures and credentials: sent to the origin of `url` alone, never to where it redirects. */
  ownHeaders?: Readonly<Record<string, string>>;
  /** What is POSTed; a GET where absent. */
  body?: string | EgressBody | undefined;
  /** The body holds a secret: a redirect to another origin is refused. */
  ownBody?: boolean;
  /** Allows http, loopback and private addresses at the host of `url`; a redirect to another host gets no such right. */
  allowPrivate: boolean;
  lookup?: Lookup | undefined;
  /** PEM: an authority to trust instead of the system's. */
  ca?: string;
  timeoutMs: number;
  /** A larger answer is refused. */
  largestAnswerBytes?: number;
  /** The status is all that is asked for: the body of the answer is not kept, and is empty. */
  statusOnly?: boolean;
  signal: AbortSignal;
}

/** A body that is not held in memory. */
export interface EgressBody {
  bytes: number;
  /** From its beginning, once for each request. A piece need be there only until the next is asked for. */
  open(): AsyncIterable<Uint8Array>;
}

export interface EgressResponse {
  status: number;
  headers: IncomingMessage['headers'];
  body: string;
}

/**
 * POSTs `body`, or GETs without one, and follows up to three redirects: with the same method and body, since a POST that
 * turned into a GET would look answered and have delivered nothing; only 303 asks for that GET (RFC 9110 §15.4.4).
 * @throws PosternError `egress_refused` for addresses that are not allowed, `unreachable`, `timeout`, `answer_invalid`
 */
export async function ask(request: EgressRequest): Promise<EgressResponse> {
  const deadline = deadlineOf(request);
  try {
    return await follow(request, deadline.signal);
  } finally {
    deadline.clear();
  }
}

async function follow(request: EgressRequest, deadline: AbortSignal): Promise<EgressResponse> {
  const first = checkedUrl(request.url, request.allowPrivate);
  let url = first;
  let { body } = request;
  for (let redirects = 0; ; redirects++) {
    const allowPrivate = request.allowPrivate && url.hostname === first.hostname;
    const headers = { ...request.headers, ...(url.origin === first.origin ? request.ownHeaders : {}) };
    const response = await send(url, { ...request, headers, body, allowPrivate }, deadline);
    const location = response.headers.location;
    if (response.status < 300 || response.status >= 400 || location === undefined) return response;
    if (redirects >= MOST_REDIRECTS) throw redirectRefused(first, `more than ${MOST_REDIRECTS} times`);
    url = redirected(url, location, first, request.allowPrivate);
    if (request.ownBody && url.origin !== first.origin) throw redirectRefused(first, 'to another origin');
    if (response.status === 303) body = undefined;
  }
}

/**
 * Where a redirect leads.
 * @param first the address that the operator named
 * @throws PosternError `egress_refused`
 */
export function redirected(from: URL, location: string, first: URL, allowPrivate: boolean): URL {
  if (!URL.canParse(location, from.href)) throw redirectRefused(first, 'to what is no address');
  const next = new URL(location, from);
  if (from.protocol === 'https:' && next.protocol !== 'https:')
    throw redirectRefused(first, 'to an unencrypted address');
  return checkedUrl(next.href, allowPrivate && next.hostname === first.hostname);
}

const redirectRefused = (first: URL, why: string): PosternError =>
  new PosternError('egress_refused', `${first.origin} redirects ${why}.`);

/** Ends at the time limit, or with the caller's signal. Held by its timer: a signal nobody holds may never fire. */
function deadlineOf({ signal, timeoutMs }: EgressRequest): { signal: AbortSignal; clear(): void } {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  const timer = setTimeout(abort, timeoutMs);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  return {
    signal: controller.signal,
    clear: () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    },
  };
}

/** @throws PosternError `egress_refused` */
export function checkedUrl(text: string, allowPrivate: boolean): URL {
  if (!URL.canParse(text)) throw new PosternError('egress_refused', 'The address of the endpoint is none.');
  const url = new URL(text);
  const refuse = (why: string): PosternError =>
    new PosternError('egress_refused', `${url.origin} is not allowed: ${why}.`, {
      hint: 'An endpoint inside your network needs allow_private: true.',
    });
  if (url.username !== '' || url.password !== '')
    throw refuse('an address must not hold a user name or a password');
  if (url.protocol !== 'https:' && !(allowPrivate && url.protocol === 'http:'))
    throw refuse('it is not https');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (!allowPrivate && isAddress(host) && !isPublicAddress(host))
    throw refuse('the address is inside a network');
  return url;
}

function send(url: URL, request: EgressRequest, signal: AbortSignal): Promise<EgressResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<EgressResponse>();
  const fail = (error: Error): void => reject(asFailure(error, url, request, signal));
  const open = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const { body } = request;
  const largest = request.largestAnswerBytes ?? LARGEST_ANSWER_BYTES;
  const outgoing = open(
    url,
    {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        ...request.headers,
        ...(body === undefined ? {} : { 'content-length': String(lengthOf(body)) }),
      },
      lookup: (request.allowPrivate ? privateLookup : publicLookup)(request.lookup),
      ...(request.ca === undefined ? {} : { ca: request.ca }),
      signal,
      agent: false, // a connection of its own: what one endpoint does to it touches no other
    },
    (incoming) => {
      if (request.statusOnly) {
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: '' });
        leave(incoming);
        return;
      }
      const answer = new Gathered();
      incoming.on('data', (chunk: Buffer) => {
        if (answer.size + chunk.length > largest)
          incoming.destroy(
            new PosternError('answer_invalid', `${url.origin} answered with more than ${largest} bytes.`),
          );
        else answer.add(chunk);
      });
      incoming.on('end', () =>
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          body: answer.text(),
        }),
      );
      incoming.on('error', fail);
      incoming.on('close', () => fail(new Error('the connection ended in the middle of the answer')));
    },
  );
  outgoing.on('error', fail);
  if (body === undefined || typeof body === 'string') outgoing.end(body);
  else
    sendPieces(body, outgoing).catch((error: Error) => {
      fail(error);
      outgoing.destroy();
    });
  return promise;
}

async function sendPieces(body: EgressBody, outgoing: ClientRequest): Promise<void> {
  for await (const piece of body.open()) await written(outgoing, piece);
  outgoing.end();
}

/** Until the piece has left this process. */
function written(outgoing: ClientRequest, piece: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => reject(new Error('the connection ended in the middle of the request'));
    outgoing.once('close', onClose);
    outgoing.write(piece, (error) => {
      outgoing.off('close', onClose);
      if (error) reject(error);
      else resolve();
    });
  });
}

/** Hears the other side out for a moment: some programs stop working when who asked hangs up on them. */
function leave(incoming: IncomingMessage): void {
  let left = LARGEST_UNREAD_BYTES;
  const timer = setTimeout(() => incoming.destroy(), LONGEST_LEAVE_MS);
  incoming.on('error', () => undefined);
  incoming.on('close', () => clearTimeout(timer));
  incoming.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) incoming.destroy();
  });
}

const lengthOf = (body: string | EgressBody): number =>
  typeof body === 'string' ? Buffer.byteLength(body) : body.bytes;

function asFailure(error: Error, url: URL, request: EgressRequest, deadline: AbortSignal): PosternError {
  if (error instanceof PosternError) return error;
  if (request.signal.aborted)
    return new PosternError('stopping', 'The request was interrupted because Postern stops.', {
      retry: 'later',
    });
  if (deadline.aborted) {
    return new PosternError('timeout', `${url.origin} did not answer within ${request.timeoutMs} ms.`, {
      retry: 'later',
      cause: error,
    });
  }
  return new PosternError('unreachable', `${url.origin} cannot be reached: ${error.message}`, {
    retry: 'later',
    cause: error,
  });
}
