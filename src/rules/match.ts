// A rule set in force: which rules a mail matches, and why the others do not. Pure.
import type { Agent, Destination, Rule, RuleAction } from '../contracts/rule.ts';
import type { Check, Failure } from './checks.ts';
import { MailView, type RuleInput } from './mail-view.ts';
import { RuleIndex } from './rule-index.ts';

export interface RuleMatch {
  /** The rule's name. */
  rule: string;
  actions: RuleAction[];
}

export interface RuleExplanation {
  rule: string;
  matched: boolean;
  /** The rule whose `stop` kept this one from being tried. */
  stopped_by: string | null;
  /** Every condition that does not hold; empty when the rule matched or was not tried. */
  failed: Failure[];
  /** All of it as a sentence. */
  text: string;
}

export interface RuleSet {
  /** The first characters of a SHA-256 over the files' names and texts. */
  readonly version: string;
  readonly agents: ReadonlyMap<string, Agent>;
  /** What `post` may name: by name those of the files, and those that a rule describes where it posts. */
  readonly destinations: ReadonlyMap<string, Destination>;
  /** In the order in which they are tried. */
  readonly rules: readonly Rule[];
  /** The rules that the mail matches, in order, up to the first that stops. */
  match(mail: RuleInput): RuleMatch[];
  /** What becomes of each rule, in order. */
  explain(mail: RuleInput): RuleExplanation[];
}

export interface ReadyRule {
  rule: Rule;
  check: Check;
  actions: RuleAction[];
}

export function ruleSet(
  version: string,
  agents: ReadonlyMap<string, Agent>,
  ready: readonly ReadyRule[],
  destinations: ReadonlyMap<string, Destination> = new Map(),
): RuleSet {
  const index = new RuleIndex(ready.map(({ check }) => check.anchors));
  const stops = ready.map(({ actions }) => actions.some((action) => 'stop' in action));
  return {
    version,
    agents,
    destinations,
    rules: ready.map(({ rule }) => rule),
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
    explain: (mail) => explainAll(new MailView(mail), ready, stops),
  };
}

function explainAll(
  view: MailView,
  ready: readonly ReadyRule[],
  stops: readonly boolean[],
): RuleExplanation[] {
  let stoppedBy: string | null = null;
  return ready.map(({ rule, check }, number) => {
    if (stoppedBy !== null) {
      const text = `not tried, because “${stoppedBy}” matched and stops`;
      return { rule: rule.name, matched: false, stopped_by: stoppedBy, failed: [], text };
    }
    const matched = check.test(view);
    if (matched && stops[number]) stoppedBy = rule.name;
    const failed = matched ? [] : check.failures(view);
    const text = matched ? 'matches' : `does not match: ${failed.map(sentence).join('; ')}`;
    return { rule: rule.name, matched, stopped_by: null, failed, text };
  });
}

function sentence({ condition, wanted, had }: Failure): string {
  return `${condition} wants ${wanted}, the mail has ${had}`;
}
