// Which actions on the mailbox an agent may take: pure.
import type { Agent } from '../contracts/rule.ts';

/** Why the label is refused, or null. */
export function refusedLabel(may: Agent['may'], label: string): string | null {
  if (!may.label) return 'the policy of this agent does not allow labels';
  return label.startsWith('\\') ? 'a label must not be a system flag' : null;
}

/** Why the move is refused, or null. Mailboxes are named one by one. */
export function refusedMove(may: Agent['may'], mailbox: string): string | null {
  return may.move.includes(mailbox)
    ? null
    : `the policy of this agent does not allow moving mail to ${mailbox}`;
}
