// `postern sql "SELECT …"`: a query at a running gateway, shown as a table, as JSON or as CSV.
import type { Operation } from '../registry.ts';
import { GatewayClient } from './client.ts';
import { type Command, call } from './command.ts';
import { csv } from './csv.ts';
import { bytesFrom, type Values } from './flags.ts';
import { type CliIo, complain, EXIT, print, UsageError } from './io.ts';
import { cellText, showGrid, showJson } from './show.ts';
import { safeLine } from './terminal-text.ts';

interface Answer {
  columns: string[];
  rows: (string | number | null)[][];
}

interface Schema {
  tables: { name: string; about: string; columns: { name: string; type: string }[] }[];
}

const FORMATS = ['table', 'json', 'csv'];

export function sqlCommand(query: Operation, schema: Operation): Command {
  return {
    words: ['sql'],
    summary: 'Read by SQL: the tables of Postern and what the connector answers. Changes nothing.',
    args: ['[QUERY]'],
    flags: {
      file: { type: 'string', value: 'FILE', help: 'The query from a file, or - for stdin.' },
      param: {
        type: 'string',
        multiple: true,
        value: '[NAME=]TEXT',
        help: 'A parameter: in the order of the ?, or NAME=TEXT for :NAME. Can be given several times.',
      },
      params: { type: 'string', value: 'JSON', help: 'All parameters, as a JSON list or object.' },
      format: { type: 'string', value: FORMATS.join('|'), help: 'How to show the rows; a table by itself.' },
      exact: {
        type: 'boolean',
        help: 'With csv: no apostrophe before a text that a spreadsheet would take for a formula.',
      },
      schema: { type: 'boolean', help: 'List the tables and their columns instead.' },
    },
    async run(io, values, positionals) {
      const format = values.json ? 'json' : String(values.format ?? 'table');
      if (!FORMATS.includes(format)) throw new UsageError('--format: write table, json or csv');
      if (values.schema) {
        showSchema(io, (await new GatewayClient(io.settings).call(schema, {})) as Schema, format);
        return EXIT.ok;
      }
      const input = { query: await queryText(io, values, positionals), ...paramsOf(values) };
      const answer = (await call(io, query, input)) as Answer;
      if (format === 'json') showJson(io, answer);
      else if (format === 'csv') io.stdout.write(csv(answer.columns, answer.rows, values.exact === true));
      else showRows(io, answer);
      return EXIT.ok;
    },
  };
}

async function queryText(io: CliIo, values: Values, [text, ...more]: readonly string[]): Promise<string> {
  if (more.length > 0) throw new UsageError('Put the query into quotes: it is one argument.');
  const isGiven = typeof values.file === 'string';
  if ((text === undefined) !== isGiven) throw new UsageError('Give one query, or --file.');
  return text ?? (await bytesFrom(io, String(values.file))).toString('utf8');
}

function paramsOf({ param, params }: Values): { params?: unknown } {
  if (param !== undefined && params !== undefined)
    throw new UsageError('Give --param or --params, not both.');
  if (typeof params === 'string') {
    try {
      return { params: JSON.parse(params) };
    } catch {
      throw new UsageError('--params: is not valid JSON');
    }
  }
  if (!Array.isArray(param)) return {};
  const named = param.map((text) => /^([A-Za-z_]\w*)=(.*)$/s.exec(text));
  if (named.every((match) => match !== null)) {
    return { params: Object.fromEntries(named.map((match) => [match[1] as string, match[2] as string])) };
  }
  return { params: param };
}

function showRows(io: CliIo, { columns, rows }: Answer): void {
  const text = (value: string | number | null): string => cellText(io, value === null ? '-' : String(value));
  showGrid(
    io,
    [columns, ...rows].map((row) => row.map(text)),
  );
  complain(io, `${rows.length} ${rows.length === 1 ? 'row' : 'rows'}.`);
}

function showSchema(io: CliIo, schema: Schema, format: string): void {
  if (format === 'json') {
    showJson(io, schema);
    return;
  }
  for (const { name, about, columns } of schema.tables) {
    print(io, `${safeLine(name)}\n  ${safeLine(about)}`);
    for (const column of columns) print(io, `  ${safeLine(column.name).padEnd(24)} ${column.type}`);
    print(io, '');
  }
}
