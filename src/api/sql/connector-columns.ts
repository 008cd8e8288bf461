// The columns of a connector table, from what its operation promises to answer: a list becomes rows, one thing becomes
// one row. Objects become columns of their own (`from` is from_name and from_address), lists and maps become JSON.
import { z } from 'zod';
import type { SqlColumn, SqlValue } from '../../store/sql-sandbox.ts';
import { type Operation, pathFields } from '../registry.ts';

/** The operations that connector_table takes, and the name of each in the registry. */
export const CONNECTOR_OPERATIONS: Readonly<Record<string, string>> = {
  validate: 'imap.validate',
  list_mailboxes: 'imap.list_mailboxes',
  search_messages: 'imap.search_messages',
  fetch_message: 'imap.fetch_message',
  parse_message: 'imap.parse_message',
};

export interface ConnectorShape {
  operation: Operation;
  /** Whether it is asked of an account: then `account` and `account_id` come first. */
  ofAccount: boolean;
  columns: readonly SqlColumn[];
  rowsOf(answer: unknown, account: { id: string; label: string } | null): SqlValue[][];
}

interface Schema {
  type?: string | string[];
  properties?: Record<string, Schema>;
  items?: Schema;
  anyOf?: Schema[];
}

interface Leaf extends SqlColumn {
  path: readonly string[];
}

const LISTS = ['data', 'mailboxes', 'messages'];
/** Parts of an answer whose fields stand for themselves: `metadata.subject` is `subject`. */
const UNNAMED = new Set(['metadata', 'content', 'message']);
const MAX_DEPTH = 3; // metadata.from.name

export function connectorShape(operation: Operation): ConnectorShape {
  const schema = z.toJSONSchema(operation.output, { unrepresentable: 'any' }) as Schema;
  const list = LISTS.find((name) => schema.properties?.[name]?.items?.properties !== undefined);
  const item = list === undefined ? schema : (schema.properties?.[list]?.items as Schema);
  const leaves = leavesOf(item, [], []);
  const ofAccount = pathFields(operation.http.path).includes('id');
  const account: SqlColumn[] = ofAccount
    ? [
        { name: 'account', type: 'text' },
        { name: 'account_id', type: 'text' },
      ]
    : [];
  const own = leaves.filter(({ name }) => !account.some((column) => column.name === name));
  return {
    operation,
    ofAccount,
    columns: [...account, ...own.map(({ name, type }) => ({ name, type }))],
    rowsOf(answer, of) {
      const items = list === undefined ? [answer] : ((answer as Record<string, unknown>)[list] as unknown[]);
      const first = ofAccount ? [of?.label ?? null, of?.id ?? null] : [];
      return items.map((row) => [...first, ...own.map((leaf) => cell(row, leaf))]);
    },
  };
}

function leavesOf(schema: Schema, path: readonly string[], words: readonly string[]): Leaf[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, given]): Leaf[] => {
    const inner = given.anyOf?.find((choice) => choice.type !== 'null') ?? given;
    const at = [...path, name];
    const named = UNNAMED.has(name) && path.length === 0 && inner.properties ? words : [...words, name];
    if (inner.properties && at.length < MAX_DEPTH) return leavesOf(inner, at, named);
    return [{ path: at, name: named.join('_'), type: typeOf(inner) }];
  });
}

function typeOf({ type }: Schema): SqlColumn['type'] {
  const one = Array.isArray(type) ? type.find((word) => word !== 'null') : type;
  if (one === 'integer' || one === 'boolean') return 'integer';
  if (one === 'number') return 'real';
  return one === 'string' ? 'text' : 'json';
}

function cell(row: unknown, { path, type }: Leaf): SqlValue {
  let value = row;
  for (const name of path) value = (value as Record<string, unknown> | null | undefined)?.[name];
  if (value === undefined || value === null) return null;
  if (type === 'json') return JSON.stringify(value);
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'string' || typeof value === 'number' ? value : JSON.stringify(value);
}
