// How an agent is run: as a command, or by a webhook.
import type { Agent } from '../contracts/rule.ts';
import { PosternError } from '../kernel/errors.ts';
import { commandRunner } from './command.ts';
import { optionsOf } from './endpoints.ts';
import type { Runner } from './runner.ts';
import { type EndpointStates, webhookRunner } from './webhook.ts';

export interface RunnerParts {
  environment: Readonly<Record<string, string | undefined>>;
  resolveSecret: (reference: string) => string;
  now: () => number;
  endpoints: EndpointStates;
}

/** The runner of an agent, by what its rule says. */
export function runners({
  environment,
  resolveSecret,
  now,
  endpoints,
}: RunnerParts): (agent: Agent) => Runner {
  return ({ run }) => {
    if ('command' in run)
      return commandRunner({
        command: run.command,
        env: run.env ?? [],
        environment,
        baseFolder: process.cwd(),
      });
    if ('webhook' in run) return webhookRunner({ ...optionsOf(run.webhook, resolveSecret), now, endpoints });
    throw new PosternError('agent_not_started', 'This way to run an agent is not built yet.');
  };
}
