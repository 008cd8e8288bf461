// `npm run client [-- FILE]`: writes a client for TypeScript, one file without dependencies, from the contracts that the
// gateway itself checks by. It is made anew with every version, and never kept in the repository.
import { writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { openApiDocument } from '../src/api/http/openapi.ts';
import { operations } from '../src/api/operations.ts';
import { agentAnswer, sessionEvent } from '../src/contracts/session.ts';
import { interfaceOf, type JsonSchema, typeOf } from './type-text.ts';

interface Described {
  operationId: string;
  summary: string;
  parameters?: { name: string; in: string; required: boolean; schema: JsonSchema }[];
  requestBody?: { content: Record<string, { schema?: JsonSchema }> };
  responses: Record<string, { content?: Record<string, { schema?: JsonSchema }> }>;
}

interface Document {
  paths: Record<string, Record<string, Described>>;
  components: { schemas: Record<string, JsonSchema> };
}

/** The whole text of the client. */
export function clientText(): string {
  const document = openApiDocument(operations) as unknown as Document;
  const types = Object.entries(document.components.schemas).map(([name, schema]) =>
    interfaceOf(name, schema),
  );
  types.push(interfaceOf('SessionEvent', schemaOf(sessionEvent, 'output')));
  types.push(interfaceOf('AgentAnswer', schemaOf(agentAnswer, 'input')));
  const routes: string[] = [];
  const shapes: string[] = [];
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, described] of Object.entries(methods)) {
      const shape = shapeOf(described);
      if (!shape) continue;
      const name = JSON.stringify(described.operationId);
      shapes.push(
        `  /** ${described.summary} */\n  ${name}: { input: ${shape.input}; output: ${shape.output} };`,
      );
      routes.push(`  ${name}: ['${method.toUpperCase()}', '${path}'],`);
    }
  }
  return CLIENT.replace('/* TYPES */', () => types.join('\n\n'))
    .replace('/* SHAPES */', () => shapes.join('\n'))
    .replace('/* ROUTES */', () => routes.join('\n'));
}

/** Null for streams, which a call does not end. */
function shapeOf({
  parameters = [],
  requestBody,
  responses,
}: Described): { input: string; output: string } | null {
  const body = requestBody?.content['application/json']?.schema;
  if (requestBody && !body) return null; // bytes alone
  const answer = Object.entries(responses).find(([status]) => status.startsWith('2'))?.[1].content;
  if (answer && ('text/event-stream' in answer || 'application/x-ndjson' in answer)) return null;
  const fields = parameters.filter((one) => one.in !== 'header');
  const given: JsonSchema = {
    type: 'object',
    properties: Object.fromEntries(fields.map(({ name, schema }) => [name, schema])),
    required: fields.filter(({ required }) => required).map(({ name }) => name),
    additionalProperties: false,
  };
  const inputs = [...(fields.length > 0 ? [typeOf(given)] : []), ...(body ? [typeOf(body)] : [])];
  const json = answer?.['application/json']?.schema;
  return {
    input: inputs.join(' & ') || 'Record<string, never>',
    output: json ? typeOf(json) : answer ? 'Uint8Array' : 'undefined',
  };
}

const schemaOf = (schema: z.ZodType, io: 'input' | 'output'): JsonSchema =>
  z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as JsonSchema;

const CLIENT = `// A client of Postern, made by \`npm run client\` from the gateway's own contracts. Do not change it: make it anew.

/* TYPES */

/** What goes in and comes out of each operation. */
export interface Operations {
/* SHAPES */
}

const ROUTES: { readonly [K in keyof Operations]: readonly [method: string, path: string] } = {
/* ROUTES */
};

/** What the gateway refuses with (RFC 9457). Match on \`code\`, which is stable. */
export class PosternRefusal extends Error {
  override readonly name = 'PosternRefusal';
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export interface PosternOptions {
  /** The address of the gateway's REST door, with /v1: an event's \`data.session.api\`, or POSTERN_API. */
  api: string;
  /** The token of a session (\`data.session.token\`, POSTERN_TOKEN), or an API key. */
  token: string;
  timeoutMs?: number;
}

export class Postern {
  readonly #options: PosternOptions;

  constructor(options: PosternOptions) {
    this.#options = options;
  }

  /** Calls an operation by its name. @throws PosternRefusal */
  async call<K extends keyof Operations>(name: K, input: Operations[K]['input']): Promise<Operations[K]['output']> {
    const { api, token, timeoutMs = 60_000 } = this.#options;
    const [method, route] = ROUTES[name];
    const rest: Record<string, unknown> = { ...input };
    const path = route.replace(/\\{(\\w+)\\}/g, (_, field: string) => {
      const value = String(rest[field]);
      delete rest[field];
      return encodeURIComponent(value);
    });
    const url = new URL(api.replace(/\\/v1\\/?$/, '') + path);
    const hasBody = method === 'POST' || method === 'PATCH';
    if (!hasBody)
      for (const [field, value] of Object.entries(rest))
        for (const one of Array.isArray(value) ? value : value === undefined ? [] : [value])
          url.searchParams.append(field, String(one));
    const response = await fetch(url, {
      method,
      headers: { authorization: \`Bearer \${token}\`, ...(hasBody ? { 'content-type': 'application/json' } : {}) },
      ...(hasBody ? { body: JSON.stringify(rest) } : {}),
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (!response.ok) {
      const problem = (await response.json().catch(() => ({}))) as { code?: string; detail?: string };
      const { code = 'unknown', detail = \`The gateway answers with status \${response.status}.\` } = problem;
      throw new PosternRefusal(response.status, code, detail);
    }
    if (response.status === 204) return undefined as Operations[K]['output'];
    const isJson = response.headers.get('content-type')?.includes('json') ?? false;
    const answer: unknown = isJson ? await response.json() : new Uint8Array(await response.arrayBuffer());
    return answer as Operations[K]['output'];
  }
}

/** The event that a command gets on stdin: \`await eventFrom(process.stdin)\`. */
export async function eventFrom(input: AsyncIterable<Uint8Array | string>): Promise<SessionEvent> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const piece of input) text += typeof piece === 'string' ? piece : decoder.decode(piece, { stream: true });
  return JSON.parse(text + decoder.decode()) as SessionEvent;
}

/** A client with the power of the session that the event is for, and no other. */
export const clientFor = ({ data }: SessionEvent): Postern =>
  new Postern({ api: data.session.api, token: data.session.token });
`;

if (import.meta.main) {
  const [file = 'postern-client.ts'] = process.argv.slice(2);
  await writeFile(file, clientText());
  process.stdout.write(`${file} is written.\n`);
}
