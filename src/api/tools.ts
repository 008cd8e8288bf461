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
  const policies = policiesOf(principal, agents);
  return operations
    .filter((operation): operation is ToolOperation => operation.tool !== undefined)
    .filter(({ permission, tool }) => {
      if (!permits(principal, permission)) return false;
      if (policies === null) return !tool.sessionOnly;
      return policies.length > 0 && policies.every((may) => isLeft(tool, may) && (tool.suits?.(may) ?? true));
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
  const policies = policiesOf(principal, agents);
  if (principal.kind === 'key' || policies === null || !asked) return;
  if (policies.length > 0 && policies.every((may) => isLeft(asked, may))) return;
  throw new PosternError('forbidden', `The policy of this agent does not allow ${asked.name}.`, {
    hint: agents.has(principal.agent)
      ? `Add ${typeof asked.named === 'string' ? asked.named : asked.name} to the agent's may.tools.`
      : `The agent ${principal.agent} is not in the rules any more.`,
  });
}

/**
 * The policies that all have to allow a tool: that of the rules now, and that which the turn was granted. None where the
 * agent is not in the rules any more, and null for a key, which has no policy.
 */
function policiesOf(principal: Principal, agents: Agents['agents']): Agent['may'][] | null {
  if (principal.kind === 'key') return null;
  const now = agents.get(principal.agent)?.may;
  if (!now) return [];
  return principal.capability ? [now, principal.capability.may] : [now];
}

/** A session as the rules leave it: what they have narrowed since its turn began counts at once. */
export function narrowed<P extends Principal>(principal: P, { agents }: Agents): P {
  if (principal.kind === 'key' || !principal.capability) return principal;
  const read = agents.get(principal.agent)?.may.read;
  const { capability } = principal;
  if (read === 'account' || capability.may.read === 'thread') return principal;
  return { ...principal, capability: { ...capability, may: { ...capability.may, read: 'thread' } } };
}

type Asked = Pick<ToolPart, 'name' | 'named' | 'always'>;

function isLeft({ name, named, always }: Asked, { tools }: Agent['may']): boolean {
  const listed: readonly string[] = tools;
  if (always || listed.includes(name)) return true;
  if (typeof named === 'string') return listed.includes(named);
  return named === undefined && listed.length === 0;
}
