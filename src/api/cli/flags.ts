// Flags from the schema of an operation's input: `imap.host` is --imap-host (also --imap.host), a list is given by
// repeating its flag, a long text may come from a file. What has no flag can be given as JSON by --input.
import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import type { Operation } from '../registry.ts';
import { type CliIo, UsageError } from './io.ts';

export interface Flag {
  type: 'string' | 'boolean';
  multiple?: boolean;
  /** What stands after it in the help, such as `HOST[:PORT]`. */
  value?: string;
  help: string;
}
export type Flags = Record<string, Flag>;
export type Values = Record<string, string | boolean | string[] | undefined>;

interface Field {
  path: readonly string[];
  /** The flag's name, without the dashes. */
  name: string;
  kind: 'string' | 'number' | 'boolean' | 'list';
  choices: readonly string[];
  isLong: boolean;
}

interface Schema {
  type?: string | string[];
  properties?: Record<string, Schema>;
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  enum?: string[];
  const?: unknown;
  maxLength?: number;
  $ref?: string;
  $defs?: Record<string, Schema>;
}

/** Never by flag: they would stand in the list of processes. */
const SECRETS = new Set(['password', 'client_secret', 'refresh_token', 'passphrase']);
const LONG_TEXT_CHARS = 10_000; // a field with room for more may also be given by a file
const MAX_INPUT_BYTES = 48 * 1024 * 1024; // what the gateway takes at most

const everywhere: Flags = {
  json: { type: 'boolean', help: 'Print the answer as JSON.' },
  input: { type: 'string', value: 'FILE', help: 'Read fields from a JSON file, or - for stdin; flags win.' },
  help: { type: 'boolean', help: 'Show this.' },
};

/** The flags of an operation besides those that every command has. */
export function flagsOf(operation: Operation): Flags {
  const flags: Flags = {};
  for (const field of fieldsOf(operation)) {
    const { name } = field;
    const value = field.choices.length > 0 ? field.choices.join('|') : field.kind === 'number' ? 'N' : 'TEXT';
    flags[name] =
      field.kind === 'boolean'
        ? { type: 'boolean', help: `Or --no-${name}.` }
        : {
            type: 'string',
            multiple: field.kind === 'list',
            value,
            help: field.kind === 'list' ? 'Can be given several times.' : '',
          };
    if (field.isLong) {
      flags[`${name}-file`] = {
        type: 'string',
        value: 'FILE',
        help: `The ${name} from a file, or - for stdin.`,
      };
    }
  }
  return flags;
}

export const allFlags = (own: Flags): Flags => ({ ...own, ...everywhere });

/** @throws UsageError */
export function parseFlags(argv: readonly string[], own: Flags): { values: Values; positionals: string[] } {
  const options = Object.fromEntries(
    Object.entries(allFlags(own)).map(([name, { type, multiple }]) => [
      name,
      { type, multiple: multiple ?? false },
    ]),
  );
  try {
    const { values, positionals } = parseArgs({
      args: argv.map(spelled),
      options,
      allowPositionals: true,
      allowNegative: true,
    });
    return { values: values as Values, positionals };
  } catch (error) {
    throw new UsageError((error as Error).message.split('. To specify')[0]);
  }
}

/**
 * The input of an operation: --input, then positions, then flags. Not validated yet.
 * @throws UsageError
 */
export async function inputFrom(
  io: CliIo,
  operation: Operation,
  values: Values,
  positionals: readonly string[],
): Promise<Record<string, unknown>> {
  const input = typeof values.input === 'string' ? await jsonFrom(io, values.input) : {};
  const names = operation.cli?.args ?? [];
  if (positionals.length > names.length) {
    throw new UsageError(`There is one word too many: ${positionals[names.length]}`);
  }
  for (const [i, text] of positionals.entries()) input[names[i] as string] = text;
  for (const field of fieldsOf(operation)) {
    const { name } = field;
    const file = values[`${name}-file`];
    const value = field.isLong && typeof file === 'string' ? await textFrom(io, file) : values[name];
    if (value !== undefined)
      setAt(input, field.path, field.kind === 'number' ? numberOf(name, value) : value);
  }
  return input;
}

