// The REST door: a route for every operation of the registry. The order is: who, may they, body, input, once, do.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import express, {
  type Express,
  type Request,
  type RequestHandler,
  type Response,
  type Router,
} from 'express';
import { z } from 'zod';
import { PosternError } from '../../kernel/errors.ts';
import { LARGEST_OBJECT_BYTES, objectTooLarge } from '../../objects/uploads.ts';
import { identityOf, type Principal } from '../access.ts';
import { admit, hear, perform } from '../invoke.ts';
import { type Operation, pathFields, type Upload } from '../registry.ts';
import type { Rooms } from '../rooms.ts';
import { formFile } from './form-file.ts';
import type { Answer, IdempotencyKeys } from './idempotency.ts';
import { rawBody } from './raw-body.ts';
import type { SignIn } from './sign-in.ts';

const BODY_BYTES = 1024 * 1024; // words: the longest text of a draft is a million characters
const RAW_BODY_BYTES = 64 * 1024 * 1024; // the largest mail that the parser reads
// Where bytes can come as they are, JSON is for small mails: reading 48 MB of JSON holds up everybody else.
const JSON_BESIDE_RAW_BYTES = 6 * 1024 * 1024;
const LARGE_BODY_BYTES = 48 * 1024 * 1024; // 26,214,400 octets of files in base64, a text and an HTML of a draft

const FORM_SPARE_BYTES = 64 * 1024; // what a form has around its file

export interface RouterParts {
  rooms: Rooms;
  signIn: SignIn;
  keys: IdempotencyKeys;
}

/**
 * Adds a route for each operation, and 405 with `Allow` for the other methods of their paths. Each noun has a router of
 * its own: Express tries its routes one by one, and there are hundreds.
 */
export function addRoutes(app: Express, operations: readonly Operation[], parts: RouterParts): void {
  const routers = new Map<string, Router>();
  const routerOf = (path: string): Router => {
    const known = routers.get(nounOf(path));
    if (known) return known;
    const router = express.Router({ caseSensitive: true });
    routers.set(nounOf(path), router);
    return router;
  };
  const methods = new Map<string, Set<string>>();
  for (const operation of operations) {
    const { method, path } = operation.http;
    const route = path.replace(/\{(\w+)\}/g, ':$1');
    const verb = method.toLowerCase() as 'get' | 'post' | 'put' | 'patch' | 'delete';
    routerOf(route)[verb](
      route,
      authorised(operation, parts),
      ...bodyOf(operation),
      answering(operation, parts),
    );
    methods.set(route, (methods.get(route) ?? new Set()).add(method));
  }
  for (const [route, allowed] of methods) routerOf(route).all(route, onlyMethods([...allowed]));
  app.use((req, res, next) => {
    const router = routers.get(nounOf(req.path));
    if (router) router(req, res, next);
    else next();
  });
}

/** `/v1/accounts` of `/v1/accounts/:id`. */
const nounOf = (path: string): string => path.split('/', 3).join('/');

export function onlyMethods(allowed: readonly string[]): RequestHandler {
  const list = [...allowed, ...(allowed.includes('GET') ? ['HEAD'] : [])].sort().join(', ');
  return (req, res) => {
    res.set('Allow', list);
    throw new PosternError('method_not_allowed', `${req.method} is not possible here.`, {
      hint: `Possible: ${list}.`,
    });
  };
}

/** Before the body is read: nobody unknown makes us read 48 MB. */
function authorised(operation: Operation, { signIn, rooms }: RouterParts): RequestHandler {
  return async (req, res, next) => {
    const principal = await signIn(req);
    res.locals.principal = principal;
    await admit(operation, { principal, rooms });
    next();
  };
}

function bodyOf({ http }: Operation): RequestHandler[] {
  if (http.method === 'GET' || http.method === 'DELETE' || http.rawBody?.streams) return [];
  const takesBytes = http.rawBody && http.rawBody.field === undefined;
  const large = takesBytes ? JSON_BESIDE_RAW_BYTES : LARGE_BODY_BYTES;
  const limit = http.largeBody ? large : BODY_BYTES;
  const json = ['application/json', 'application/*+json'];
  const readers: RequestHandler[] = [express.json({ limit, type: json, strict: false, inflate: false })];
  if (http.rawBody && takesBytes) readers.push(rawBody(http.rawBody.type, RAW_BODY_BYTES));
  else if (http.rawBody) readers.push(express.raw({ limit, type: http.rawBody.type, inflate: false }));
  const taken = [...json, ...(http.rawBody ? [http.rawBody.type] : [])];
  const onlyTypes: RequestHandler = (req, _res, next) => {
    // `is` says null where there is no body at all, which is the same as an empty object.
    if (hasBody(req) && !req.is(taken)) {
      throw new PosternError('media_type_unsupported', 'The body has a media type that is not taken here.', {
        hint: `Send ${['application/json', ...(http.rawBody ? [http.rawBody.type] : [])].join(' or ')}.`,
      });
    }
    next();
  };
  return [onlyTypes, ...readers];
}

