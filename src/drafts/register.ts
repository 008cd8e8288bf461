// The approval queue wired: what agents write, what rules forward and answer, and what the gateway itself tells its operator.
import type { Logger } from '../kernel/logger.ts';
import { type ActionParts, registerActions } from './actions.ts';
import { type AutomaticReplyParts, registerAutomaticReplies } from './automatic-replies.ts';
import { Drafts, type DraftsParts } from './drafts.ts';
import { type ForwardParts, registerForwards } from './forwards.ts';
import { registerOperatorNotice } from './operator-notice.ts';

export type DraftRoomParts = DraftsParts &
  Omit<ActionParts, 'drafts'> &
  Omit<ForwardParts, 'drafts'> &
  Omit<AutomaticReplyParts, 'drafts'> & {
    log: Logger;
    /** The operator's address, and the label of the account that sends; null: nobody is told. */
    operatorMail: { to: string; through: string } | null;
  };

/** Registers the handlers of `session.action`, `message.forward`, `message.answer` and, where there is an operator, `operator.notice`. */
export function registerDrafts(parts: DraftRoomParts): Drafts {
  const drafts = new Drafts(parts);
  const room = { ...parts, drafts };
  registerActions(room);
  registerForwards(room);
  registerAutomaticReplies(room);
  if (parts.operatorMail) registerOperatorNotice({ ...room, ...parts.operatorMail });
  return drafts;
}
