// Agents as people see them: what each may do, how much of it, and whether it is stopped.
import { z } from 'zod';
import { limits, may } from './agent-policy.ts';

export const agentPause = z.object({
  scope: z.enum(['agent', 'account', 'all']),
  /** The agent's name, the account's id, or nothing. */
  name: z.string(),
  reason: z.string(),
  /** `policy` where the gateway itself stopped it. */
  paused_by: z.string(),
  paused_at: z.number().int(),
});
export type AgentPause = z.infer<typeof agentPause>;

export const agentView = z.object({
  name: z.string(),
  run: z.string().describe('How it is run: command, webhook or model.'),
  may,
  limits,
  /** What holds it: its own pause, or that of all. Null while it runs. */
  paused: agentPause.nullable(),
  /** How many of its sessions are in each state that is not over. */
  sessions: z.record(z.string(), z.number().int()),
});
export type AgentView = z.infer<typeof agentView>;

export const agentsView = z.object({
  data: z.array(agentView),
  /** Every pause, those of accounts among them. */
  pauses: z.array(agentPause),
});
export type AgentsView = z.infer<typeof agentsView>;
