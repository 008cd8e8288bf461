// How an agent is run: as a command, by a webhook, or as a model that is asked.
import type { ModelRun } from '../contracts/model-run.ts';
import type { Agent } from '../contracts/rule.ts';
import { octetsOf } from '../rules/quantity.ts';
import { commandRunner } from './command.ts';
import { optionsOf } from './endpoints.ts';
import type { Guard } from './guard.ts';
import type { Runner } from './runner.ts';
import { type EndpointStates, webhookRunner } from './webhook.ts';

export interface RunnerParts {
  environment: Readonly<Record<string, string | undefined>>;
  resolveSecret: (reference: string) => string;
  now: () => number;
  endpoints: EndpointStates;
  guard: Guard;
  modelRunner: (model: ModelRun, limits: Agent['limits']) => Runner;
}

/** The runner of an agent, by what its rule says. */
export function runners({
  environment,
  resolveSecret,
  now,
  endpoints,
  guard,
  modelRunner,
}: RunnerParts): (agent: Agent) => Runner {
  return ({ run, limits }) => {
    if ('command' in run)
      return commandRunner({
        command: run.command,
        env: run.env ?? [],
        environment,
        baseFolder: process.cwd(),
        output: run.output,
        processes: run.processes,
        memoryBytes: run.memory === undefined ? null : octetsOf(run.memory),
        guard,
      });
    if ('webhook' in run) return webhookRunner({ ...optionsOf(run.webhook, resolveSecret), now, endpoints });
    return modelRunner(run.model, limits);
  };
}
