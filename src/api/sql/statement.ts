// A statement as it was written becomes one that the sandbox runs: each connector_table(…) is replaced by the name of a
// table that will hold what the operation answers, and each parameter by a name of ours.
import { mend } from '../../rules/nearest.ts';
import type { SqlParameter } from '../../store/sql-sandbox.ts';
import { stringValue, type Token, tokensOf, wrongAt } from './tokens.ts';

export type Parameters = readonly SqlParameter[] | Readonly<Record<string, SqlParameter>>;

/** One connector_table(…). */
export interface ConnectorCall {
  /** The name of the table that takes its place. */
  table: string;
  operation: string;
  /** The text of its JSON, not read yet. */
  argument: string;
  offset: number;
}

export interface Statement {
  sql: string;
  parameters: Record<string, SqlParameter>;
  calls: ConnectorCall[];
  /** The offset in the text as it was written, for one in `sql`. */
  origin(offset: number): number;
}

const FORM = `Write connector_table('imap', 'list_mailboxes', JSON '{"account": "sales"}').`;
const READS = new Set(['select', 'with', 'values']);

/**
 * `operations` are the names that connector_table takes.
 * @throws PosternError `sql_invalid`, `sql_forbidden` with the place in the text
 */
export function readStatement(text: string, given: Parameters, operations: readonly string[]): Statement {
  const tokens = oneStatement(text);
  const values = parameterValues(text, tokens, given);
  const pieces: Piece[] = [];
  const calls: ConnectorCall[] = [];
  const parameters: Record<string, SqlParameter> = {};
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i] as Token;
    if (isCall(tokens, i)) {
      const { call, end, next } = readCall(text, tokens, i, values, operations);
      const table = `connector_${calls.length + 1}`;
      calls.push({ ...call, table });
      pieces.push({ start: token.start, end, text: `temp.${table}` });
      i = next;
    } else if (token.kind === 'parameter') {
      const name = `p${token.start}`;
      parameters[name] = values.get(token.start) as SqlParameter;
      pieces.push({ start: token.start, end: token.end, text: `:${name}` });
    }
  }
  return { ...replaced(text, pieces), parameters, calls };
}

function oneStatement(text: string): Token[] {
  const tokens = tokensOf(text);
  const end = tokens.findIndex(({ kind, text: mark }) => kind === 'mark' && mark === ';');
  const [first] = tokens;
  if (!first || end === 0) throw wrongAt(text, 0, 'There is no statement here.');
  if (end >= 0 && end < tokens.length - 1) {
    throw wrongAt(text, (tokens[end + 1] as Token).start, 'One statement at a time.');
  }
  if (!READS.has(first.text.toLowerCase())) {
    throw wrongAt(
      text,
      first.start,
      `${first.text.slice(0, 30)} is not allowed: SQL reads only.`,
      'A statement begins with SELECT, WITH or VALUES.',
      'sql_forbidden',
    );
  }
  for (const { kind, text: word, start } of tokens) {
    if ((kind === 'word' || kind === 'quoted') && /^["`[]?sqlite_/i.test(word)) {
      throw wrongAt(text, start, `No such table: ${word.slice(0, 60)}.`, undefined, 'sql_forbidden');
    }
  }
  return end < 0 ? tokens : tokens.slice(0, end);
}

/** The value of each parameter by its offset. SQLite's own counting: `?` is one more than the largest so far. */
function parameterValues(text: string, tokens: readonly Token[], given: Parameters) {
  const values = new Map<number, SqlParameter>();
  const used = new Set<string>();
  let last = 0;
  for (const { kind, text: name, start } of tokens) {
    if (kind !== 'parameter') continue;
    const isNumber = name.startsWith('?');
    if (isNumber !== Array.isArray(given)) {
      const hint = 'A list of params goes with ?, an object with :name.';
      throw wrongAt(text, start, `There is no value for ${name}.`, hint);
    }
    const number = name === '?' ? last + 1 : Number(name.slice(1));
    if (isNumber) last = Math.max(last, number);
    const key = isNumber ? String(number - 1) : name.slice(1);
    const value = Object.hasOwn(given, key) ? (given as Record<string, SqlParameter>)[key] : undefined;
    if (value === undefined) throw wrongAt(text, start, `There is no value for ${name}.`);
    used.add(key);
    values.set(start, value);
  }
  const spare = Object.keys(given).find((key) => !used.has(key));
  if (spare !== undefined) {
    const shown = Array.isArray(given) ? `number ${Number(spare) + 1}` : spare.slice(0, 100);
    throw wrongAt(text, 0, `The statement does not use the parameter ${shown}.`);
  }
  return values;
}

const isMark = (token: Token | undefined, text: string): boolean =>
  token?.kind === 'mark' && token.text === text;
const isWord = (token: Token | undefined, text: string): boolean =>
  token?.kind === 'word' && token.text.toLowerCase() === text;
const isCall = (tokens: readonly Token[], i: number): boolean =>
  isWord(tokens[i], 'connector_table') && isMark(tokens[i + 1], '(');

function readCall(
  text: string,
  tokens: readonly Token[],
  from: number,
  values: ReadonlyMap<number, SqlParameter>,
  operations: readonly string[],
) {
  let i = from + 2;
  const wrong = (message: string, at = tokens[i]?.start ?? text.length): never => {
    throw wrongAt(text, at, message, FORM);
  };
  const string = (what: string): string => {
    const token = tokens[i];
    if (token?.kind !== 'string') return wrong(`connector_table wants ${what} here, as a string.`);
    i++;
    return stringValue(token);
  };
  const connectorAt = tokens[i]?.start;
  const connector = string('the name of a connector');
  if (connector !== 'imap') wrong('There is one connector: imap.', connectorAt);
  if (!isMark(tokens[i], ',')) wrong('A comma is missing.');
  i++;
  const operationAt = tokens[i]?.start;
  const operation = string('the name of an operation');
  if (!operations.includes(operation)) {
    wrong(`SQL knows no operation ${operation.slice(0, 60)}${mend(operation, operations)}`, operationAt);
  }
  let argument = '{}';
  if (isMark(tokens[i], ',')) {
    i++;
    if (isWord(tokens[i], 'json')) i++;
    const token = tokens[i];
    if (token?.kind === 'parameter') {
      const value = values.get(token.start);
      argument = typeof value === 'string' ? value : wrong(`${token.text} must be a text that holds JSON.`);
      i++;
    } else argument = string('its input as JSON');
  }
  const close = tokens[i];
  if (close === undefined || !isMark(close, ')')) return wrong('connector_table is not closed.');
  return {
    call: { operation, argument, offset: (tokens[from] as Token).start },
    end: close.end,
    next: i,
  };
}

interface Piece {
  start: number;
  end: number;
  text: string;
}

function replaced(text: string, pieces: readonly Piece[]): Pick<Statement, 'sql' | 'origin'> {
  let sql = '';
  let at = 0;
  const starts: { from: number; origin: number; isPiece: boolean }[] = [];
  for (const piece of pieces) {
    starts.push({ from: sql.length, origin: at, isPiece: false });
    sql += text.slice(at, piece.start);
    starts.push({ from: sql.length, origin: piece.start, isPiece: true });
    sql += piece.text;
    at = piece.end;
  }
  starts.push({ from: sql.length, origin: at, isPiece: false });
  sql += text.slice(at);
  const origin = (offset: number): number => {
    const part = starts.findLast(({ from }) => from <= offset);
    if (!part) return offset;
    return part.isPiece ? part.origin : part.origin + (offset - part.from);
  };
  return { sql, origin };
}
