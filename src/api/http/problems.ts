// Every error as problem details (RFC 9457). What was foreseen says what it is; anything else is a bug, is logged once,
// and shows nothing of the inside.
import { STATUS_CODES } from 'node:http';
import type { ErrorRequestHandler, Response } from 'express';
import type { Problem } from '../../contracts/page.ts';
import { PosternError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import { statusOf } from './status.ts';

const MAX_ERRORS = 50;
const DEFAULT_RETRY_SECONDS = 5;

/** What Express and its body parser throw: http-errors, with a `type` that says which. */
interface HttpError extends Error {
  status: number;
  type?: string;
  limit?: number;
}

export function problemOf(error: PosternError): Problem {
  const status = statusOf(error);
  const errors = errorsOf(error);
  return {
    type: `urn:problem-type:postern:${error.code}`,
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail: error.message,
    code: error.code,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(errors.length === 0 ? {} : { errors }),
  };
}

export function sendProblem(res: Response, error: PosternError): void {
  const problem = problemOf(error);
  if (problem.status === 503 || typeof error.retry === 'object') {
    const seconds = typeof error.retry === 'object' ? error.retry.afterMs / 1000 : DEFAULT_RETRY_SECONDS;
    res.set('Retry-After', String(Math.max(1, Math.ceil(seconds))));
  }
  if (problem.status === 401) res.set('WWW-Authenticate', 'Bearer realm="Postern"'); // RFC 6750 §3
  // Buffered and typed by hand: `json` would name it application/json.
  res
    .status(problem.status)
    .type('application/problem+json')
    .send(Buffer.from(JSON.stringify(problem)));
}

/** The last handler of the application. */
export function problemHandler(log: Logger): ErrorRequestHandler {
  return (thrown: unknown, req, res, _next) => {
    const requestId = String(res.locals.requestId);
    const error = foreseen(thrown);
    if (!error) {
      const bug = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
      log.error({ request: requestId, method: req.method, error: bug }, 'a bug: request failed');
    }
    if (res.headersSent) {
      res.destroy(); // half an answer must not look like a whole one
      return;
    }
    sendProblem(res, error ?? internal(requestId));
  };
}

function internal(requestId: string): PosternError {
  return new PosternError('internal', 'Something went wrong inside Postern.', {
    hint: `Its log says more under ${requestId}.`,
  });
}

function foreseen(thrown: unknown): PosternError | null {
  if (thrown instanceof PosternError) return thrown;
  if (!isHttpError(thrown)) return null;
  const { status, type } = thrown;
  if (status === 413) {
    const limit = thrown.limit === undefined ? '' : ` At most ${thrown.limit} octets are taken here.`;
    return new PosternError('body_too_large', `The body is too large.${limit}`);
  }
  if (status === 415) {
    return new PosternError('media_type_unsupported', 'The body has an encoding that is not taken here.', {
      hint: 'Send it in UTF-8 and without Content-Encoding.',
    });
  }
  if (type === 'entity.parse.failed') return new PosternError('body_invalid', 'The body is not valid JSON.');
  if (thrown instanceof URIError || type === undefined)
    return new PosternError('body_invalid', 'The request cannot be read.', {
      hint: 'Check the percent-encoding of its path.',
    });
  return new PosternError('body_invalid', 'The body ended early or has another length than it says.');
}

function isHttpError(thrown: unknown): thrown is HttpError {
  const status = (thrown as { status?: unknown } | null)?.status;
  return thrown instanceof Error && typeof status === 'number' && status >= 400 && status < 500;
}

/** The places of an `invalid_input`; only paths and messages, whatever else the details hold. */
function errorsOf(error: PosternError): { path: string; message: string }[] {
  const { errors, problems } = error.details as { errors?: unknown; problems?: unknown };
  const list = Array.isArray(errors) ? errors : Array.isArray(problems) ? problems : [];
  return list.slice(0, MAX_ERRORS).flatMap((item: unknown) => {
    const { path, file, line, column, message } = (item ?? {}) as Record<string, unknown>;
    if (typeof message !== 'string') return [];
    const place = typeof path === 'string' ? path : file === undefined ? '' : `${file}:${line}:${column}`;
    return [{ path: place, message }];
  });
}
