// What an agent's mail may do: pure. A mail is refused, held for a person, or let go; every reason is a sentence.
import type { MailKind, Trust } from '../contracts/mail.ts';
import type { Agent } from '../contracts/rule.ts';
import { addressForm, addressPattern, addressTest } from '../rules/addresses.ts';
import { PatternError } from '../rules/pattern.ts';
import { inWords } from './warnings.ts';

export interface OutgoingRequest {
  /** Every recipient, of To, Cc and Bcc. */
  recipients: readonly string[];
  bcc: readonly string[];
  /** The addresses of the people in the thread: who wrote in it, and whom this gateway wrote to. */
  thread: readonly string[];
  /** Of them, those who are there only because a mail named them in its Reply-To: nothing shows that they wrote it. */
  named: readonly string[];
  /** Of them, those who wrote in the thread although nobody of it had written to them. */
  outsiders: readonly string[];
  /** Of the message that woke the session. */
  kind: MailKind;
  kindReason: string;
  /** The weakest of the thread's mails with what warns of any of them, for the agent has read them all. */
  trust: Trust;
}

export type OutgoingVerdict =
  | { verdict: 'refuse'; reason: string }
  /** Held until a person decides. */
  | { verdict: 'ask'; reasons: string[] }
  /** Leaves by itself. */
  | { verdict: 'send' };

/** Mail that must not be answered by a machine (RFC 3834 §2), whatever the policy says. */
const UNANSWERABLE = new Set<MailKind>([
  'own',
  'bounce',
  'complaint',
  'receipt',
  'auto-reply',
  'auto-generated',
  'list',
  'bulk',
]);

export function judgeOutgoing(may: Agent['may'], request: OutgoingRequest): OutgoingVerdict {
  if (may.reply === 'never') return refuse('the policy of this agent says reply: never');
  if (UNANSWERABLE.has(request.kind))
    return refuse(`the mail is not to be answered by a machine: ${request.kindReason}`);
  if (request.recipients.length === 0) return refuse('the mail has no recipient');
  if (request.bcc.length > 0) return refuse('an agent may not add blind copies');
  const isAllowed = recipientTest(may.recipients, request.thread);
  const outside = request.recipients.filter((address) => !isAllowed(address));
  if (outside.length > 0)
    return refuse(`the policy of this agent does not allow ${outside.join(', ')} as a recipient`);

  const reasons: string[] = [];
  if (may.reply === 'approve') reasons.push('The policy of this agent wants a person to approve its mail.');
  if (request.trust.level === 'unverified')
    reasons.push(`The sender of a mail that the agent has read is not verified: ${request.trust.reason}.`);
  // A Reply-To counts where the answer goes: below.
  const warnings = request.trust.flags.filter((flag) => flag !== 'reply-to-elsewhere');
  if (warnings.length > 0)
    reasons.push(`A mail that the agent has read is suspicious: ${inWords(warnings)}.`);
  // Whoever has seen a Message-ID can write into its thread: what others wrote there is not for him.
  if (request.outsiders.length > 0)
    reasons.push(
      `${request.outsiders.slice(0, 5).join(', ')} came into this conversation from outside of it.`,
    );
  const named = new Set(request.named.map((one) => addressForm(one).address));
  const unknown = request.recipients.filter((address) => named.has(addressForm(address).address));
  if (may.recipients === 'thread' && unknown.length > 0)
    reasons.push(`Only a Reply-To says that the answer goes to ${unknown.join(', ')}.`);
  return reasons.length === 0 ? { verdict: 'send' } : { verdict: 'ask', reasons };
}

const refuse = (reason: string): OutgoingVerdict => ({ verdict: 'refuse', reason });

/**
 * Who may be written to: an empty list allows nobody, and `any` is written out. The entries of a list are patterns as
 * in the rules' `from`.
 */
function recipientTest(
  recipients: Agent['may']['recipients'],
  thread: readonly string[],
): (address: string) => boolean {
  if (recipients === 'any') return () => true;
  if (recipients === 'thread') {
    const people = new Set(thread.map((one) => addressForm(one).address));
    return (address) => people.has(addressForm(address).address);
  }
  const test = addressTest(recipients.flatMap(patternOf));
  return (address) => test(addressForm(address));
}

/** Rules with an entry that is no pattern are not taken in force; should one come here all the same, it allows nobody. */
function patternOf(entry: string): ReturnType<typeof addressPattern>[] {
  try {
    return [addressPattern(entry)];
  } catch (error) {
    if (error instanceof PatternError) return [];
    throw error;
  }
}
