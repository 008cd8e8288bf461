// The rules of a trial: one agent of the operator's, with its policy as it stands in the file, woken by any mail.

import { mailKind } from '../contracts/mail.ts';
import { PosternError } from '../kernel/errors.ts';
import { silentLogger } from '../kernel/logger.ts';
import { isInstructions } from '../rules/instructions.ts';
import { readRuleFiles } from '../rules/load.ts';
import { mend } from '../rules/nearest.ts';
import { readYaml } from '../rules/rules-yaml.ts';

export interface TrialRules {
  /** The files of a rules folder. */
  files: Record<string, string>;
  /** The folders that the agent may move mail to. */
  mailboxes: string[];
  /** How long one turn may take, as the rules write it; null where they do not say. */
  time: string | null;
}

interface WrittenAgent {
  may?: { move?: string[] };
  limits?: { time?: string };
}

/**
 * @param folder the rules folder that names the agent
 * @throws PosternError `agent_missing`, `rules_invalid`
 */
export async function trialRules(folder: string, agent: string): Promise<TrialRules> {
  const texts = await readRuleFiles(folder, silentLogger);
  const files: Record<string, string> = {};
  const agents = new Map<string, WrittenAgent>();
  for (const { name, text } of texts) {
    if (isInstructions(name)) {
      files[name] = text;
      continue;
    }
    const { data, problems } = readYaml(text);
    const [mistake] = problems;
    if (mistake)
      throw new PosternError('rules_invalid', `${name}:${mistake.line}:${mistake.column} ${mistake.message}`);
    const written = (data as { agents?: Record<string, WrittenAgent> } | null)?.agents ?? {};
    for (const [found, definition] of Object.entries(written)) agents.set(found, definition);
  }
  const definition = agents.get(agent);
  if (!definition)
    throw new PosternError(
      'agent_missing',
      `There is no agent ${JSON.stringify(agent.slice(0, 80))} in ${folder}${mend(agent, [...agents.keys()])}.`,
    );
  // JSON is YAML. A rule that names every kind wakes the agent also for mail of machines, which is what is tried.
  const rule = {
    name: 'trial',
    when: { kind: mailKind.options.filter((kind) => kind !== 'own') },
    // biome-ignore lint/suspicious/noThenProperty: the language says then
    then: [{ spawn: agent }],
  };
  files['trial.yaml'] = JSON.stringify({ agents: { [agent]: definition }, rules: [rule] });
  const { may, limits } = definition;
  return {
    files,
    mailboxes: Array.isArray(may?.move) ? may.move.map(String) : [],
    time: typeof limits?.time === 'string' ? limits.time : null,
  };
}
