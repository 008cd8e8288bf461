// Whether a mail may be answered from a template as a rule says, and whether a person is asked: pure, after RFC 3834.
// Every reason is a sentence's end.
import type { MailKind, Trust } from '../contracts/mail.ts';
import { addressForm } from '../rules/addresses.ts';
import { UNANSWERABLE } from './answerable.ts';
import { inWords } from './warnings.ts';

export interface AutomaticReplyRequest {
  /** What the rule says. */
  send: 'approve' | 'auto';
  /** To whom the answer goes; null where the mail names nobody. */
  recipient: string | null;
  /** The mail's From. */
  from: string | null;
  /** The addresses of the mailbox. */
  own: readonly string[];
  /** Whom the mail names as its recipients: To and Cc. */
  addressedTo: readonly string[];
  /** As it counts for answers (`answeredAs`). */
  kind: MailKind;
  kindReason: string;
  trust: Trust;
  /** Whether the mail answers one that this rule wrote. */
  followsReply: boolean;
  /** How many answers the recipient has got from the rule in the time of its limit, and how many he may. */
  ofRecipient: Counted;
  /** How many answers the rule has written in the time of its limit, and how many it may. */
  ofRule: Counted;
}

export interface Counted {
  count: number;
  limit: { count: number; text: string };
}

export type AutomaticReplyVerdict =
  | { verdict: 'refuse'; reason: string }
  | { verdict: 'ask'; reasons: string[] }
  | { verdict: 'send' };

/** Mailboxes that no person reads, by their names (RFC 5230 §4.6, and what came into use since). */
const OF_MACHINES =
  /^(?:owner-.*|.*-(?:request|owner|bounces?)|bounces?(?:[+=-].*)?|listserv|majordomo|mailer-daemon|postmaster|(?:no|do-?not|donot)[-_.]?reply(?:[+_.-].*)?)$/;

export function judgeAutomaticReply(request: AutomaticReplyRequest): AutomaticReplyVerdict {
  const refuse = (reason: string): AutomaticReplyVerdict => ({ verdict: 'refuse', reason });
  const { recipient, ofRecipient, ofRule } = request;
  if (UNANSWERABLE.has(request.kind)) return refuse(request.kindReason);
  if (recipient === null) return refuse('it names nobody who could be answered');
  const to = addressForm(recipient);
  const own = new Set(request.own.map((one) => addressForm(one).address));
  if (own.has(to.address)) return refuse(`${recipient} is an address of this mailbox`);
  if (OF_MACHINES.test(to.local)) return refuse(`${recipient} is the address of a machine`);
  if (request.followsReply) return refuse('it answers a mail that this rule wrote');
  if (ofRecipient.count >= ofRecipient.limit.count)
    return refuse(`${recipient} has got as many answers as this rule gives (${ofRecipient.limit.text})`);
  if (ofRule.count >= ofRule.limit.count)
    return refuse(`the rule has answered as many mails as it may (${ofRule.limit.text})`);

  const reasons: string[] = [];
  if (request.send === 'approve') reasons.push('The rule wants a person to approve what it answers.');
  if (request.trust.level === 'unverified')
    reasons.push(`The sender of the mail is not verified: ${request.trust.reason}.`);
  // A Reply-To counts where the answer goes: below.
  const warnings = request.trust.flags.filter((flag) => flag !== 'reply-to-elsewhere');
  if (warnings.length > 0) reasons.push(`The mail is suspicious: ${inWords(warnings)}.`);
  const from = request.from === null ? null : addressForm(request.from);
  if (from === null || from.domain === '' || from.domain !== to.domain)
    reasons.push(`Only a Reply-To says that the answer goes to ${recipient}.`);
  // Of a blind copy, an answer would tell that there was one.
  if (!request.addressedTo.some((one) => own.has(addressForm(one).address)))
    reasons.push('The mail names no address of this mailbox as its recipient.');
  return reasons.length === 0 ? { verdict: 'send' } : { verdict: 'ask', reasons };
}
