// What an agent has read that is not to be trusted: pure. A session that has read such a thing keeps only what is safe
// although the agent obeys it: it answers through a person, and to the people of its conversation.
import type { Trust } from '../contracts/mail.ts';
import { type Finding, finding } from './rules.ts';
import { inWords } from './warnings.ts';

const MOST_NAMED = 5;

/** What a session was shown of its own conversation. */
export interface ConversationRead {
  /** The weakest of its mails with what warns of any of them, for the agent has read them all. */
  trust: Trust;
  /** Those who wrote in it although nobody of it had written to them. */
  outsiders: readonly string[];
}

/** Why the conversation taints whoever reads it. Empty where nothing does. */
export function conversationTaint({ trust, outsiders }: ConversationRead): Finding[] {
  const causes: Finding[] = [];
  if (trust.level === 'unverified')
    causes.push(
      finding('unverified', `The sender of a mail that the agent has read is not verified: ${trust.reason}.`),
    );
  // A Reply-To counts where the answer goes.
  const warnings = trust.flags.filter((flag) => flag !== 'reply-to-elsewhere');
  if (warnings.length > 0)
    causes.push(finding('suspicious', `A mail that the agent has read is suspicious: ${inWords(warnings)}.`));
  // Whoever has seen a Message-ID can write into its thread: what others wrote there is not for him.
  if (outsiders.length > 0)
    causes.push(
      finding(
        'outsider',
        `${outsiders.slice(0, MOST_NAMED).join(', ')} came into this conversation from outside of it.`,
      ),
    );
  return causes;
}

/**
 * The causes that stay, whatever becomes of the conversation: a mail that may still be proved to be from whom it says does
 * not, and neither does somebody from outside, who is of it once somebody has written to him.
 */
export const lastingTaint = (read: ConversationRead): Finding[] =>
  conversationTaint(read).filter(({ rule }) =>
    rule === 'unverified' ? read.trust.checked : rule === 'suspicious',
  );

/** A mail of another conversation, as an agent read it. */
export interface ForeignRead {
  /** Of the ledger. */
  messageId: string;
  from: string | null;
  isOwn: boolean;
  trust: Trust;
}

/**
 * Why a mail of another conversation taints: it does not where the account wrote it, or somebody of this conversation, and
 * that is sure. Of the same organisation is not enough: two strangers may have their mail at one provider.
 */
export function foreignTaint(mail: ForeignRead, isKnown: (address: string) => boolean): Finding | null {
  if (mail.isOwn) return null;
  const { from, trust, messageId } = mail;
  const isSure = trust.level !== 'unverified' && trust.flags.length === 0;
  if (isSure && from !== null && isKnown(from)) return null;
  return finding(
    'outside_content',
    `The agent has read a mail of another conversation, from ${from ?? 'nobody'} (${messageId}).`,
  );
}
