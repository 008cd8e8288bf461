// What the schema of a rules file says about a mistake, in the words of the language and with a way to mend
// it.
import type { z } from 'zod';
import { askWords } from '../contracts/agent-policy.ts';
import { sourceWords } from '../contracts/digest.ts';
import { sinkWords } from '../contracts/knowledge-sink.ts';
import { actionWords, runWords } from '../contracts/rule.ts';
import { conditionWords } from '../contracts/rule-condition.ts';
import { siteOf } from './language-sites.ts';
import { mend } from './nearest.ts';

type Path = readonly PropertyKey[];

/** A mistake at a path of the data; with `key`, at that key of the mapping there. */
export interface LanguageProblem {
  path: Path;
  key?: string;
  message: string;
}

const ONE_ACTION = 'one action for each `-`: write this one on a line of its own';

/** What is wrong with a key that the schema does not know. */
function unknownKey(key: string, path: Path): string {
  const { kind, words } = siteOf(path);
  // A word of the language where it stands, and one too many: each has the other's place.
  if (kind === 'action' && words.includes(key)) return ONE_ACTION;
  if (kind === 'sink' && words.includes(key))
    return 'a sink is either `http` or a `folder`, and this has both';
  if (kind === 'run' && words.includes(key))
    return '`run` takes one of a command, a webhook and a model, and has several';
  if (kind === 'rule' && conditionWords.includes(key)) return `\`${key}\` belongs under \`when\``;
  if (kind === 'rule' && (actionWords as readonly string[]).includes(key))
    return `\`${key}\` belongs under \`then\``;
  return `unknown key \`${key}\`${mend(key, words)}`;
}

/** @param data what was checked: it tells which form of a value was meant where there are several */
export function inWords(
  issues: readonly z.core.$ZodIssue[],
  data: unknown,
  base: Path = [],
): LanguageProblem[] {
  return issues.flatMap((issue): LanguageProblem[] => {
    const path = [...base, ...issue.path];
    const value = valueAt(data, path);
    switch (issue.code) {
      case 'unrecognized_keys':
        return issue.keys.map((key) => ({ path, key, message: unknownKey(key, path) }));
      case 'invalid_union':
        return unionInWords(issue, path, value, data);
      case 'invalid_key': {
        const key = String(path.at(-1));
        const why = issue.issues[0]?.message ?? 'is not a name';
        return [
          { path: path.slice(0, -1), key, message: `the name \`${key.slice(0, 80)}\` will not do: ${why}` },
        ];
      }
      case 'invalid_value':
        return [{ path, message: invalidValue(issue.values.map(String), path, value) }];
      default:
        return [{ path, message: `${nameOf(path)}: ${plain(issue, value)}` }];
    }
  });
}

function nameOf(path: Path): string {
  const name = path.findLast((step) => typeof step === 'string');
  return name === undefined ? 'the file' : `\`${String(name)}\``;
}

function invalidValue(values: string[], path: Path, value: unknown): string {
  if (nameOf(path) === '`trust`' && value === 'unverified') {
    return '`trust` names the least that is enough; for unverified mail write `not: { trust: asserted }`';
  }
  const got = typeof value === 'string' ? `\`${value.slice(0, 80)}\`` : kindOf(value);
  const near = typeof value === 'string' ? mend(value, values) : `; known here: ${values.join(', ')}`;
  return `${nameOf(path)}: ${got} is not one of its words${near}`;
}

function plain(issue: z.core.$ZodIssue, value: unknown): string {
  if (issue.code === 'invalid_type') {
    const wanted = EXPECTED[issue.expected] ?? issue.expected;
    return value === undefined ? `is missing; write ${wanted}` : `takes ${wanted}, and has ${kindOf(value)}`;
  }
  if (issue.code === 'too_small') {
    if (issue.origin === 'array') return 'is an empty list; leave the key out or name something';
    return issue.origin === 'string' ? 'is empty' : `must be at least ${issue.minimum}`;
  }
  if (issue.code === 'too_big') {
    const unit = issue.origin === 'array' ? ' items' : issue.origin === 'string' ? ' characters' : '';
    return `is more than ${issue.maximum}${unit}`;
  }
  return issue.message.replace(/^Invalid input: /, '');
}

const EXPECTED: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping of keys to values',
  record: 'a mapping of names to values',
};

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value === 'string') return 'a text';
  return `${String(value)}, which is not a text (quotes make it one)`;
}

