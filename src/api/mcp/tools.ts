// The tools of a server: those operations that its caller may use, under the names that agents know. A tool that a caller
// may not use is not there, and to call it is to call something unknown.
import type {
  CallToolResult,
  McpServer,
  RegisteredTool,
  ServerContext,
  StandardSchemaWithJSON,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { invoke } from '../invoke.ts';
import type { Operation } from '../registry.ts';
import { recordUnknownTool } from '../session-record.ts';
import { type Tool, toolsFor } from '../tools.ts';
import { type Caller, callerOf } from './caller.ts';
import type { McpParts } from './parts.ts';
import { refusalOf, resultOf } from './results.ts';

type Json = Record<string, unknown>;

export const toolsOf = ({ rooms, operations }: McpParts, { principal }: Caller): readonly Tool[] =>
  toolsFor(principal, operations, rooms.rules.current());

const toolCall = z.object({ method: z.literal('tools/call'), params: z.object({ name: z.string() }) });

/** The library refuses a call of a tool that is not there; that it was tried stands in the session's record. */
export async function noteUnknownTool(parts: McpParts, caller: Caller, request: unknown): Promise<void> {
  const call = toolCall.safeParse(request);
  if (!call.success || caller.principal.kind !== 'session') return;
  const { name } = call.data.params;
  if (toolsOf(parts, caller).some((tool) => tool.name === name)) return;
  await recordUnknownTool(name, { principal: caller.principal, rooms: parts.rooms });
}

/** The tools of one server: what its caller may changes with the rules, and a session lives longer than a rule. */
export class ToolShelf {
  readonly #server: McpServer;
  readonly #parts: McpParts;
  readonly #shown = new Map<string, RegisteredTool>();

  constructor(server: McpServer, parts: McpParts) {
    this.#server = server;
    this.#parts = parts;
  }

  /** Shows these and no others; the library tells the client where that changes what it saw. */
  show(tools: readonly Tool[]): void {
    const wanted = new Set(tools.map(({ name }) => name));
    for (const [name, shown] of this.#shown) {
      if (wanted.has(name)) continue;
      shown.remove();
      this.#shown.delete(name);
    }
    for (const tool of tools) if (!this.#shown.has(tool.name)) this.#shown.set(tool.name, this.#add(tool));
  }

  #add({ name, title, description, annotations, operation }: Tool): RegisteredTool {
    const { input, output } = schemasOf(operation);
    return this.#server.registerTool(
      name,
      {
        title,
        description,
        inputSchema: input,
        ...(output ? { outputSchema: output } : {}),
        annotations: {
          title,
          readOnlyHint: annotations.readOnly,
          destructiveHint: annotations.destructive,
          idempotentHint: annotations.idempotent,
          openWorldHint: !annotations.readOnly, // people outside may read what it writes
        },
      },
      (input: unknown, context: ServerContext) => this.#call(operation, input, context),
    );
  }

  async #call(operation: Operation, input: unknown, context: ServerContext): Promise<CallToolResult> {
    const { principal, requestId } = callerOf(context);
    const { rooms, log } = this.#parts;
    try {
      const { signal } = context.mcpReq;
      return resultOf(await invoke(operation, { principal, rooms, signal, requestId }, input));
    } catch (error) {
      return refusalOf(error, requestId, log);
    }
  }
}

interface Schemas {
  input: StandardSchemaWithJSON;
  /** Absent where the answer is no object. */
  output: StandardSchemaWithJSON | undefined;
}

/** Made once for each operation: a server is made for every request. */
const schemas = new WeakMap<Operation, Schemas>();

function schemasOf(operation: Operation): Schemas {
  const known = schemas.get(operation);
  if (known) return known;
  const output = z.toJSONSchema(operation.output, { unrepresentable: 'any' }) as Json;
  const input = z.toJSONSchema(operation.shape ?? operation.input, {
    io: 'input',
    unrepresentable: 'any',
  }) as Json;
  const made = { input: shown(input), output: output.type === 'object' ? shown(output) : undefined };
  schemas.set(operation, made);
  return made;
}

/** A schema that is shown and checks nothing: `invoke` checks, and says what is wrong as at every other door. */
function shown(schema: Json): StandardSchemaWithJSON {
  return {
    '~standard': {
      version: 1,
      vendor: 'postern',
      validate: (value: unknown) => ({ value }),
      jsonSchema: { input: () => schema, output: () => schema },
    },
  };
}
