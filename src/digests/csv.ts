// Lists of recipients as spreadsheets write them (RFC 4180, with the separators that other programs use): the first row names
// the columns. Pure.
import { PosternError } from '../kernel/errors.ts';

const SEPARATORS = [',', ';', '\t'];

/** @throws PosternError `recipients_invalid`, with the line */
export function readCsv(text: string): Record<string, string>[] {
  const source = text.replace(/^\ufeff/, '');
  const [first = ''] = source.split(/\r?\n/, 1);
  const counts = SEPARATORS.map((separator) => first.split(separator).length);
  const separator = SEPARATORS[counts.indexOf(Math.max(...counts))] ?? ',';
  const rows = rowsOf(source, separator);
  const [header] = rows;
  if (!header) return [];
  const columns = header.cells.map((cell) => cell.trim().toLowerCase());
  return rows.slice(1).map(({ cells, line }) => {
    if (cells.length > columns.length)
      throw invalid(line, `has ${cells.length} cells, and the first row names ${columns.length} columns`);
    return Object.fromEntries(columns.map((column, i) => [column, cells[i] ?? '']));
  });
}

interface Row {
  cells: string[];
  /** Counted from 1. */
  line: number;
}

function rowsOf(text: string, separator: string): Row[] {
  const rows: Row[] = [];
  let cells: string[] = [];
  let line = 1;
  let rowLine = 1;
  let at = 0;
  const endRow = (): void => {
    if (cells.length > 1 || cells[0] !== '') rows.push({ cells, line: rowLine });
    cells = [];
    rowLine = line;
  };
  while (at < text.length) {
    let cell: string;
    if (text[at] === '"') {
      const end = endOfQuoted(text, at);
      if (end < 0) throw invalid(line, 'opens a quote that nothing closes');
      cell = text.slice(at + 1, end).replaceAll('""', '"');
      line += cell.split('\n').length - 1;
      at = end + 1;
      if (at < text.length && text[at] !== separator && text[at] !== '\n' && text[at] !== '\r')
        throw invalid(line, 'has something behind a quote');
    } else {
      const start = at;
      while (at < text.length && text[at] !== separator && text[at] !== '\n' && text[at] !== '\r') at++;
      cell = text.slice(start, at).trim();
    }
    cells.push(cell);
    if (text[at] === separator) {
      at++;
      if (at === text.length) cells.push('');
      continue;
    }
    if (text[at] === '\r' && text[at + 1] === '\n') at++;
    at++;
    line++;
    endRow();
  }
  if (cells.length > 0) endRow();
  return rows;
}

/** Where the quote that opens at `start` is closed; two in a row are one that is meant. */
function endOfQuoted(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 2))
    if (text[end + 1] !== '"') return end;
  return -1;
}

const invalid = (line: number, what: string): PosternError =>
  new PosternError('recipients_invalid', `The list is invalid: line ${line} ${what}.`, { details: { line } });
