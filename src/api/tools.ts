// The tools that an agent has, from the one registry. Of the operations that are tools, a session has those that its token
// permits and its agent's policy leaves: an empty `tools` leaves all that stay within its thread, one that is not empty
// leaves those that it names. What a tool then does is judged by policy at each call, as the actions of an answer are.
import type { Agent } from '../contracts/rule.ts';
import { PosternError } from '../kernel/errors.ts';
import { type Principal, permits } from './access.ts';
import type { Operation, ToolPart } from './registry.ts';

type ToolOperation = Operation & { tool: ToolPart };

/** What is in force of the rules. */
interface Agents {
  agents: ReadonlyMap<string, Agent>;
}

export interface Tool {
  name: string;
  title: string;
  description: string;
  /** What clients may hang their caution on (MCP's hints); nothing here relies on them. */
  annotations: { readOnly: boolean; destructive: boolean; idempotent: boolean };
  operation: Operation;
}

/** The tools that a principal may call, in the order of the registry. */
export function toolsFor(
  principal: Principal,
  operations: readonly Operation[],
  { agents }: Agents,
): readonly Tool[] {
  const may = principal.kind === 'session' ? agents.get(principal.agent)?.may : undefined;
  if (principal.kind === 'session' && !may) return []; // the agent is not in the rules any more
  return operations
    .filter((operation): operation is ToolOperation => operation.tool !== undefined)
    .filter(({ permission, tool }) => {
      if (!permits(principal, permission)) return false;
      return may ? isLeft(tool, may) && (tool.suits?.(may) ?? true) : !tool.sessionOnly;
    })
    .map(toolOf);
}

function toolOf(operation: ToolOperation): Tool {
  const { tool, summary, effects } = operation;
  return {
    name: tool.name,
    title: tool.title,
    description: tool.description ?? summary,
    annotations: {
      readOnly: effects === 'read',
      destructive: effects === 'destructive',
      idempotent: effects === 'read',
    },
    operation,
  };
}

/**
 * A session calls no tool that its agent's policy leaves out.
 * @throws PosternError `forbidden`
 */
export function demandTool(
  principal: Principal,
  { tool, ofTool }: Pick<Operation, 'tool' | 'ofTool'>,
  { agents }: Agents,
): void {
  const asked: Asked | undefined = tool ?? (ofTool === undefined ? undefined : { name: ofTool });
  if (principal.kind === 'key' || !asked) return;
  const may = agents.get(principal.agent)?.may;
  if (may && isLeft(asked, may)) return;
  throw new PosternError('forbidden', `The policy of this agent does not allow ${asked.name}.`, {
    hint: may
      ? `Add ${typeof asked.named === 'string' ? asked.named : asked.name} to the agent's may.tools.`
      : `The agent ${principal.agent} is not in the rules any more.`,
  });
}

type Asked = Pick<ToolPart, 'name' | 'named' | 'always'>;

function isLeft({ name, named, always }: Asked, { tools }: Agent['may']): boolean {
  if (always || tools.includes(name)) return true;
  if (typeof named === 'string') return tools.includes(named);
  return named === undefined && tools.length === 0;
}
