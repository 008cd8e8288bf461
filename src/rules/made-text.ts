// A rule that was made in the console or over REST, as text: one rule by itself, in the language of the files.
import { MAX_RULE_CHARS, type MadeRuleInput } from '../contracts/made-rule.ts';
import { type Rule, rule, rulesFile } from '../contracts/rule.ts';
import { PosternError } from '../kernel/errors.ts';
import { readYaml, type YamlFile, yamlOf } from './rules-yaml.ts';

/** What stands in the place of the file's name where a text is wrong that has no id yet. */
export const CANDIDATE = 'rule';

const FILE_WORDS = Object.keys(rulesFile.shape);

/** The text of a rule, however it was given. @throws PosternError `invalid_input` */
export function madeText({ text, rule: given }: MadeRuleInput): string {
  if ((text === undefined) === (given === undefined)) {
    throw new PosternError('invalid_input', 'Give the rule either as `text` or as `rule`.', {
      details: { errors: [{ path: 'text', message: 'give either text or rule' }] },
    });
  }
  return text ?? textOf(given);
}

/** @throws PosternError `invalid_input` where it is longer or deeper than a text may be */
function textOf(given: unknown): string {
  const refused = (message: string): PosternError =>
    new PosternError('invalid_input', `The rule ${message}.`, {
      details: { errors: [{ path: 'rule', message }] },
    });
  let text: string;
  try {
    text = yamlOf(given);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw refused('is nested too deep');
  }
  if (text.length > MAX_RULE_CHARS) throw refused(`is longer than ${MAX_RULE_CHARS} characters as YAML`);
  return text;
}

/**
 * The text as a file that has the one rule: what is found wrong at `rules[0]` stands where the text has it.
 * What belongs into a file is refused: agents and destinations are the operator's.
 */
export function readMadeRule(text: string): YamlFile {
  const yaml = readYaml(text);
  if (yaml.problems.length > 0) return yaml;
  const { data } = yaml;
  const isMapping = typeof data === 'object' && data !== null && !Array.isArray(data);
  const word = isMapping ? FILE_WORDS.find((key) => Object.hasOwn(data, key)) : undefined;
  if (!isMapping || word !== undefined) {
    const position = word === undefined ? yaml.valueAt([]) : yaml.keyAt([], word);
    const what = word === undefined ? '' : `\`${word}\` stands in a file of the operator's; `;
    const message = `${what}write one rule by itself, beginning with \`name:\``;
    return { ...yaml, data: null, problems: [{ ...position, message }] };
  }
  return {
    ...yaml,
    data: { rules: [data] },
    valueAt: (path) => yaml.valueAt(path.slice(2)),
    keyAt: (path, key) => yaml.keyAt(path.slice(2), key),
  };
}

/** The name of a rule in its text; null where there is none that could be one. */
export function nameIn(text: string): string | null {
  const { data } = readYaml(text);
  const name = (data as { name?: unknown } | null)?.name;
  return typeof name === 'string' && name !== '' ? name : null;
}

/** A rule as its text says it; null where it is none. */
export function ruleIn(text: string): Rule | null {
  return rule.safeParse(readYaml(text).data).data ?? null;
}
