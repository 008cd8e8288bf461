// One error type for everything that can be foreseen. It carries a stable code, a sentence for a person, and whether
// trying again can help. Any other error that surfaces is a bug.

/** Whether and when to try again: a property of the failure, not of the caller. */
export type Retry = 'never' | 'later' | { afterMs: number };

export interface PosternErrorOptions {
  retry?: Retry;
  /** What the reader can do about it. */
  hint?: string;
  /** Facts for machines: field, file, line, address. Never a secret. */
  details?: Record<string, unknown>;
  cause?: unknown;
}

export class PosternError extends Error {
  override readonly name = 'PosternError';
  readonly code: string;
  readonly retry: Retry;
  readonly hint: string | undefined;
  readonly details: Record<string, unknown>;

  /**
   * @param code stable, in snake case, such as `draft_digest_mismatch`; clients match on it
   * @param message a sentence that says what is wrong and where
   */
  constructor(code: string, message: string, options: PosternErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retry = options.retry ?? 'never';
    this.hint = options.hint;
    this.details = options.details ?? {};
  }
}

export const notFound = (what: string, id: string): PosternError =>
  new PosternError('not_found', `There is no ${what} ${id}.`, { details: { id } });

/** Whether a failure is worth another try. Unknown errors are: a bug may be a passing one, and attempts are counted. */
export function retryOf(error: unknown): Retry {
  return error instanceof PosternError ? error.retry : 'later';
}

/** What went wrong as one line for a log, a dead letter or a status; never the stack. */
export function explain(error: unknown): string {
  if (error instanceof PosternError) return error.hint ? `${error.message} ${error.hint}` : error.message;
  return error instanceof Error ? error.message : String(error);
}

export function codeOf(error: unknown): string {
  return error instanceof PosternError ? error.code : 'internal';
}
