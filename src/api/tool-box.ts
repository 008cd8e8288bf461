// The tools of a session for a model that runs in this process: the same operations as over REST and MCP, called with the
// session's token and judged in the same way.
import { z } from 'zod';
import { PosternError } from '../kernel/errors.ts';
import type { SessionCall, SessionTool, ToolBox } from '../sessions/model/tools.ts';
import { invoke } from './invoke.ts';
import type { Operation } from './registry.ts';
import type { Rooms, SessionPrincipal } from './rooms.ts';
import { type Tool, toolsFor } from './tools.ts';

/** Operations after which an agent has nothing more to say. */
const ENDS = new Set(['session.finish']);

export class SessionToolBox implements ToolBox {
  readonly #rooms: () => Rooms;
  readonly #operations: readonly Operation[];

  /** @param rooms asked for when they are needed: sessions are wired before the doors are */
  constructor(rooms: () => Rooms, operations: readonly Operation[]) {
    this.#rooms = rooms;
    this.#operations = operations;
  }

  async list(token: string): Promise<SessionTool[]> {
    return this.#toolsOf(await this.#principalOf(token)).map(viewOf);
  }

  async call(token: string, { tool, input, index, signal }: SessionCall): Promise<unknown> {
    const principal = await this.#principalOf(token);
    const found = this.#toolsOf(principal).find(({ name }) => name === tool);
    if (!found) throw new PosternError('not_found', `There is no tool ${tool}.`);
    const requestId = `${principal.sessionId}:${index}`;
    return invoke(found.operation, { principal, rooms: this.#rooms(), signal, requestId }, input);
  }

  #toolsOf(principal: SessionPrincipal): readonly Tool[] {
    return toolsFor(principal, this.#operations, this.#rooms().rules.current());
  }

  async #principalOf(token: string): Promise<SessionPrincipal> {
    const principal = await this.#rooms().sessions.principalOf(token);
    if (!principal)
      throw new PosternError('unauthorized', "The session's token is not good any more: it was ended.");
    return principal;
  }
}

/** Made once for each operation: they are told at every step. */
const schemas = new WeakMap<Operation, Record<string, unknown>>();

function viewOf({ name, description, operation }: Tool): SessionTool {
  let inputSchema = schemas.get(operation);
  if (!inputSchema) {
    const shape = operation.shape ?? operation.input;
    const { $schema: _, ...schema } = z.toJSONSchema(shape, { io: 'input', unrepresentable: 'any' });
    inputSchema = schema;
    schemas.set(operation, schema);
  }
  return { name, description, inputSchema, ...(ENDS.has(operation.name) ? { ends: true } : {}) };
}
