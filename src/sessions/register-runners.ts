// What runs agents, wired: the watchdog of programs, the endpoints of webhooks, and models with their counts.
import type { Agent } from '../contracts/rule.ts';
import type { Logger } from '../kernel/logger.ts';
import { Endpoints, type EndpointsParts } from './endpoints.ts';
import { ProcessGuard } from './guard.ts';
import { modelRunners } from './model/register.ts';
import type { ToolBox } from './model/tools.ts';
import { ModelCounts } from './model/usage.ts';
import type { RecordParts } from './record.ts';
import type { Runner } from './runner.ts';
import { runners } from './runners.ts';

export interface RunnerRoomParts extends EndpointsParts, Pick<RecordParts, 'conceal'> {
  /** What programs may be given of it is named in the rules. */
  environment: Readonly<Record<string, string | undefined>>;
  /** The tools of a session, for models. */
  tools: ToolBox;
}

export interface RunnerRoom {
  runnerOf: (agent: Agent) => Runner;
  guard: ProcessGuard;
  endpoints: Endpoints;
  models: ModelCounts;
}

export function registerRunners(parts: RunnerRoomParts): RunnerRoom {
  const { clock, environment, resolveSecret } = parts;
  const log: Logger = parts.log.child({ part: 'sessions' });
  const guard = new ProcessGuard(log);
  const endpoints = new Endpoints({ ...parts, log });
  const models = new ModelCounts();
  const modelRunner = modelRunners({ ...parts, counts: models });
  const runnerOf = runners({ environment, resolveSecret, now: clock.now, endpoints, guard, modelRunner });
  return { runnerOf, guard, endpoints, models };
}
