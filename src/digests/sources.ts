// What a digest tells: rows of the ledger, of a query, or JSON from elsewhere, each up to a bound. It is data for a template,
// which escapes it; nothing of it is ever a template itself.
import type { DigestSource } from '../contracts/digest.ts';
import type { Clock } from '../kernel/clock.ts';
import { durationMs } from '../kernel/duration.ts';
import { PosternError } from '../kernel/errors.ts';
import { ask } from '../network/request.ts';
import type { SqlSandbox } from '../store/sql-sandbox.ts';
import type { Store } from '../store/store.ts';
import { draftsIn, messagesIn, sessionsIn, submissionsIn } from './ledger-sources.ts';
import type { Span } from './span.ts';

const LARGEST_ANSWER_BYTES = 1024 * 1024; // of an HTTP source: a digest is read by people
const LARGEST_DATA_CHARS = 4 * 1024 * 1024; // of all sources together: it is kept with the broadcast
const MAX_SQL_ROWS = 1_000;

export interface SourceParts {
  store: Store;
  clock: Clock;
  sql: Pick<SqlSandbox, 'query'>;
  resolveSecret: (reference: string) => string;
}

/** @throws PosternError `digest_source_failed` with the source's name, and whether another try can help */
export async function collect(
  parts: SourceParts,
  sources: Readonly<Record<string, DigestSource>>,
  span: Span,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  const data: Record<string, unknown> = {};
  for (const [name, source] of Object.entries(sources)) {
    signal.throwIfAborted();
    try {
      data[name] = await readSource(parts, source, span, signal);
    } catch (error) {
      signal.throwIfAborted();
      const why = error instanceof Error ? error.message : String(error);
      throw new PosternError('digest_source_failed', `The source \`${name}\` gave nothing: ${why}`, {
        retry: error instanceof PosternError ? error.retry : 'never',
        details: { source: name },
        cause: error,
      });
    }
  }
  if (JSON.stringify(data).length > LARGEST_DATA_CHARS)
    throw new PosternError(
      'digest_data_too_large',
      `The sources give more than ${LARGEST_DATA_CHARS} characters.`,
      {
        hint: 'List less: `limit` of a source, or a narrower query.',
      },
    );
  return data;
}

function readSource(
  parts: SourceParts,
  source: DigestSource,
  span: Span,
  signal: AbortSignal,
): Promise<unknown> {
  const { db } = parts.store;
  if ('messages' in source) return messagesIn(db, source.messages, spanOf(source.messages.since, span));
  if ('sessions' in source) return sessionsIn(db, source.sessions, spanOf(source.sessions.since, span));
  if ('drafts' in source)
    return draftsIn(db, source.drafts, source.drafts.since ? spanOf(source.drafts.since, span) : null);
  if ('submissions' in source)
    return submissionsIn(db, source.submissions, spanOf(source.submissions.since, span));
  if ('sql' in source) return rowsOf(parts, source.sql, span, signal);
  if ('http' in source) return fetched(parts, source.http, signal);
  return Promise.resolve(source.value);
}

const spanOf = (since: string, span: Span): Span =>
  since === 'last' ? span : { ...span, since: span.until - durationMs(since) };

/** The rows of a query that only reads, as objects. @throws PosternError `sql_…` */
export async function rowsOf(
  { sql }: Pick<SourceParts, 'sql'>,
  query: string,
  span: Span | null,
  signal: AbortSignal,
  most = MAX_SQL_ROWS,
): Promise<Record<string, string | number | null>[]> {
  const given = span === null ? {} : { since: BigInt(span.since), until: BigInt(span.until) };
  const asked = Object.entries(given).filter(([name]) => new RegExp(`:${name}\\b`).test(query));
  const { columns, rows } = await sql.query(
    { sql: query, parameters: Object.fromEntries(asked), tables: [] },
    signal,
  );
  if (rows.length > most)
    throw new PosternError('sql_too_many_rows', `The query gives more than ${most} rows.`);
  return rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i] ?? null])));
}

type HttpSource = Extract<DigestSource, { http: unknown }>['http'];

async function fetched(parts: SourceParts, source: HttpSource, signal: AbortSignal): Promise<unknown> {
  const headers = Object.entries(source.headers ?? {}).map(([name, secret]) => [
    name,
    parts.resolveSecret(secret),
  ]);
  const { status, body } = await ask({
    url: source.url,
    headers: { accept: 'application/json' },
    ownHeaders: Object.fromEntries(headers),
    allowPrivate: source.allow_private,
    timeoutMs: durationMs(source.timeout),
    largestAnswerBytes: LARGEST_ANSWER_BYTES,
    signal,
  });
  if (status < 200 || status > 299) {
    const retry = status >= 500 || status === 429 ? 'later' : 'never';
    throw new PosternError('digest_source_failed', `it answered ${status}.`, { retry });
  }
  try {
    return JSON.parse(body);
  } catch {
    throw new PosternError('digest_source_failed', 'its answer is no JSON.');
  }
}
