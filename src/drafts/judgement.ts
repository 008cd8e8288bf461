// Gathers what policy has to know of a mail that an agent wants to send, and asks it.
import type { Account } from '../accounts/accounts.ts';
import type { DraftContent } from '../contracts/draft.ts';
import type { MailKind } from '../contracts/mail.ts';
import type { Agent } from '../contracts/rule.ts';
import type { Clock } from '../kernel/clock.ts';
import { answeredAs } from '../mail/kind.ts';
import { domainOf, isSameOrganisation } from '../mail/trust/domains.ts';
import type { Link } from '../policy/links.ts';
import { type FileOrigin, judgeOutgoing, type OutgoingRequest } from '../policy/outgoing.ts';
import { oneOf } from '../policy/recipients.ts';
import { type Finding, finding, type PolicyRule, stricter, type Verdict } from '../policy/rules.ts';
import { foreignTaint } from '../policy/taint.ts';
import { sessionOf } from '../sessions/capabilities.ts';
import type { TurnSubject } from '../sessions/subject.ts';
import type { Store } from '../store/store.ts';
import type { MailAction } from './content.ts';
import { foundElsewhere } from './elsewhere.ts';
import { type FindingParts, findingsOf } from './mail-findings.ts';
import { suppressedFindings } from './suppressed-people.ts';

const ADDRESSES_AT_ONCE = 500; // engines bound the variables of a statement

export interface JudgementParts extends FindingParts {
  clock: Clock;
}

/** What an agent wrote of a mail, apart from what the gateway puts around it. */
export interface Written {
  subject?: string;
  text?: string;
  html?: string;
  /** That were made of what it gave, and stand in none of these. */
  links?: readonly Link[];
}

export function writtenIn(action: MailAction): Written {
  const { text, html } = action;
  return {
    ...(action.type === 'send' ? { subject: action.subject } : {}),
    ...(text === undefined ? {} : { text }),
    ...(html === undefined ? {} : { html }),
  };
}

/** Where a file came from, by its object's id: from a mail of the conversation, or from another one's. */
export type FileOrigins = ReadonlyMap<string, FileOrigin>;

export interface WantedMail {
  agent: Agent;
  subject: TurnSubject;
  written?: Written;
  origins?: FileOrigins | undefined;
  content: (account: Account, written?: Written) => DraftContent;
}

/** What policy says of a mail of this turn, and the mail as it leaves it. @throws PosternError `recipient_invalid` */
export async function judgeMail(
  parts: JudgementParts,
  account: Account,
  { agent, subject, written, origins, content: contentOf }: WantedMail,
): Promise<{ verdict: Verdict; content: DraftContent }> {
  const { message, people, trust } = subject;
  const asWritten = contentOf(account, written);
  const files = asWritten.attachments.map((file) => ({
    file,
    origin: origins?.get(file.object_id) ?? ('made' as const),
  }));
  const { words, seen, findings } = await findingsOf(
    parts,
    account,
    subject.threadId,
    written ?? wordsOf(asWritten),
    files.map(({ file, origin }) => ({ file, isMade: origin === 'made' })),
    [...asWritten.to, ...asWritten.cc, ...asWritten.bcc, ...(asWritten.reply_to ?? [])],
  );
  const content = written
    ? contentOf(account, words)
    : { ...asWritten, text: words.text ?? '', html: words.html ?? null };
  const recipients = addressesOf([...content.to, ...content.cc, ...content.bcc]);
  const home = domainOf(account.settings.address);
  const session = await sessionOf(parts.store, subject.sessionId);
  const isKnown = oneOf([...recipients, ...people.participants, ...people.named, account.settings.address]);
  const elsewhere = await foundElsewhere(parts.store, subject, seen, isKnown);
  const request: OutgoingRequest = {
    recipients,
    bcc: addressesOf(content.bcc),
    replyTo: addressesOf(content.reply_to ?? []),
    files: files.map(({ file, origin }) => ({ name: file.filename, origin })),
    thread: [...people.participants, ...people.named],
    named: people.named,
    outsiders: people.outsiders,
    strangers: await strangersOf(parts.store, account.id, recipients),
    abroad: recipients.filter((address) => !isSameOrganisation(domainOf(address), home)),
    kind: answeredAs(message.kind as MailKind, message.metadata.headers),
    kindReason: message.kindReason,
    trust,
    taint: [
      ...session.taint.map(({ rule, text }) => finding(rule as PolicyRule, text)),
      ...foreignAnswered(subject),
    ],
    content: [...findings, ...elsewhere, ...(await suppressedFindings(parts, account.id, recipients))],
    words: seen,
    now: parts.clock.now(),
  };
  const now = judgeOutgoing(agent.may, request);
  // What the rules have narrowed since the turn began counts at once, and what they have widened not yet.
  const verdict = session.granted ? stricter(now, judgeOutgoing(session.granted.may, request)) : now;
  return { verdict, content };
}

/** A mail of another conversation that is answered or forwarded was read, whatever tool showed it. */
function foreignAnswered({ message, threadId, people }: TurnSubject): Finding[] {
  if (message.threadId === threadId) return [];
  const { id: messageId, kind, metadata, trust } = message;
  const read = { messageId, from: metadata.from?.address ?? null, isOwn: kind === 'own', trust };
  return [foreignTaint(read, oneOf(people.participants)) ?? finding('foreign_mail', FOREIGN_MAIL)];
}

const FOREIGN_MAIL = 'It answers or forwards a mail of another conversation.';

const wordsOf = ({ subject, text, html }: DraftContent): Written => ({
  subject,
  text,
  ...(html === null ? {} : { html }),
});

const addressesOf = (people: readonly { address: string }[]): string[] =>
  people.map(({ address }) => address);

/** Those to whom no mail has gone from this account, as far as the ledger knows: sent mail that was seen counts too. */
async function strangersOf(
  { db }: Store,
  accountId: string,
  addresses: readonly string[],
): Promise<string[]> {
  const known = new Set<string>();
  const asked = [...new Set(addresses.map((address) => address.toLowerCase()))];
  for (let at = 0; at < asked.length; at += ADDRESSES_AT_ONCE) {
    const rows = await db
      .selectFrom('correspondents')
      .select('address')
      .where('account_id', '=', accountId)
      .where('address', 'in', asked.slice(at, at + ADDRESSES_AT_ONCE))
      .execute();
    for (const { address } of rows) known.add(address);
  }
  return addresses.filter((address) => !known.has(address.toLowerCase()));
}
