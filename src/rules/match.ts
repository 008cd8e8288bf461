// A rule set in force: which rules a mail matches, and why the others do not. Pure.
import type { DigestDefinition } from '../contracts/digest.ts';
import type { KnowledgeSink } from '../contracts/knowledge-sink.ts';
import type { Agent, Destination, Rule, RuleAction } from '../contracts/rule.ts';
import type { Check } from './checks.ts';
import { explainAll, type RuleExplanation, type Stop, type TriedRule, tryRule } from './explain.ts';
import { type Fact, MailView, type RuleInput } from './mail-view.ts';
import { RuleIndex } from './rule-index.ts';

export interface RuleMatch {
  /** The rule's name. */
  rule: string;
  actions: RuleAction[];
}

/** A rule that a mail matches, or that it may match: that hangs on what is not known of the mail. */
export interface RuleJudgement extends RuleMatch {
  sure: boolean;
  /** What the rule looks at and is not known of the mail. */
  lacks: readonly Fact[];
}

export interface RuleSet {
  /** The first characters of a SHA-256 over the files' names and texts. */
  readonly version: string;
  readonly agents: ReadonlyMap<string, Agent>;
  /** What `post` may name: by name those of the files, and those that a rule describes where it posts. */
  readonly destinations: ReadonlyMap<string, Destination>;
  /** What `ingest` may name besides `local`. */
  readonly knowledge: ReadonlyMap<string, KnowledgeSink>;
  /** What is mailed on a schedule, by name. */
  readonly digests: ReadonlyMap<string, DigestDefinition>;
  /** In the order in which they are tried. */
  readonly rules: readonly Rule[];
  /** Of each of the rules, in the same order. */
  readonly places: readonly RulePlace[];
  /** The rules that the mail matches, in order, up to the first that stops. */
  match(mail: RuleInput): RuleMatch[];
  /** The same, and the rules that it may match for all that is known of it. */
  judge(mail: RuleInput): RuleJudgement[];
  /** What becomes of each rule, in order. */
  explain(mail: RuleInput): RuleExplanation[];
}

export interface ReadyRule {
  rule: Rule;
  check: Check;
  actions: RuleAction[];
  place: RulePlace;
}

/** Where a rule stands. */
export interface RulePlace {
  /** The file's name, or the id of a rule that was made over REST. */
  file: string;
  line: number;
  made: boolean;
}

export function ruleSet(
  version: string,
  agents: ReadonlyMap<string, Agent>,
  ready: readonly ReadyRule[],
  destinations: ReadonlyMap<string, Destination> = new Map(),
  knowledge: ReadonlyMap<string, KnowledgeSink> = new Map(),
  digests: ReadonlyMap<string, DigestDefinition> = new Map(),
): RuleSet {
  const index = new RuleIndex(ready.map(({ check }) => check.anchors));
  const stops = ready.map(({ actions }) => actions.some((action) => 'stop' in action));
  const tried = ready.map(
    ({ rule, check }, number): TriedRule => ({ rule: rule.name, check, stops: stops[number] === true }),
  );
  return {
    version,
    agents,
    destinations,
    knowledge,
    digests,
    rules: ready.map(({ rule }) => rule),
    places: ready.map(({ place }) => place),
    match: (mail) => {
      const view = new MailView(mail);
      const matches: RuleMatch[] = [];
      for (const number of index.candidates(view)) {
        const { rule, check, actions } = ready[number] as ReadyRule;
        if (!check.test(view)) continue;
        matches.push({ rule: rule.name, actions: [...actions] });
        if (stops[number]) break;
      }
      return matches;
    },
    judge: (mail) => {
      const view = new MailView(mail);
      const found: RuleJudgement[] = [];
      let stop: Stop | null = null;
      for (const number of index.candidates(view)) {
        const { verdict, stop: after } = tryRule(tried[number] as TriedRule, view, stop);
        stop = after;
        const { rule, check, actions } = ready[number] as ReadyRule;
        const lacks = check.facts?.filter((fact) => view.lacks(fact)) ?? [];
        if (verdict !== 'no')
          found.push({ rule: rule.name, actions: [...actions], sure: verdict === 'yes', lacks });
        if (stop?.sure) break;
      }
      return found;
    },
    explain: (mail) => explainAll(new MailView(mail), tried),
  };
}
