// What an agent's mail may do: pure. A mail is refused, held for a person, or let go, and every reason names its rule.
import type { May } from '../contracts/agent-policy.ts';
import type { MailKind, Trust } from '../contracts/mail.ts';
import { UNANSWERABLE } from './answerable.ts';
import { askedBecause } from './ask-when.ts';
import { listTest, oneOf } from './recipients.ts';
import { type Finding, finding, type Verdict, verdictOf } from './rules.ts';
import { conversationTaint } from './taint.ts';

/** Where a file comes from that a mail takes along. `made`: the agent's own; `other`: mail outside of the conversation. */
export type FileOrigin = 'thread' | 'made' | 'other';

export interface OutgoingRequest {
  /** Every recipient, of To, Cc and Bcc. */
  recipients: readonly string[];
  bcc: readonly string[];
  /** Where it directs answers to, if the agent says so. */
  replyTo: readonly string[];
  files: readonly { name: string; origin: FileOrigin }[];
  /** The addresses of the people in the thread: who wrote in it, and whom this gateway wrote to. */
  thread: readonly string[];
  /** Of them, those who are there only because a mail named them in its Reply-To: nothing shows that they wrote it. */
  named: readonly string[];
  /** Of them, those who wrote in the thread although nobody of it had written to them. */
  outsiders: readonly string[];
  /** Of the recipients, those whom nobody has written to from this account. */
  strangers: readonly string[];
  /** Of the recipients, those of another organisation than the account. */
  abroad: readonly string[];
  /** Of the message that woke the session. */
  kind: MailKind;
  kindReason: string;
  /** The weakest of the thread's mails with what warns of any of them, for the agent has read them all. */
  trust: Trust;
  /** What else the session has read that is not to be trusted, by the rules of taint. */
  taint: readonly Finding[];
  /** What the mail itself says wrong: the findings of hygiene. */
  content: readonly Finding[];
  /** What the agent wrote: subject and text, without what it quotes. */
  words: string;
  /** Epoch milliseconds. */
  now: number;
}

const MOST_NAMED = 10; // of recipients in a sentence; a mail may have hundreds

export function judgeOutgoing(may: May, request: OutgoingRequest): Verdict {
  const refused = refusal(may, request);
  if (refused) return { verdict: 'refuse', reasons: [refused] };
  return verdictOf([...reasonsToAsk(may, request), ...request.content]);
}

function refusal(may: May, request: OutgoingRequest): Finding | null {
  const { recipients, bcc, replyTo, thread, kind } = request;
  if (may.reply === 'never') return finding('reply_never', 'the policy of this agent says reply: never');
  if (UNANSWERABLE.has(kind))
    return finding('unanswerable', `the mail is not to be answered by a machine: ${request.kindReason}`);
  if (recipients.length === 0) return finding('no_recipient', 'the mail has no recipient');
  if (bcc.length > 0 && may.bcc === 'never')
    return finding('bcc_not_allowed', 'an agent may not add blind copies');
  const secret = bcc.filter((address) => !listed(may.bcc)(address));
  if (secret.length > 0)
    return finding(
      'bcc_not_allowed',
      `the policy of this agent does not allow blind copies to ${shown(secret)}`,
    );
  const allows = recipientTest(may, thread);
  const openly = recipients.filter((address) => !allows(address) && !oneOf(bcc)(address));
  if (openly.length > 0)
    return finding(
      'recipient_not_allowed',
      `the policy of this agent does not allow ${shown(openly)} as a recipient`,
    );
  const diverted = replyTo.filter((address) => !listed(may.reply_to)(address));
  if (diverted.length > 0)
    return finding(
      'reply_to_not_allowed',
      `the policy of this agent does not allow that answers go to ${shown(diverted)}`,
    );
  return refusedFile(may, request.files);
}

const listed = (list: 'never' | readonly string[]) => (list === 'never' ? () => false : listTest(list));

