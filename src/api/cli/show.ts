// Answers for people: a table for a list, aligned fields for one thing. Everything is made safe for a terminal.
import type { CliIo } from './io.ts';
import { print } from './io.ts';
import { columnsOf, fitted, safeJson, safeLine, safeLines } from './terminal-text.ts';

const CELL_COLUMNS = 48; // on a terminal: a long subject must not push the other columns away
const MAX_TIME = 8.64e15; // what a Date can hold

export function showJson(io: CliIo, value: unknown): void {
  print(io, safeJson(value ?? null));
}

/** Rows under headings that are the last words of the columns' paths. */
export function showTable(io: CliIo, rows: readonly unknown[], columns: readonly string[]): void {
  if (rows.length === 0) {
    print(io, 'None.');
    return;
  }
  const heading = columns.map((path) =>
    (path.split('.').at(-1) as string).replaceAll('_', ' ').toUpperCase(),
  );
  showGrid(io, [heading, ...rows.map((row) => columns.map((path) => cell(io, path, row)))]);
}

/** Lines of cells, aligned. Whatever they hold, a terminal obeys none of it: this is where every table is printed. */
export function showGrid(io: CliIo, cells: readonly (readonly string[])[]): void {
  const lines = cells.map((line) => line.map(safeLine));
  const widths = (lines[0] ?? []).map((_, i) =>
    lines.reduce((most, line) => Math.max(most, columnsOf(line[i] as string)), 0),
  );
  for (const line of lines) {
    const padded = line.map((text, i) => text + ' '.repeat((widths[i] as number) - columnsOf(text)));
    print(io, padded.join('  ').trimEnd());
  }
}

/** A text as one line, cut to what a column of a terminal holds. */
export function cellText(io: CliIo, text: string): string {
  const safe = safeLine(text);
  return io.stdout.isTTY ? fitted(safe, CELL_COLUMNS) : safe;
}

function cell(io: CliIo, path: string, row: unknown): string {
  let value: unknown = row;
  for (const name of path.split('.')) value = (value as Record<string, unknown> | null | undefined)?.[name];
  const text = inline(path, value);
  return io.stdout.isTTY ? fitted(text, CELL_COLUMNS) : text;
}

/** One thing: short values behind their names, long ones in blocks below. */
export function showDetails(io: CliIo, value: unknown, indent = ''): void {
  if (typeof value !== 'object' || value === null) {
    print(io, `${indent}${inline('', value)}`);
    return;
  }
  const entries = Object.entries(value);
  const width = Math.max(
    0,
    ...entries.filter(([, inner]) => isInline(inner)).map(([name]) => label(name).length),
  );
  for (const [name, inner] of entries) {
    const title = label(name);
    if (isInline(inner)) print(io, `${indent}${title.padEnd(width)}  ${inline(name, inner)}`);
    else if (typeof inner === 'string') showBlock(io, `${indent}${title}`, inner, indent);
    else if (Array.isArray(inner)) {
      print(io, `${indent}${title}`);
      for (const item of inner) {
        print(io, `${indent}  -`);
        showDetails(io, item, `${indent}    `);
      }
    } else {
      print(io, `${indent}${title}`);
      showDetails(io, inner, `${indent}  `);
    }
  }
}

/** A text of several lines behind a bar, so that no line of it can pass for one of ours. */
export function showBlock(io: CliIo, title: string, text: string, indent = ''): void {
  print(io, title);
  for (const line of safeLines(text).replace(/\n$/, '').split('\n')) print(io, `${indent}  │ ${line}`);
}

const label = (name: string): string => safeLine(name).replaceAll('_', ' ');

function isInline(value: unknown): boolean {
  if (typeof value === 'string') return !value.includes('\n');
  if (typeof value !== 'object' || value === null || isAddress(value)) return true;
  if (!Array.isArray(value)) return Object.keys(value).length === 0;
  return value.every((item) => typeof item !== 'object' || item === null || isAddress(item));
}

function inline(path: string, value: unknown): string {
  if (value === null || value === undefined || value === '') return '-';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'number')
    return /_at$|(^|\.)scheduled_for$/.test(path) ? timeOf(value) : String(value);
  if (isAddress(value)) return addressText(value);
  if (Array.isArray(value)) return value.map((item) => inline('', item)).join(', ') || '-';
  return typeof value === 'string' ? safeLine(value) : '-';
}

const timeOf = (ms: number): string =>
  ms > 0 && ms <= MAX_TIME ? new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z') : '-';

interface AddressLike {
  name: string;
  address: string;
}

const isAddress = (value: unknown): value is AddressLike =>
  typeof value === 'object' &&
  value !== null &&
  Object.keys(value).length === 2 &&
  'name' in value &&
  'address' in value;

/** The address always stands apart in angle brackets: a name may look like one. */
export function addressText({ name, address }: AddressLike): string {
  return name === '' ? safeLine(address) : `${safeLine(name)} <${safeLine(address)}>`;
}
