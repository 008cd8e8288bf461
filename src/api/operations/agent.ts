// Agents: who they are, what they may, and the kill switch.
import { z } from 'zod';
import { agentsView } from '../../contracts/agent.ts';
import type { PausePlace } from '../../sessions/pauses.ts';
import { nameOf } from '../access.ts';
import { type Context, defineOperation, type Operation } from '../registry.ts';
import { accountName } from './account-name.ts';

const MAX_REASON_CHARS = 500;

const name = z.string().min(1).max(100);
const reason = z
  .string()
  .min(1)
  .max(MAX_REASON_CHARS)
  .default('stopped by a person')
  .describe('Why, for people.');
const account = accountName.optional().describe('Those of one account; without it, all agents everywhere.');
const columns = ['name', 'run', 'may.reply', 'paused.reason', 'paused.paused_by', 'sessions'] as const;

/** All agents, or those of an account. */
async function placeOf({ rooms }: Context, named: string | undefined): Promise<PausePlace> {
  if (named === undefined) return { scope: 'all' };
  return { scope: 'account', name: (await rooms.accounts.find(named)).id };
}

export const agentOperations: readonly Operation[] = [
  defineOperation({
    name: 'agent.list',
    summary: 'List the agents of the rules in force: how each runs, what it may, and whether it is paused.',
    input: z.strictObject({}),
    output: agentsView,
    permission: 'agents:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/agents' },
    cli: { words: ['agent', 'list'], columns },
    handler: ({ rooms }) => rooms.agents.list(),
  }),
  defineOperation({
    name: 'agent.pause_all',
    summary:
      'Stop all agents, or those of an account, at once: running turns end, waiting ones wait, no draft leaves by itself.',
    input: z.strictObject({ account, reason }),
    output: agentsView,
    permission: 'agents:control',
    effects: 'write',
    http: { method: 'POST', path: '/v1/agents/pause' },
    cli: { words: ['agent', 'pause-all'], columns },
    audit: async (_, input) => input.account ?? '*',
    handler: async (context, input) =>
      context.rooms.agents.pause(
        await placeOf(context, input.account),
        input.reason,
        nameOf(context.principal),
      ),
  }),
  defineOperation({
    name: 'agent.resume_all',
    summary: 'Let all agents, or those of an account, go on. One that is paused by its own name stays so.',
    input: z.strictObject({ account }),
    output: agentsView,
    permission: 'agents:control',
    effects: 'write',
    http: { method: 'POST', path: '/v1/agents/resume' },
    cli: { words: ['agent', 'resume-all'], columns },
    audit: async (_, input) => input.account ?? '*',
    handler: async (context, input) => context.rooms.agents.resume(await placeOf(context, input.account)),
  }),
  defineOperation({
    name: 'agent.pause',
    summary:
      'Stop an agent at once: running turns end and their tokens die, waiting ones wait, no draft leaves by itself.',
    input: z.strictObject({ name, reason }),
    output: agentsView,
    permission: 'agents:control',
    effects: 'write',
    http: { method: 'POST', path: '/v1/agents/{name}/pause' },
    cli: { words: ['agent', 'pause'], args: ['name'], columns },
    audit: async (_, input) => input.name,
    handler: ({ rooms, principal }, input) =>
      rooms.agents.pause({ scope: 'agent', name: input.name }, input.reason, nameOf(principal)),
  }),
  defineOperation({
    name: 'agent.resume',
    summary: 'Let an agent go on: turns that waited run.',
    input: z.strictObject({ name }),
    output: agentsView,
    permission: 'agents:control',
    effects: 'write',
    http: { method: 'POST', path: '/v1/agents/{name}/resume' },
    cli: { words: ['agent', 'resume'], args: ['name'], columns },
    audit: async (_, input) => input.name,
    handler: ({ rooms }, input) => rooms.agents.resume({ scope: 'agent', name: input.name }),
  }),
];