const hasBody = (req: Request): boolean =>
  req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;

function answering(operation: Operation, { rooms, keys }: RouterParts): RequestHandler {
  return async (req, res) => {
    const principal = res.locals.principal as Principal;
    const input = await hear(operation, { principal, rooms }, inputOf(operation, req));
    const context = {
      principal,
      rooms,
      signal: signalOf(res),
      requestId: String(res.locals.requestId),
      ...(operation.http.rawBody?.streams ? { upload: await uploadOf(req) } : {}),
      ...(takesBody(operation, req) ? { body: req.body as Buffer } : {}),
    };
    const work = async (): Promise<Answer> => ({
      status: operation.http.status ?? 200,
      body: await perform(operation, context, input),
    });
    const key = operation.idempotent ? req.get('Idempotency-Key') : undefined;
    if (key === undefined) {
      await send(res, operation, await work());
      return;
    }
    const body = context.body && createHash('sha256').update(context.body).digest('hex');
    const said = body === undefined ? input : { input, body };
    const request = { key, principal: identityOf(principal), operation: operation.name, input: said };
    const { replayed, ...answer } = await keys.once(request, work);
    if (replayed) res.set('Idempotency-Replayed', 'true');
    await send(res, operation, answer);
  };
}

/** The fields of path, query and body as one object. @throws PosternError `invalid_input`, `body_invalid` */
function inputOf(operation: Operation, req: Request): Record<string, unknown> {
  const { http } = operation;
  const query = { ...(req.query as Record<string, unknown>) };
  let fields = query;
  if (!http.rawBody?.streams && (http.method === 'POST' || http.method === 'PATCH')) {
    const isRaw = Buffer.isBuffer(req.body);
    if (!isRaw && Object.keys(query).length > 0) {
      throw new PosternError('invalid_input', 'This takes its fields in the body, not in the query.');
    }
    const field = http.rawBody?.field;
    const body: unknown = isRaw
      ? field === undefined
        ? typedQuery(operation, query)
        : rawField(field, req.body)
      : req.body === undefined
        ? {}
        : req.body;
    if (typeof body !== 'object' || body === null || Array.isArray(body)) {
      throw new PosternError('body_invalid', 'The body must be a JSON object.');
    }
    fields = { ...query, ...body };
  }
  for (const name of pathFields(http.path)) {
    const value = req.params[name];
    if (fields[name] !== undefined && fields[name] !== value) {
      throw new PosternError('invalid_input', `The ${name} is given in the path, and differently elsewhere.`);
    }
    fields[name] = value;
  }
  return fields;
}

/** The body of a request as it comes, which is not read before it is asked for. @throws PosternError `media_type_unsupported`, `object_too_large` */
async function uploadOf(req: Request): Promise<Upload> {
  if ((req.headers['content-encoding'] ?? 'identity') !== 'identity')
    throw new PosternError('media_type_unsupported', 'A compressed body is not taken here.');
  if (Number(req.headers['content-length'] ?? 0) > LARGEST_OBJECT_BYTES + FORM_SPARE_BYTES)
    throw objectTooLarge();
  if (req.is('multipart/form-data')) return formFile(req);
  // Not destroyed by who stops reading: the answer that says why goes over the same connection.
  const bytes = req.iterator({ destroyOnReturn: false });
  return { bytes, contentType: req.headers['content-type'] ?? '' };
}

const rawField = (field: string, bytes: Buffer): Record<string, string> => ({
  [field]: bytes.toString('base64'),
});

const takesBody = ({ http }: Operation, req: Request): boolean =>
  Buffer.isBuffer(req.body) && http.rawBody !== undefined && http.rawBody.field === undefined;

/** Words of a query as the input's own types where it has lists and booleans; numbers are coerced by the schema. */
function typedQuery(operation: Operation, query: Record<string, unknown>): Record<string, unknown> {
  const { properties } = z.toJSONSchema(operation.input, { io: 'input', unrepresentable: 'any' });
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => {
      const schema = properties?.[name];
      const type = typeof schema === 'object' ? schema.type : undefined;
      if (type === 'array' && typeof value === 'string') return [name, [value]];
      if (type === 'boolean' && (value === 'true' || value === 'false')) return [name, value === 'true'];
      return [name, value];
    }),
  );
}

function signalOf(res: Response): AbortSignal {
  const abort = new AbortController();
  res.on('close', () => {
    if (!res.writableFinished)
      abort.abort(new PosternError('client_gone', 'Whoever asked has gone away.', { retry: 'never' }));
  });
  return abort.signal;
}

async function send(res: Response, { http }: Operation, { status, body }: Answer): Promise<void> {
  res.status(status);
  if (status === 204) res.end();
  else if (body instanceof Readable) {
    res.type(http.answers ?? 'application/octet-stream').attachment();
    // What breaks now can only be told by an end without the last chunk: the status is out.
    await pipeline(body, res).catch(() => res.destroy());
  } else if (http.answers !== undefined)
    res
      .type(http.answers)
      .attachment()
      .send(Buffer.from(body as Uint8Array));
  else res.json(body);
}
