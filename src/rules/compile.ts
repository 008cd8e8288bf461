// Rules files to a rule set in force: all of them, or all that is wrong with them. Pure.
import { createHash } from 'node:crypto';
import { type KnowledgeSink, LOCAL_SINK } from '../contracts/knowledge-sink.ts';
import type { Agent, Destination, Rule, RuleAction, RuleProblem, RulesFile } from '../contracts/rule.ts';
import type { Names as Words } from '../contracts/rule-condition.ts';
import { PosternError } from '../kernel/errors.ts';
import { readAction } from './actions.ts';
import { addressPattern } from './addresses.ts';
import { allOf } from './checks.ts';
import { compileCondition } from './conditions.ts';
import { collectDigests } from './digests.ts';
import { Instructions, isInstructions } from './instructions.ts';
import type { Place } from './list-checks.ts';
import { type ReadyRule, type RuleSet, ruleSet } from './match.ts';
import { mend } from './nearest.ts';
import { PatternError, textPattern } from './pattern.ts';
import { FileReader, type ReadFile, type RuleFile } from './read-files.ts';
import { checkSink } from './sinks.ts';

export type { RuleFile };

const MAX_RULES = 50_000; // five times what the budgets speak of; each costs memory for good
const MAX_PROBLEMS = 100; // more than a person reads at once
const VERSION_CHARS = 16; // 64 bits: enough to tell two sets apart

/**
 * Compiles the files in the order given; rules are tried in that order.
 * @param reader knows the files that were compiled with it before
 * @throws PosternError `rules_invalid`, whose `details.problems` is a list of RuleProblem in the order of the files
 */
