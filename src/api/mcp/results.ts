// What a call gave, as MCP content: JSON as text for every client and structured for those that look; bytes as what they
// are; a refusal as a result that a model can read, with the same problem details as over REST.
import type { CallToolResult } from '@modelcontextprotocol/server';
import { PosternError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import { problemOf } from '../http/problems.ts';

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function resultOf(answer: unknown): CallToolResult {
  if (answer === undefined) return { content: [{ type: 'text', text: 'Done.' }], structuredContent: {} };
  const content: CallToolResult['content'] = [{ type: 'text', text: JSON.stringify(answer) }];
  return isObject(answer) ? { content, structuredContent: answer } : { content };
}

/** A refusal names its code, what is wrong and what helps; a bug is logged once and shows nothing of the inside. */
export function refusalOf(thrown: unknown, requestId: string, log: Logger): CallToolResult {
  const { code, detail, hint, errors } = problemOf(foreseen(thrown, requestId, log));
  const said = { code, detail, ...(hint === undefined ? {} : { hint }), ...(errors ? { errors } : {}) };
  return { isError: true, content: [{ type: 'text', text: JSON.stringify(said) }] };
}

export function foreseen(thrown: unknown, requestId: string, log: Logger): PosternError {
  if (thrown instanceof PosternError) return thrown;
  const bug = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  log.error({ request: requestId, error: bug }, 'a bug: a call over MCP failed');
  return new PosternError('internal', 'Something went wrong inside Postern.', {
    hint: `Its log says more under ${requestId}.`,
  });
}
