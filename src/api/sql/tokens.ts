// SQL cut into tokens as SQLite cuts it, as far as is needed to find calls of connector_table, parameters and the end of
// the statement: what stands in strings, quoted names and comments is none of those.
import { PosternError } from '../../kernel/errors.ts';

export interface Token {
  kind: 'word' | 'quoted' | 'string' | 'number' | 'parameter' | 'mark';
  text: string;
  /** Offsets in the statement, the end excluded. */
  start: number;
  end: number;
}

const SPACE = /[ \t\n\f\r]+/y;
const LINE_COMMENT = /--[^\n]*/y;
const BLOCK_COMMENT = /\/\*/y;
const STRING = /'[^']*(?:''[^']*)*'/y;
const QUOTED = /"[^"]*(?:""[^"]*)*"|`[^`]*(?:``[^`]*)*`|\[[^\]]*\]/y;
const NUMBER =
  /(?:0[xX][0-9a-fA-F_]+|[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9][0-9_]*(?:[eE][+-]?[0-9]+)?)/y;
const PARAMETER = /\?[0-9]*|[:@$][A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*/y;
const WORD = /[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/y;

const KINDS: readonly (readonly [Token['kind'], RegExp])[] = [
  ['string', STRING],
  ['quoted', QUOTED],
  ['number', NUMBER],
  ['parameter', PARAMETER],
  ['word', WORD],
];

/** @throws PosternError `sql_invalid` for a string, a name or a comment that does not end */
export function tokensOf(sql: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < sql.length) {
    const blank = endOf(SPACE, sql, at) ?? endOf(LINE_COMMENT, sql, at) ?? endOfBlock(sql, at);
    if (blank !== null) {
      at = blank;
      continue;
    }
    const token = tokenAt(sql, at);
    tokens.push(token);
    at = token.end;
  }
  return tokens;
}

/** The value of a string token. */
export const stringValue = ({ text }: Token): string => text.slice(1, -1).replaceAll("''", "'");

/** An error, `sql_invalid` unless another code is given, that says where, for people and for programs. */
export function wrongAt(
  sql: string,
  offset: number,
  message: string,
  hint?: string,
  code = 'sql_invalid',
): PosternError {
  const { line, column } = placeOf(sql, offset);
  return new PosternError(code, `Line ${line}, column ${column}: ${message}`, {
    ...(hint === undefined ? {} : { hint }),
    details: { line, column, offset, errors: [{ path: `query:${line}:${column}`, message }] },
  });
}

/** Line and column, counted from 1. */
export function placeOf(sql: string, offset: number): { line: number; column: number } {
  const before = sql.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
}

function tokenAt(sql: string, start: number): Token {
  for (const [kind, pattern] of KINDS) {
    const end = endOf(pattern, sql, start);
    if (end !== null) return { kind, text: sql.slice(start, end), start, end };
  }
  const text = String.fromCodePoint(sql.codePointAt(start) as number);
  if (text === "'") throw wrongAt(sql, start, 'This string does not end.', "Write a quote inside as ''.");
  if (text === '"' || text === '`' || text === '[') throw wrongAt(sql, start, 'This name does not end.');
  return { kind: 'mark', text, start, end: start + text.length };
}

function endOf(pattern: RegExp, sql: string, at: number): number | null {
  pattern.lastIndex = at;
  return pattern.test(sql) ? pattern.lastIndex : null;
}

function endOfBlock(sql: string, at: number): number | null {
  if (endOf(BLOCK_COMMENT, sql, at) === null) return null;
  const end = sql.indexOf('*/', at + 2);
  return end < 0 ? sql.length : end + 2; // SQLite lets the last comment run to the end
}