export function compileRules(files: readonly RuleFile[], reader = new FileReader()): RuleSet {
  const problems: RuleProblem[] = [];
  const read = reader.read(
    files.filter(({ name, made }) => made || !isInstructions(name)),
    problems,
  );
  const instructions = new Instructions(files);
  const told = new Map<string, Agent>();
  const written = collectNamed(read, 'agents', 'agent', problems, (agent, path, report) => {
    checkRecipients(agent, path, report);
    checkModel(agent, path, report);
    told.set(String(path.at(-1)), instructions.of(agent, path, report));
  });
  const agents = new Map([...written, ...told]);
  const destinations = collectNamed(read, 'destinations', 'destination', problems, checkDestination);
  // Where a file could not be read, an agent that is not there may well be in it.
  const sinks = collectNamed(read, 'knowledge', 'sink', problems, (sink, path, report) =>
    checkSink(String(path.at(-1)), sink, path, report),
  );
  const names = problems.length > 0 ? null : { agents, destinations, sinks };
  const { ready, inline } = collectRules(read, names, problems);
  const digests = collectDigests(read, problems);
  if (problems.length > 0) throw rulesInvalid(inOrder(problems, files));
  const inForce = files.filter(
    ({ name, made }) => made || !isInstructions(name) || instructions.isTaken(name),
  );
  return ruleSet(versionOf(inForce), agents, ready, new Map([...destinations, ...inline]), sinks, digests);
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

/** Reports what is wrong with a definition beyond its shape. */
type Examine<T> = (found: T, path: Place['path'], report: Place['report']) => void;

/** What the files define by name: each name once in all of them. */
function collectNamed<K extends Section>(
  files: readonly ReadFile[],
  section: K,
  noun: string,
  problems: RuleProblem[],
  examine: Examine<Definition<K>>,
): Map<string, Definition<K>> {
  const found = new Map<string, Definition<K>>();
  const seen = new Map<string, ReadFile>();
  for (const file of files) {
    for (const [name, definition] of Object.entries(file.content[section] ?? {})) {
      const earlier = seen.get(name);
      if (earlier) {
        const place = `${earlier.name}:${earlier.keyAt([section], name).line}`;
        const message = `the ${noun} \`${name}\` is already defined in ${place}`;
        problems.push({ file: file.name, ...file.keyAt([section], name), message });
        continue;
      }
      seen.set(name, file);
      found.set(name, definition as Definition<K>);
      examine(definition as Definition<K>, [section, name], reporter(file, problems));
    }
  }
  return found;
}

type Section = 'agents' | 'destinations' | 'knowledge';
type Definition<K extends Section> = {
  agents: Agent;
  destinations: Destination;
  knowledge: KnowledgeSink;
}[K];

const reporter =
  (file: ReadFile, problems: RuleProblem[]): Place['report'] =>
  (path, message) => {
    problems.push({ file: file.name, ...file.valueAt(path), message });
  };

const checkRecipients: Examine<Agent> = ({ may }, path, reportAt) => {
  for (const field of ['recipients', 'bcc', 'reply_to'] as const) {
    const list = may[field];
    for (const [i, source] of (Array.isArray(list) ? list : []).entries()) {
      const report = (message: string): void =>
        reportAt([...path, 'may', field, i], `\`${source.slice(0, 100)}\` ${message}`);
      // `*` and exclusions would let an agent write to nearly anybody by a list that looks narrow.
      if (source === '*')
        report(
          `allows everybody; ${field === 'recipients' ? 'write `recipients: any` if that is meant' : 'name them'}`,
        );
      else if (source.startsWith('!')) report(`excludes; \`${field}\` only names who is allowed`);
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
  for (const [i, reason] of may.needs_approval_when.entries()) {
    if (typeof reason === 'string' || !('words' in reason)) continue;
    for (const [j, word] of reason.words.entries()) {
      try {
        textPattern(word, 'part');
      } catch (error) {
        if (!(error instanceof PatternError)) throw error;
        reportAt(
          [...path, 'may', 'needs_approval_when', i, 'words', j],
          `\`${word.slice(0, 100)}\` ${error.message}`,
        );
      }
    }
  }
};

/** What would be refused at every step is refused here. The URL is not repeated: it may hold a secret. */
const checkModel: Examine<Agent> = ({ run }, path, report) => {
  if (!('model' in run)) return;
  const { url, allow_private: allowPrivate } = run.model;
  const at = [...path, 'run', 'model', 'url'];
  const { protocol, username, password, search, hash } = new URL(url);
  if (username !== '' || password !== '')
    report(at, '`url` must not hold a user name or a password; name the key in `api_key_ref`');
  else if (search !== '' || hash !== '')
    report(at, '`url` must end with its path; what comes after `?` or `#` would be lost');
  else if (protocol === 'http:' && !allowPrivate)
    report(at, '`url` is not https; for a model of your own write `allow_private: true` beside it');
};

/** What would be refused at every delivery is refused here. The URL is not repeated: it may hold a secret. */
const checkDestination: Examine<Destination> = (destination, path, report) => {
  const { url, allow_private: allowPrivate, format } = destination;
  for (const key of ['journal', 'attachment_retention_days'] as const)
    if (format === 'raw' && destination[key])
      report(
        [...path, key],
        `\`${key}\` goes with \`format: json\`; a raw message is sent as it lies on the server`,
      );
  const { protocol, username, password } = new URL(url);
  if (username !== '' || password !== '')
    report(
      [...path, 'url'],
      '`url` must not hold a user name or a password; name them in `headers` by reference',
    );
  else if (protocol === 'http:' && !allowPrivate)
    report(
      [...path, 'url'],
      '`url` is not https; inside your own network write `allow_private: true` beside it',
    );
};

const MADE_FORWARD = 'a rule made over REST cannot forward without a person; leave `send: auto` to the files';
const MADE_DRAFT = 'a rule made over REST cannot answer without a person; leave `send: auto` to the files';
const MADE_POST = 'a rule made over REST names a destination of the files; it cannot describe one of its own';

interface Names {
  agents: ReadonlyMap<string, Agent>;
  destinations: ReadonlyMap<string, Destination>;
  sinks: ReadonlyMap<string, KnowledgeSink>;
}

/** @param names null where not all of them are known */
function collectRules(
  files: readonly ReadFile[],
  names: Names | null,
  problems: RuleProblem[],
): { ready: ReadyRule[]; inline: Map<string, Destination> } {
  const ready: ReadyRule[] = [];
  const inline = new Map<string, Destination>();
  const seen = new Map<string, string>();
  for (const source of files) {
    const { name: file, content, made, lines } = source;
    for (const [i, rule] of (content.rules ?? []).entries()) {
      const whole = withDefaults(rule, content.defaults);
      const report = reporter(source, problems);
      const path = ['rules', i];
      const line = lines[i] ?? 1;
      const earlier = seen.get(rule.name);
      if (earlier) report([...path, 'name'], `the rule \`${rule.name}\` is already defined in ${earlier}`);
      else seen.set(rule.name, made ? `the rule ${file}, made over REST` : `${file}:${line}`);
      const actions = rule.then.map((written, j): RuleAction => {
        const name = `${rule.name}#${j + 1}`; // no name of a file has a #
        const [word = ''] = typeof written === 'string' ? [] : Object.keys(written);
        const at = [...path, 'then', j, word];
        const { action, inline: described } = readAction(written, name, { name: word, path: at, report });
        if (made && described) report(at, MADE_POST);
        if (made && 'forward' in action && action.forward.send === 'auto') report(at, MADE_FORWARD);
        if (made && 'draft' in action && action.draft.send === 'auto') report(at, MADE_DRAFT);
        if (described) checkDestination(described, at, report);
        if (described) inline.set(name, described);
        return action;
      });
      for (const [j, action] of actions.entries()) {
        const at = [...path, 'then', j];
        if (names && 'spawn' in action) demand(names.agents, 'agent', action.spawn, [...at, 'spawn'], report);
        if (names && 'post' in action && !inline.has(action.post))
          demand(names.destinations, 'destination', action.post, [...at, 'post'], report);
        for (const [k, sink] of 'ingest' in action ? action.ingest.to.entries() : [])
          if (names && sink !== LOCAL_SINK)
            demand(names.sinks, 'sink', sink, [...at, 'ingest', 'to', k], report);
      }
      const check = checkOf(whole, path, content.defaults, report);
      ready.push({ rule: whole, check, actions, place: { file, line, made } });
      if (ready.length > MAX_RULES) {
        report(path, `there are more than ${MAX_RULES} rules`);
        return { ready, inline };
      }
    }
  }
  return { ready: byPriority(ready), inline };
}

/** The sort is stable: of the same priority, the order stays. */
const byPriority = (rules: readonly ReadyRule[]): ReadyRule[] =>
  rules.toSorted((a, b) => (b.rule.priority ?? 0) - (a.rule.priority ?? 0));

function withDefaults(rule: Rule, defaults: RulesFile['defaults'] = {}): Rule {
  const { timezone: _, ...known } = defaults;
  return { ...known, ...rule };
}

function demand(
  known: ReadonlyMap<string, unknown>,
  noun: string,
  name: string,
  path: Place['path'],
  report: Place['report'],
): void {
  if (known.has(name)) return;
  const near = known.size > 0 ? mend(name, [...known.keys()]) : `; no ${noun}s are defined`;
  report(path, `there is no ${noun} \`${name}\`${near}`);
}

/** What is wrong with a default is told where it stands, by the first rule that has it. */
function checkOf(
  { account, mailbox, when }: Rule,
  path: Place['path'],
  defaults: RulesFile['defaults'],
  report: Place['report'],
): ReadyRule['check'] {
  const at = (word: 'account' | 'mailbox', value: Words | undefined): Place => ({
    ...{ name: '', report },
    path: value !== undefined && value === defaults?.[word] ? ['defaults'] : path,
  });
  return allOf([
    compileCondition({ account }, at('account', account)),
    compileCondition({ mailbox }, at('mailbox', mailbox)),
    compileCondition(when ?? {}, { name: '', path: [...path, 'when'], report }, defaults?.timezone),
  ]);
}
