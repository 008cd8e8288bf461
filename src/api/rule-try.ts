// Trying rules: what they make of a mail or of the mails of a time. Nothing is done.

import type { RuleAction } from '../contracts/rule.ts';
import type { MailTest } from '../contracts/rule-test.ts';
import { UNANSWERABLE } from '../policy/answerable.ts';
import { isNeverForwarded } from '../policy/forward.ts';

import type { RuleSet } from '../rules/match.ts';
import { silenceOf } from '../sessions/silence.ts';
import type { TriedMail } from './rule-input.ts';

/** The answer for one mail, also for the command line without a gateway. */
export function tryMail(rules: RuleSet, mail: TriedMail): MailTest {
  const matches = rules.judge(mail.input).filter(({ sure }) => sure);
  let movedBy: string | null = null;
  const would: MailTest['would'] = [];
  for (const { rule, actions } of matches) {
    for (const action of actions) {
      const moved = 'move' in action ? movedBy : null;
      const held = moved === null ? heldBecause(rules, rule, mail, action) : `“${moved}” has moved it`;
      if ('move' in action) movedBy ??= rule;
      would.push({ rule, action, held });
    }
  }
  return {
    rules_version: rules.version,
    matches: matches.map(({ rule, actions }) => ({ rule, actions })),
    would,
    explanation: rules.explain(mail.input),
  };
}

/** Why an action is not done although its rule matches; null where it is. */
export function heldBecause(
  rules: RuleSet,
  rule: string,
  mail: Pick<TriedMail, 'kind' | 'kindReason'>,
  action: RuleAction,
): string | null {
  if ('forward' in action) return isNeverForwarded(mail.kind) ? `not forwarded: ${mail.kindReason}` : null;
  if ('draft' in action) return UNANSWERABLE.has(mail.kind) ? `not answered: ${mail.kindReason}` : null;
  return 'spawn' in action ? silenceOf(rules, rule, mail) : null;
}
