// Which actions on the mailbox an agent may take: pure.
import type { May } from '../contracts/agent-policy.ts';
import { type Finding, finding } from './rules.ts';

/** Why the label is refused, or null. */
export function refusedLabel(may: May, label: string): Finding | null {
  if (!may.label) return finding('label_not_allowed', 'the policy of this agent does not allow labels');
  return label.startsWith('\\') ? finding('label_not_allowed', 'a label must not be a system flag') : null;
}

/** Why the move is refused, or null. Mailboxes are named one by one. */
export function refusedMove(may: May, mailbox: string): Finding | null {
  return may.move.includes(mailbox)
    ? null
    : finding('move_not_allowed', `the policy of this agent does not allow moving mail to ${mailbox}`);
}
