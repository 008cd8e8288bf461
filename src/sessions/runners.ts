// How an agent is run: as a command, or by a webhook.
import type { Agent } from '../contracts/rule.ts';
import { commandRunner } from './command.ts';
import type { Runner } from './runner.ts';
import { webhookRunner } from './webhook.ts';

/** The runner of an agent, by what its rule says. */
export function runners(
  environment: Readonly<Record<string, string | undefined>>,
  secretOf: (reference: string) => string,
  now: () => number,
): (agent: Agent) => Runner {
  return ({ run }) => {
    if ('command' in run)
      return commandRunner({
        command: run.command,
        env: run.env ?? [],
        environment,
        baseFolder: process.cwd(),
      });
    const { url, secret_ref: reference, allow_private: allowPrivate } = run.webhook;
    return webhookRunner({
      url,
      secret: () => secretOf(reference),
      allowPrivate: allowPrivate ?? false,
      now,
    });
  };
}