function recipientTest({ recipients }: May, thread: readonly string[]): (address: string) => boolean {
  if (recipients === 'any') return () => true;
  return recipients === 'thread' ? oneOf(thread) : listTest(recipients);
}

/** What a file of each origin needs of `attach`. */
const ATTACHABLE: Record<FileOrigin, ReadonlySet<May['attach']>> = {
  thread: new Set(['thread', 'session', 'account']),
  made: new Set(['session', 'account']),
  other: new Set(['account']),
};

function refusedFile({ attach }: May, files: OutgoingRequest['files']): Finding | null {
  const file = files.find(({ origin }) => !ATTACHABLE[origin].has(attach));
  if (!file) return null;
  const why =
    attach === 'never'
      ? 'does not allow files'
      : file.origin === 'other'
        ? 'does not allow files of other conversations'
        : 'allows files of the conversation alone';
  return finding(
    'attachment_not_allowed',
    `the policy of this agent ${why}: ${JSON.stringify(file.name.slice(0, 100))}`,
  );
}

function reasonsToAsk(may: May, request: OutgoingRequest): Finding[] {
  const reasons: Finding[] = [];
  if (may.reply === 'approve')
    reasons.push(finding('approve', 'The policy of this agent wants a person to approve its mail.'));
  const taint = [...conversationTaint(request), ...request.taint];
  reasons.push(...taint);
  const isOfThread = oneOf(request.thread);
  const isNamed = oneOf(request.named);
  if (taint.length > 0) {
    const others = request.recipients.filter((address) => !isOfThread(address));
    if (others.length > 0)
      reasons.push(
        finding('tainted_recipient', `It goes to ${shown(others)}, who is not of this conversation.`),
      );
  }
  const foreign = request.files.filter(({ origin }) => origin === 'other');
  if (foreign.length > 0)
    reasons.push(
      finding(
        taint.length > 0 ? 'tainted_attachment' : 'foreign_attachment',
        `It takes a file of another conversation along: ${JSON.stringify(foreign[0]?.name.slice(0, 100))}.`,
      ),
    );
  const unknown = request.recipients.filter(isNamed);
  if (may.recipients === 'thread' && unknown.length > 0)
    reasons.push(
      finding('reply_to_elsewhere', `Only a Reply-To says that the answer goes to ${shown(unknown)}.`),
    );
  for (const reason of may.needs_approval_when) {
    const found = typeof reason === 'string' ? plainReason(reason, request) : askedBecause(reason, request);
    if (found) reasons.push(found);
  }
  return reasons;
}

function plainReason(
  reason: Extract<May['needs_approval_when'][number], string>,
  { strangers, abroad, files, trust, content }: OutgoingRequest,
): Finding | null {
  switch (reason) {
    case 'first_contact':
      return strangers.length === 0
        ? null
        : finding('first_contact', `Nobody has written to ${shown(strangers)} from this account before.`);
    case 'outside_domain':
      return abroad.length === 0
        ? null
        : finding('outside_domain', `It goes to another domain than the account's: ${shown(abroad)}.`);
    case 'attachment':
      return files.length === 0 ? null : finding('attachment', `It has ${files.length} file(s).`);
    case 'new_link_domain': {
      const link = content.find(({ rule }) => rule === 'new_link_domain');
      return link ? finding('new_link_domain', link.text) : null;
    }
    case 'unverified':
      // What is not even asserted is asked about in any case.
      return trust.level === 'asserted'
        ? finding(
            'unverified',
            `The sender of a mail that the agent has read is only asserted: ${trust.reason}.`,
          )
        : null;
    case 'tainted':
      return null; // asked about in any case
  }
}

const shown = (addresses: readonly string[]): string =>
  addresses.length <= MOST_NAMED
    ? addresses.join(', ')
    : `${addresses.slice(0, MOST_NAMED).join(', ')} and ${addresses.length - MOST_NAMED} more`;
