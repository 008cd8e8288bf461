// What becomes of each rule for one mail: it matches, it does not (and why), or that hangs on what is not known of the
// mail. The conditions are those that match it. Pure.
import { assuming, type Check, type Failure, NOT_KNOWN } from './checks.ts';
import type { MailView } from './mail-view.ts';

export interface RuleExplanation {
  rule: string;
  matched: boolean;
  /** Whether it matches hangs on what is not known of the mail. */
  unsure: boolean;
  /** The rule whose `stop` kept this one from being tried, or would if it matched. */
  stopped_by: string | null;
  /** Every condition that does not hold, or is not known; empty when the rule matched or was not tried. */
  failed: Failure[];
  /** All of it as a sentence. */
  text: string;
}

export type Verdict = 'yes' | 'no' | 'unsure';

/** Whether a mail passes a check, whatever is not known of it. */
export function verdictOf(check: Check, view: MailView): Verdict {
  if (check.test(view)) return 'yes';
  if (!check.facts?.some((fact) => view.lacks(fact))) return 'no';
  return assuming(view, true, () => check.test(view)) ? 'unsure' : 'no';
}

/** What the rules before have done to the ones after them. */
export interface Stop {
  rule: string;
  /** Whether the rule that stops is sure to match. */
  sure: boolean;
}

export interface TriedRule {
  rule: string;
  check: Check;
  stops: boolean;
}

/** What comes of one rule, and the stop that is in force after it. */
export function tryRule(
  { rule, check, stops }: TriedRule,
  view: MailView,
  stop: Stop | null,
): { verdict: Verdict; stop: Stop | null } {
  if (stop?.sure) return { verdict: 'no', stop };
  const verdict = verdictOf(check, view);
  if (verdict === 'no') return { verdict, stop };
  const isSure = verdict === 'yes' && stop === null;
  return {
    verdict: isSure ? 'yes' : 'unsure',
    stop: stops && (isSure || stop === null) ? { rule, sure: isSure } : stop,
  };
}

/** What becomes of each rule, in order. */
export function explainAll(view: MailView, rules: Iterable<TriedRule>): RuleExplanation[] {
  const explained: RuleExplanation[] = [];
  let stop: Stop | null = null;
  for (const tried of rules) {
    const before: Stop | null = stop;
    const { verdict, stop: after } = tryRule(tried, view, before);
    stop = after;
    explained.push(explanationOf(tried, view, verdict, before));
  }
  return explained;
}

function explanationOf(
  { rule, check }: TriedRule,
  view: MailView,
  verdict: Verdict,
  stop: Stop | null,
): RuleExplanation {
  const found = {
    rule,
    matched: verdict === 'yes',
    unsure: verdict === 'unsure',
    stopped_by: null,
    failed: [],
  };
  if (stop?.sure) {
    const text = `not tried, because “${stop.rule}” matched and stops`;
    return { ...found, stopped_by: stop.rule, text };
  }
  if (verdict === 'yes') return { ...found, text: 'matches' };
  if (verdict === 'no') {
    const failed = assuming(view, true, () => check.failures(view));
    return { ...found, failed, text: `does not match: ${failed.map(sentence).join('; ')}` };
  }
  const failed = check.test(view) ? [] : check.failures(view).filter(({ had }) => had === NOT_KNOWN);
  const doubts = failed.map(sentence);
  if (stop) doubts.push(`“${stop.rule}” may match before it, and stops`);
  return { ...found, stopped_by: stop?.rule ?? null, failed, text: `may match: ${doubts.join('; ')}` };
}

function sentence({ condition, wanted, had }: Failure): string {
  return `${condition} wants ${wanted}, ${had === NOT_KNOWN ? 'which is not known' : `the mail has ${had}`}`;
}
