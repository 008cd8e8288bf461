// What is made of an error that ended a connection, or the look at a mailbox: told in the log, and whether it takes a
// person to mend it.
import { codeOf, explain, PosternError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';

const NEEDS_PERSON = new Set([
  'wrong_password',
  'token_refused',
  'oauth_sign_in_needed',
  'secret_missing',
  'secret_unreadable',
]);

export const needsPerson = (error: unknown): boolean => NEEDS_PERSON.has(codeOf(error));

/** @param wait until the next try, in milliseconds */
export function tellInterruption(log: Logger, error: unknown, wait: number): void {
  if (!(error instanceof PosternError))
    log.error(
      { error: error instanceof Error ? error.stack : String(error) },
      'a bug: watching failed with an unknown error',
    );
  log.warn({ code: codeOf(error), wait }, `watching is interrupted: ${explain(error)}`);
}
