// Where in a statement an error is. SQLite knows, but node:sqlite passes on its sentence alone.
import type { DatabaseSync } from 'node:sqlite';

const MAX_TRIES = 50; // a statement that repeats one word more often gets no position
const NEAR = /^near "((?:[^"]|"(?!: syntax error$))*)": syntax error$/s;
const NAMES = /^(?:no such (?:table|column|function)|ambiguous column name): (?:.*\.)?([^.]+)$/s;

/** The name that an error speaks of, such as of a table that is not there; null where it speaks of none. */
export const nameIn = (message: string): string | null => NAMES.exec(message)?.[1] ?? null;

/**
 * The offset of what SQLite complains about, or null. A syntax error stands at the first token that cannot follow:
 * of several equal ones it is the first whose prefix of the statement already gives the same error.
 */
export function locate(database: DatabaseSync, sql: string, message: string): number | null {
  const near = NEAR.exec(message)?.[1];
  if (near !== undefined) return nearPlace(database, sql, near, message);
  if (message === 'incomplete input') return sql.length;
  return null;
}

function nearPlace(database: DatabaseSync, sql: string, token: string, message: string): number | null {
  let at = sql.indexOf(token);
  for (let tries = 0; at >= 0 && tries < MAX_TRIES; tries++) {
    if (messageOf(database, sql.slice(0, at + token.length)) === message) return at;
    at = sql.indexOf(token, at + 1);
  }
  return null;
}

function messageOf(database: DatabaseSync, sql: string): string {
  try {
    database.prepare(sql);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}