type UnionIssue = Extract<z.core.$ZodIssue, { code: 'invalid_union' }>;

function unionInWords(issue: UnionIssue, path: Path, value: unknown, data: unknown): LanguageProblem[] {
  const { kind } = siteOf(path);
  if (kind === 'reason') return reasonInWords(issue, path, value, data);
  if (kind === 'action' && path.length === 4) return actionInWords(issue, path, value, data);
  if (kind === 'sink' && path.length === 2) return sinkInWords(issue, path, value, data);
  if (kind === 'run' && path.length === 3) return runInWords(issue, path, value, data);
  if (kind === 'source' && path.length === 4) return sourceInWords(issue, path, value, data);
  const fitting =
    issue.errors.find((branch) => branch.every((inner) => !isOtherKind(inner))) ??
    (typeof value === 'string' ? issue.errors.find(isOtherWord) : undefined);
  if (fitting) return inWords(fitting, data, path);
  return [{ path, message: `${nameOf(path)}: takes ${expectedAt(path)}, and has ${kindOf(value)}` }];
}

/** Whether the value is of another kind altogether than a branch of a union takes. */
function isOtherKind(issue: z.core.$ZodIssue): boolean {
  return issue.path.length === 0 && (issue.code === 'invalid_type' || issue.code === 'invalid_value');
}

/** Whether a branch takes words, and the value is another one. */
function isOtherWord(branch: readonly z.core.$ZodIssue[]): boolean {
  return branch.every((issue) => issue.path.length === 0 && issue.code === 'invalid_value');
}

function expectedAt(path: Path): string {
  switch (path.at(-1)) {
    case 'attachment':
      return 'true, false, or a mapping with type, name, size or count';
    case 'count':
      return 'a count such as 2 or ">=2"';
    case 'post':
      return 'the name of a destination, or a mapping with its url';
    case 'move':
      return 'the name of a folder, or a mapping with mailbox and create';
    case 'draft':
      return 'the name of a template, or a mapping with template';
    case 'forward':
      return 'an address, a list of addresses, or a mapping with to';
    case 'bcc':
    case 'reply_to':
      return '`never`, or a list of addresses and domains';
    case 'instructions':
      return 'a text, or a mapping with file';
    case 'to':
      return path[0] === 'digests'
        ? 'a list of addresses, `{ file }` or `{ query }`'
        : 'a text or a list of texts';
    case 'recipients':
      return '`thread`, `any`, or a list of addresses and domains';
    default:
      return 'a text or a list of texts';
  }
}

const EXAMPLES: Readonly<Record<string, string>> = {
  flag: 'flagged',
  move: 'Archive',
  forward: 'anna@example.org',
  draft: 'received',
};

/** Whether an action takes values of that kind at all: what is wrong in one is said by its own words. */
function takes(action: string, value: unknown): boolean {
  if (action === 'mark_seen' || action === 'stop') return false;
  if (typeof value === 'string') return action !== 'ingest';
  if (Array.isArray(value)) return action === 'flag' || action === 'forward';
  return typeof value === 'object' && ['post', 'draft', 'move', 'forward', 'ingest'].includes(action);
}

function actionInWords(issue: UnionIssue, path: Path, value: unknown, data: unknown): LanguageProblem[] {
  const valueless = (word: string): string =>
    word === 'ingest'
      ? 'write `- ingest`, or what it takes and where it goes: `- ingest: { message: true, to: [local] }`'
      : word === 'mark_seen' || word === 'stop'
        ? `write \`- ${word}\`, or leave it out`
        : `\`${word}\` needs a value, such as \`- ${word}: ${EXAMPLES[word] ?? 'name'}\``;
  const known = (word: string): boolean => (actionWords as readonly string[]).includes(word);
  if (typeof value === 'string') {
    const message = known(value)
      ? valueless(value)
      : unknownKey(value, path).replace('unknown key', 'unknown action');
    return [{ path, message }];
  }
  const keys = value && typeof value === 'object' && !Array.isArray(value) ? Object.keys(value) : [];
  const [key] = keys;
  if (key === undefined) return [{ path, message: 'an action is written as `- stop` or as `- spawn: name`' }];
  const unknown = keys.find((word) => !known(word));
  if (unknown !== undefined) {
    const message = unknownKey(unknown, path).replace('unknown key', 'unknown action');
    return [{ path, key: unknown, message }];
  }
  if (keys.length > 1) return [{ path, key: keys[1] as string, message: ONE_ACTION }];
  const given = (value as Record<string, unknown>)[key];
  if (given === null || !takes(key, given)) return [{ path: [...path, key], message: valueless(key) }];
  const branch = branchOf(issue, key);
  return branch ? inWords(branch, data, path) : [{ path, message: valueless(key) }];
}

