// Rules files to a rule set in force: all of them, or all that is wrong with them. Pure.
import { createHash } from 'node:crypto';
import {
  type Agent,
  type Rule,
  type RuleAction,
  type RuleProblem,
  type RulesFile,
  rulesFile,
} from '../contracts/rule.ts';
import { PosternError } from '../kernel/errors.ts';
import { addressPattern } from './addresses.ts';
import { allOf } from './checks.ts';
import { compileCondition } from './conditions.ts';
import { inWords } from './language.ts';
import type { Place } from './list-checks.ts';
import { type ReadyRule, type RuleSet, ruleSet } from './match.ts';
import { mend } from './nearest.ts';
import { PatternError } from './pattern.ts';
import { readYaml, type YamlFile } from './rules-yaml.ts';

/** A rules file as it was read. */
export interface RuleFile {
  /** Its name within the rules folder. */
  name: string;
  text: string;
}

const MAX_RULES = 50_000; // five times what the budgets speak of; each costs memory for good
const MAX_PROBLEMS = 100; // more than a person reads at once
const VERSION_CHARS = 16; // 64 bits: enough to tell two sets apart

interface ReadFile {
  name: string;
  content: RulesFile;
  yaml: YamlFile;
}

/**
 * Compiles the files in the order given; rules are tried in that order.
 * @throws PosternError `rules_invalid`, whose `details.problems` is a list of RuleProblem in the order of the files
 */
export function compileRules(files: readonly RuleFile[]): RuleSet {
  const problems: RuleProblem[] = [];
  const read = files.flatMap((file) => readFile(file, problems));
  const agents = collectAgents(read, problems);
  // Where a file could not be read, an agent that is not there may well be in it.
  const ready = collectRules(read, problems.length > 0 ? null : agents, problems);
  if (problems.length > 0) throw rulesInvalid(inOrder(problems, files));
  return ruleSet(versionOf(files), agents, ready);
}

/** The error that carries what is wrong with rules. */
export function rulesInvalid(problems: readonly RuleProblem[]): PosternError {
  const [first] = problems;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  const what = first ? `${first.file}:${first.line}:${first.column} ${first.message}` : 'no reason is known';
  return new PosternError('rules_invalid', `The rules are invalid: ${what}${more}.`, {
    details: { problems: problems.slice(0, MAX_PROBLEMS) },
  });
}

function versionOf(files: readonly RuleFile[]): string {
  const content = JSON.stringify(files.map(({ name, text }) => [name, text]));
  return createHash('sha256').update(content).digest('hex').slice(0, VERSION_CHARS);
}

function inOrder(problems: readonly RuleProblem[], files: readonly RuleFile[]): RuleProblem[] {
  const place = new Map(files.map(({ name }, i) => [name, i]));
  const placeOf = ({ file }: RuleProblem): number => place.get(file) ?? 0;
  return [...problems].sort((a, b) => placeOf(a) - placeOf(b) || a.line - b.line || a.column - b.column);
}

function readFile({ name, text }: RuleFile, problems: RuleProblem[]): ReadFile[] {
  const yaml = readYaml(text);
  problems.push(...yaml.problems.map((problem) => ({ file: name, ...problem })));
  if (yaml.problems.length > 0 || yaml.data === null) return [];
  try {
    const result = rulesFile.safeParse(yaml.data);
    if (result.success) return [{ name, content: result.data, yaml }];
    for (const { path, key, message } of inWords(result.error.issues, yaml.data)) {
      const position = key === undefined ? yaml.valueAt(path) : yaml.keyAt(path, key);
      problems.push({ file: name, ...position, message });
    }
  } catch (error) {
    // Aliases can nest conditions deeper than the text shows, and the schema follows them.
    if (!(error instanceof RangeError)) throw error;
    problems.push({ file: name, line: 1, column: 1, message: 'is nested too deep' });
  }
  return [];
}

function collectAgents(files: readonly ReadFile[], problems: RuleProblem[]): Map<string, Agent> {
  const agents = new Map<string, Agent>();
  const seen = new Map<string, string>();
  for (const { name: file, content, yaml } of files) {
    for (const [name, agent] of Object.entries(content.agents ?? {})) {
      const position = yaml.keyAt(['agents'], name);
      const earlier = seen.get(name);
      if (earlier) {
        problems.push({
          file,
          ...position,
          message: `the agent \`${name}\` is already defined in ${earlier}`,
        });
        continue;
      }
      seen.set(name, `${file}:${position.line}`);
      agents.set(name, agent);
      checkRecipients(agent, ['agents', name, 'may', 'recipients'], file, yaml, problems);
    }
  }
  return agents;
}

function checkRecipients(
  agent: Agent,
  path: readonly string[],
  file: string,
  yaml: YamlFile,
  problems: RuleProblem[],
): void {
  const { recipients } = agent.may;
  for (const [i, source] of (Array.isArray(recipients) ? recipients : []).entries()) {
    const report = (message: string): void => {
      problems.push({
        file,
        ...yaml.valueAt([...path, i]),
        message: `\`${source.slice(0, 100)}\` ${message}`,
      });
    };
    // `*` and exclusions would let an agent write to nearly anybody by a list that looks narrow.
    if (source === '*') report('allows everybody; write `recipients: any` if that is meant');
    else if (source.startsWith('!')) report('excludes; `recipients` only names who is allowed');
    else {
      try {
        addressPattern(source);
      } catch (error) {
        if (!(error instanceof PatternError)) throw error;
        report(error.message);
      }
    }
  }
}

function collectRules(
  files: readonly ReadFile[],
  agents: ReadonlyMap<string, Agent> | null,
  problems: RuleProblem[],
): ReadyRule[] {
  const ready: ReadyRule[] = [];
  const seen = new Map<string, string>();
  for (const { name: file, content, yaml } of files) {
    for (const [i, rule] of (content.rules ?? []).entries()) {
      const report: Place['report'] = (path, message) => {
        problems.push({ file, ...yaml.valueAt(path), message });
      };
      const path = ['rules', i];
      const earlier = seen.get(rule.name);
      if (earlier) report([...path, 'name'], `the rule \`${rule.name}\` is already defined in ${earlier}`);
      else seen.set(rule.name, `${file}:${yaml.valueAt([...path, 'name']).line}`);
      const actions = rule.then.map(normalised);
      for (const [j, action] of actions.entries()) {
        if (!agents || !('spawn' in action) || agents.has(action.spawn)) continue;
        const known = agents.size > 0 ? mend(action.spawn, [...agents.keys()]) : '; no agents are defined';
        report([...path, 'then', j, 'spawn'], `there is no agent \`${action.spawn}\`${known}`);
      }
      ready.push({ rule, check: checkOf(rule, path, report), actions });
      if (ready.length > MAX_RULES) {
        report(path, `there are more than ${MAX_RULES} rules`);
        return ready;
      }
    }
  }
  return ready;
}

function checkOf(
  { account, mailbox, when }: Rule,
  path: Place['path'],
  report: Place['report'],
): ReadyRule['check'] {
  return allOf([
    compileCondition({ account, mailbox }, { name: '', path, report }),
    compileCondition(when ?? {}, { name: '', path: [...path, 'when'], report }),
  ]);
}

function normalised(action: Rule['then'][number]): RuleAction {
  if (action === 'mark_seen') return { mark_seen: true };
  return action === 'stop' ? { stop: true } : action;
}
