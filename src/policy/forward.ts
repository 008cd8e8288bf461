// Whether a mail may be forwarded as a rule says, and whether a person is asked: pure. Every reason is a sentence's end.
import type { MailKind, Trust } from '../contracts/mail.ts';
import { addressForm } from '../rules/addresses.ts';

export interface ForwardRequest {
  /** What the rule says. */
  send: 'approve' | 'auto';
  recipients: readonly string[];
  /** The addresses under which the account writes. */
  own: readonly string[];
  /** Whom the mail names as its writer: From, Sender and Reply-To. */
  writers: readonly string[];
  kind: MailKind;
  kindReason: string;
  trust: Trust;
  /** Whether the mail refers to one that a rule of this gateway forwarded: an answer to it, or the same once more. */
  followsForward: boolean;
  /** How many mails the rule has forwarded in the time of its limit, and how many it may. */
  count: number;
  limit: { count: number; text: string };
  /** How many files it has. */
  files: number;
  /** Octets of the mail as it would leave, and what the account sends. */
  size: number;
  largest: number;
}

export type ForwardVerdict =
  | { verdict: 'refuse'; reason: string }
  | { verdict: 'ask'; reasons: string[] }
  | { verdict: 'send' };

/** Reports and answers of machines: forwarding them is how two mailboxes write to each other for ever. */
const LOOPING = new Set<MailKind>(['own', 'bounce', 'complaint', 'receipt', 'auto-reply']);
const MOST_FILES = 100; // each is fetched by itself; no person attaches so many

export const isNeverForwarded = (kind: MailKind): boolean => LOOPING.has(kind);

export function judgeForward(request: ForwardRequest): ForwardVerdict {
  const refuse = (reason: string): ForwardVerdict => ({ verdict: 'refuse', reason });
  if (isNeverForwarded(request.kind)) return refuse(request.kindReason);
  if (request.followsForward) return refuse('it refers to a mail that was forwarded before');
  const forms = (addresses: readonly string[]) => new Set(addresses.map((one) => addressForm(one).address));
  const [own, writers] = [forms(request.own), forms(request.writers)];
  for (const recipient of request.recipients) {
    const { address } = addressForm(recipient);
    if (own.has(address)) return refuse(`${recipient} is the account's own address`);
    if (writers.has(address)) return refuse(`${recipient} wrote it`);
  }
  if (request.count >= request.limit.count)
    return refuse(`the rule has forwarded as many as it may (${request.limit.text})`);
  if (request.files > MOST_FILES)
    return refuse(`it has ${request.files} files, and at most ${MOST_FILES} go along`);
  if (request.size > request.largest)
    return refuse(`it has about ${request.size} octets, and the account sends ${request.largest}`);

  const reasons: string[] = [];
  if (request.send === 'approve') reasons.push('The rule wants a person to approve what it forwards.');
  if (request.trust.level === 'unverified')
    reasons.push(`The sender of the mail is not verified: ${request.trust.reason}.`);
  if (request.trust.flags.length > 0)
    reasons.push(`The mail is suspicious: ${request.trust.flags.join(', ')}.`);
  return reasons.length === 0 ? { verdict: 'send' } : { verdict: 'ask', reasons };
}