function reasonInWords(issue: UnionIssue, path: Path, value: unknown, data: unknown): LanguageProblem[] {
  const [key] = value && typeof value === 'object' && !Array.isArray(value) ? Object.keys(value) : [];
  if (key !== undefined && !askWords.includes(key)) return [{ path, key, message: unknownKey(key, path) }];
  const branch = key === undefined ? undefined : branchOf(issue, key);
  if (branch) return inWords(branch, data, path);
  const near = typeof value === 'string' ? mend(value, askWords) : `; known here: ${askWords.join(', ')}`;
  const got = typeof value === 'string' ? `\`${value.slice(0, 80)}\`` : kindOf(value);
  return [{ path, message: `\`needs_approval_when\`: ${got} is no reason to ask${near}` }];
}

function runInWords(issue: UnionIssue, path: Path, value: unknown, data: unknown): LanguageProblem[] {
  if (value === undefined) {
    return [
      {
        path,
        message: '`run` is missing; write `run: { command: [program, argument] }`, a webhook or a model',
      },
    ];
  }
  if (!value || typeof value !== 'object' || Array.isArray(value)) {
    return [
      {
        path,
        message:
          '`run` takes `{ command: [program, argument] }`, `{ webhook: { url, secret_ref } }` or `{ model: { … } }`',
      },
    ];
  }
  const keys = Object.keys(value);
  const unknown = keys.filter((key) => !runWords.includes(key));
  if (unknown.length > 0) return unknown.map((key) => ({ path, key, message: unknownKey(key, path) }));
  const branch = branchOf(issue, ['model', 'webhook'].find((key) => keys.includes(key)) ?? 'command');
  return branch ? inWords(branch, data, path) : [{ path, message: '`run` cannot be read' }];
}

function sinkInWords(issue: UnionIssue, path: Path, value: unknown, data: unknown): LanguageProblem[] {
  const keys = value && typeof value === 'object' && !Array.isArray(value) ? Object.keys(value) : [];
  const unknown = keys.filter((key) => !sinkWords.includes(key));
  if (unknown.length > 0) return unknown.map((key) => ({ path, key, message: unknownKey(key, path) }));
  if (keys.length > 1)
    return [{ path, key: keys[1] as string, message: unknownKey(keys[1] as string, path) }];
  const branch = keys[0] === undefined ? undefined : branchOf(issue, keys[0]);
  if (branch) return inWords(branch, data, path);
  return [{ path, message: `${nameOf(path)}: takes \`{ http: { url } }\` or \`{ folder: /a/path }\`` }];
}

function sourceInWords(issue: UnionIssue, path: Path, value: unknown, data: unknown): LanguageProblem[] {
  const keys = value && typeof value === 'object' && !Array.isArray(value) ? Object.keys(value) : [];
  const unknown = keys.find((key) => !sourceWords.includes(key));
  if (unknown !== undefined) return [{ path, key: unknown, message: unknownKey(unknown, path) }];
  if (keys.length > 1)
    return [{ path, key: keys[1] as string, message: 'a source is one of these words, and has several' }];
  const branch = keys[0] === undefined ? undefined : branchOf(issue, keys[0]);
  if (branch) return inWords(branch, data, path);
  return [{ path, message: `${nameOf(path)}: takes a source such as \`{ messages: { since: last } }\`` }];
}

/** The issues of that branch of a union which takes the key. */
function branchOf(issue: UnionIssue, key: string): readonly z.core.$ZodIssue[] | undefined {
  const branches = issue.errors.flatMap((branch) => {
    const inner = branch.find((one) => one.code === 'invalid_union' && one.path.length === 0);
    return inner?.code === 'invalid_union' ? inner.errors : [branch];
  });
  return branches.find((branch) => branch.every((one) => one.path[0] === key));
}

function valueAt(data: unknown, path: Path): unknown {
  let value = data;
  for (const step of path) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return value;
}
