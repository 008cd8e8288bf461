// What the tests of wrong tokens look at and ask: the ledger as a whole, and any operation by any door.
import { createHash } from 'node:crypto';
import { type Operation, pathFields } from '../../src/api/registry.ts';
import type { Stage } from './stage.ts';

/** Tables that change by themselves, or that note what was refused. */
const RESTLESS = new Set(['turn_records', 'checkpoints', 'mailbox_states']);
/** What a session's own calls note of it, right or wrong: what it used up, and that it read what others wrote. */
const USED = new Set(['calls_used', 'bytes_used', 'taint']);

/** A digest of each table of the ledger that only changes when something happens. */
export function digests({ rows }: Stage): Record<string, string> {
  const tables = rows<{ name: string }>(
    "select name from sqlite_master where type = 'table' and sql not like '%virtual%'",
  );
  return Object.fromEntries(
    tables
      .filter(({ name }) => !RESTLESS.has(name) && !name.startsWith('sqlite_'))
      .map(({ name }) => {
        // A turn that is held is looked after by its job again and again.
        const columns = name === 'jobs' ? 'id, kind, payload' : '*';
        const all = rows<Record<string, unknown>>(`select ${columns} from "${name}"`);
        const text = JSON.stringify(all, (column, value) => (USED.has(column) ? 0 : value));
        return [name, createHash('sha256').update(text).digest('hex').slice(0, 16)];
      }),
  );
}

export async function ask(
  { gateway }: Stage,
  { http }: Operation,
  token: string | null,
  input: Record<string, unknown>,
): Promise<{ status: number; text: string }> {
  const inPath = new Set(pathFields(http.path));
  const path = http.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(input[name])));
  const rest = Object.fromEntries(Object.entries(input).filter(([name]) => !inPath.has(name)));
  const takesBody = (http.method === 'POST' || http.method === 'PATCH') && !http.rawBody?.streams;
  const query = takesBody ? '' : `?${new URLSearchParams(rest as Record<string, string>)}`;
  const response = await call(gateway.url, http.method, path + query, token, takesBody ? rest : undefined);
  return { status: response.status, text: await response.text() };
}

export const call = (
  url: string,
  method: string,
  path: string,
  token: string | null,
  body?: unknown,
): Promise<Response> =>
  fetch(url + path, {
    method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

/** One call over MCP, without a session: what a plain script does. */
export async function callTool(
  { gateway }: Stage,
  token: string | null,
  name: string,
  input: Record<string, unknown>,
): Promise<{ status: number; text: string }> {
  const response = await fetch(`${gateway.url}/mcp`, {
    method: 'POST',
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...{ 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      'mcp-protocol-version': '2025-11-25',
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name, arguments: input },
    }),
  });
  return { status: response.status, text: await response.text() };
}