/** Bytes of a file, or of stdin where the name is `-`. @throws UsageError */
export async function bytesFrom(io: CliIo, file: string): Promise<Buffer> {
  try {
    const bytes = file === '-' ? await buffer(io.stdin) : await readFile(file);
    if (bytes.length > MAX_INPUT_BYTES) throw new Error('it is larger than 48 MB');
    return bytes;
  } catch (error) {
    throw new UsageError(`${file === '-' ? 'stdin' : file} cannot be read: ${whyUnread(error)}`);
  }
}

/** Why a file cannot be read, without the words of the system. */
export function whyUnread(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'there is no such file.';
  if (code === 'EISDIR') return 'it is a folder.';
  if (code === 'EACCES') return 'you are not allowed to read it.';
  return message;
}

async function textFrom(io: CliIo, file: string): Promise<string> {
  return (await bytesFrom(io, file)).toString('utf8');
}

async function jsonFrom(io: CliIo, file: string): Promise<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(await textFrom(io, file));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`--input ${file} is not valid JSON.`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UsageError(`--input ${file} must hold a JSON object.`);
  }
  return value as Record<string, unknown>;
}

function fieldsOf(operation: Operation): Field[] {
  const shape = operation.shape ?? operation.input;
  const schema = z.toJSONSchema(shape, { io: 'input', unrepresentable: 'any' }) as Schema;
  const positional = operation.cli?.args ?? [];
  const spread = operation.cli?.spread;
  return leaves(schema, [], schema.$defs ?? {})
    .filter(({ path }) => path.length > 1 || !positional.includes(path[0] as string))
    .map((field) =>
      field.path[0] === spread && field.path.length > 1
        ? { ...field, name: flagName(field.path.slice(1)) }
        : field,
    );
}

/** What holds itself is followed once: a search inside a search is given by --input. */
function leaves(schema: Schema, path: readonly string[], defs: Record<string, Schema>): Field[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, given]): Field[] => {
    const { $ref } = given;
    if ($ref !== undefined && path.length > 0) return [];
    const meant = $ref === undefined ? given : (defs[$ref.replace('#/$defs/', '')] ?? given);
    const inner = meant.anyOf?.find((choice) => choice.type !== 'null') ?? meant;
    const at = [...path, name];
    const type = Array.isArray(inner.type) ? inner.type.find((word) => word !== 'null') : inner.type;
    if (inner.const !== undefined || SECRETS.has(name)) return [];
    const shapes = (meant.oneOf ?? meant.anyOf ?? []).filter((choice) => choice.type === 'object');
    if (shapes.length > 1) return ofShapes(shapes, at, defs);
    const field = { path: at, name: flagName(at), choices: inner.enum ?? [], isLong: false };
    if (type === 'object') return leaves(inner, at, defs);
    if (type === 'string')
      return [{ ...field, kind: 'string', isLong: (inner.maxLength ?? 0) > LONG_TEXT_CHARS }];
    if (type === 'number' || type === 'integer') return [{ ...field, kind: 'number' }];
    if (type === 'boolean') return [{ ...field, kind: 'boolean' }];
    return type === 'array' && inner.items?.type === 'string' ? [{ ...field, kind: 'list' }] : [];
  });
}

/** The flags of several shapes, of which one will be meant: each field once. */
function ofShapes(shapes: readonly Schema[], at: readonly string[], defs: Record<string, Schema>): Field[] {
  const fields = shapes.flatMap((shape) => leaves(shape, at, defs));
  return [...new Map(fields.map((field) => [field.name, field])).values()];
}

export const flagName = (path: readonly PropertyKey[]): string => path.join('-').replaceAll('_', '-');

/** `--imap.host=x` and `--require_tls` as they are known here; values are left alone. */
function spelled(word: string): string {
  if (!word.startsWith('--') || word === '--') return word;
  const end = word.indexOf('=');
  const name = end < 0 ? word : word.slice(0, end);
  return name.replace(/[._]/g, '-') + (end < 0 ? '' : word.slice(end));
}

function numberOf(name: string, value: unknown): number {
  if (typeof value !== 'string' || !/^-?\d{1,15}(\.\d+)?$/.test(value)) {
    throw new UsageError(`--${name} wants a number.`);
  }
  return Number(value);
}

export function setAt(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let place = target;
  for (const name of path.slice(0, -1)) {
    const next = place[name];
    const inner = typeof next === 'object' && next !== null ? { ...next } : {};
    place[name] = inner;
    place = inner as Record<string, unknown>;
  }
  place[path.at(-1) as string] = value;
}
