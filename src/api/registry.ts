// What an operation is. The REST routes, the OpenAPI document, the command line, the tools of agents and (later) the
// console's client all come from these records: an operation is written once and every door shows it.
import type { z } from 'zod';
import type { Agent } from '../contracts/rule.ts';
import type { Permission, Principal } from './access.ts';
import type { Rooms } from './rooms.ts';

export interface Context {
  principal: Principal;
  rooms: Rooms;
  /** Aborted when whoever asked has gone away. */
  signal: AbortSignal;
  requestId: string;
  /** The bytes that came instead of a JSON body, where the operation takes such. */
  body?: Buffer;
  /** The body as it comes, where the operation takes a stream. */
  upload?: Upload;
}

export interface Upload {
  bytes: AsyncIterable<Uint8Array>;
  contentType: string;
  /** As a form names it; undefined where the body is the file itself. */
  filename?: string | undefined;
}

/** `destructive`: cannot be taken back, or mail leaves because of it. */
export type Effects = 'read' | 'write' | 'destructive';

export interface RawBody {
  /** The media type; a stream is taken whatever it is. */
  type: string;
  /** The bytes are given as base64 in this field of the input; without, as the context's `body`, with the fields in the query. */
  field?: string;
  /** The bytes are never held: the context's `upload` gives them as they come, and there is no JSON beside them. */
  streams?: true;
}

export interface HttpPart {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With the input's fields in braces where they stand in the path: `/v1/drafts/{id}/approve`. */
  path: string;
  /** The status of success: 200, or 204 where there is nothing to say. */
  status?: 200 | 201 | 204;
  /**
   * A body of bytes is taken too.
   */
  rawBody?: RawBody;
  /** The answer is bytes of this media type and not JSON. */
  answers?: string;
  /** Room for files in the body; the ordinary limit is for words. */
  largeBody?: boolean;
}

export interface CliPart {
  /** Noun and verb: `draft`, `approve`. */
  words: readonly [string, string];
  /** Fields of the input that are given by position. */
  args?: readonly string[];
  /** Fields of each item (dotted) that a table shows; without them the answer is shown whole. */
  columns?: readonly string[];
  /** A field that is an object: its own fields are flags without its name before them. */
  spread?: string;
}

/** An operation that agents call: over MCP as a tool of this name, and over REST with their session's token. */
export interface ToolPart {
  /** One that agents know from elsewhere where there is one: `get_thread`. Rules name it (contracts/tool-names.ts). */
  name: string;
  /** For people who look at a list of tools. */
  title: string;
  /** What a model is told; the operation's summary where that says enough. */
  description?: string;
  /**
   * It reaches beyond the session's own thread: an agent has it only where its policy's `tools` names it, or this other
   * tool that stands for both.
   */
  named?: true | string;
  /** It takes nothing and moves nothing, so that no list of tools leaves it out: to ask, to wait, to end. */
  always?: true;
  /** It is about the session itself: an operator's key has no use for it. */
  sessionOnly?: true;
  /** Whether the policy can ever let it do something; without, it can. What it does is judged at each call. */
  suits?: (may: Agent['may']) => boolean;
}

export interface Operation<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> {
  /** `noun.verb`, stable. */
  name: string;
  summary: string;
  /** An object; strict, so that a misspelt field is an error and never a wish that silently does not count. */
  input: I;
  /** What documents and flags show of the input where it is open itself: a merge patch. */
  shape?: z.ZodType;
  output: O;
  permission: Permission;
  effects: Effects;
  http: HttpPart;
  cli?: CliPart;
  tool?: ToolPart;
  /** Another door of this tool: an agent that does not have it has neither. */
  ofTool?: string;
  /** Honours `Idempotency-Key`: the same request with the same key happens once. */
  idempotent?: boolean;
  /** What a call is about, for the audit; calls of operations without this are not recorded. */
  audit?(context: Context, input: z.output<I>): Promise<string>;
  handler(context: Context, input: z.output<I>): Promise<z.input<O>>;
}

/** Keeps the types of input and output together where an operation is written. */
export function defineOperation<I extends z.ZodType, O extends z.ZodType>(
  operation: Operation<I, O>,
): Operation {
  return operation as unknown as Operation;
}

/** The fields of an operation's input that stand in its path. */
export function pathFields(path: string): string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] as string);
}
