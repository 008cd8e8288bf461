// The mails of the proof: of every kind that takes another way through the gateway, each with what must become of it.
import type { Random } from '../random.ts';

export const USERS = ['alpha', 'beta', 'gamma'] as const;
export type User = (typeof USERS)[number];
/** All of them are watched. */
export const MAILBOXES = ['INBOX', 'Support', 'Orders'] as const;
/** The only account that believes its server's Authentication-Results, and whose agent may answer by itself. */
export const AUTOMATIC_USER: User = 'gamma';
export const AUTHSERV_ID = 'mx.proof.example';

export interface Mail {
  /** Also at the end of its subject, by which it is found again everywhere. */
  number: number;
  user: User;
  /** The number of the first mail of its thread. */
  conversation: number;
  messageId: string | null;
  references: string[];
  /** The names of the rules of which each must start exactly one turn. */
  rules: string[];
  /** Whether its server vouches for its sender, so that an agent that may answer by itself does. */
  vouched: boolean;
  raw: string;
}

export const RULES = {
  questions: 'questions',
  urgent: 'urgent questions',
  orders: 'orders',
} as const;

/** What the first rule puts on its mail. */
export const LABEL = 'Proof/Seen';

/** @param agentLog where the agent notes each time it is asked */
export function rulesFile(agentLog: string): string {
  const agent = (name: string, reply: 'approve' | 'auto'): string => `
  ${name}:
    run: { command: [node, test/proofs/kills/agent.ts, ${JSON.stringify(agentLog)}] }
    may: { reply: ${reply}, recipients: thread }
    limits: { time: 1m, per_sender: 100000/1h, per_day: 100000 }`;
  return `agents:${agent('clerk', 'approve')}${agent('hotline', 'approve')}${agent('shop', 'auto')}
rules:
  - { name: ${RULES.questions}, when: { subject: question }, then: [{ spawn: clerk }, { label: ${LABEL} }] }
  - { name: ${RULES.urgent}, when: { subject: urgent }, then: [{ spawn: hotline }] }
  - { name: ${RULES.orders}, account: ${AUTOMATIC_USER}, when: { subject: order }, then: [{ spawn: shop }] }
`;
}

/** What a new mail may answer. */
export interface Answerable {
  user: User;
  conversation: number;
  messageId: string;
  /** The Message-IDs of the conversation before it, oldest first. */
  references: string[];
}

/** Every kind of mail for every user, then all of them again: also a short run has each. */
export function* kindsInTurn(random: Random): Generator<{ user: User; kind: Kind }, never> {
  const all = USERS.flatMap((user) => kindsOf(user).map((kind) => ({ user, kind })));
  for (;;) yield* random.shuffled(all);
}

/** One in four goes on with a conversation of its user. */
export function writeMail(
  random: Random,
  number: number,
  { user, kind }: { user: User; kind: Kind },
  answerable: readonly Answerable[],
): Mail {
  const conversations = answerable.filter((one) => one.user === user);
  const answers = conversations.length > 0 && random.chance(0.25) ? random.pick(conversations) : null;
  const domain = user === AUTOMATIC_USER ? 'verified.example' : 'customers.example';
  const messageId = kind.nameless ? null : `<proof-${number}@${domain}>`;
  const lines = [
    ...(kind.vouched ? [`Authentication-Results: ${AUTHSERV_ID}; dmarc=pass header.from=${domain}`] : []),
    `From: Customer ${number} <customer-${random.between(1, 20)}@${domain}>`,
    `To: ${user}@company.example`,
    `Subject: ${answers ? 'Re: ' : ''}${kind.subject} #${number}`,
    ...(messageId === null ? [] : [`Message-ID: ${messageId}`]),
    ...(answers === null
      ? []
      : [
          `In-Reply-To: ${answers.messageId}`,
          `References: ${[...answers.references, answers.messageId].join('\r\n ')}`,
        ]),
    ...(kind.headers ?? []),
    `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
    '',
    `This is mail ${number} of the proof.`,
    '',
    'x'.repeat(60).concat('\r\n').repeat(random.between(0, 40)),
  ];
  return {
    number,
    user,
    conversation: answers?.conversation ?? number,
    messageId,
    references: answers === null ? [] : [...answers.references, answers.messageId],
    rules: kind.rules,
    vouched: kind.vouched === true,
    raw: lines.join('\r\n'),
  };
}

export interface Kind {
  subject: string;
  rules: string[];
  headers?: string[];
  vouched?: boolean;
  /** Without a Message-ID. */
  nameless?: boolean;
}

const QUESTION: Kind = { subject: 'A question', rules: [RULES.questions] };
const KINDS: Kind[] = [
  QUESTION,
  QUESTION,
  { ...QUESTION, nameless: true },
  { subject: 'An urgent question', rules: [RULES.questions, RULES.urgent] },
  { subject: 'Our newsletter', rules: [] },
  // Matches, and must start nothing (RFC 3834).
  { subject: 'A question while I am away', rules: [], headers: ['Auto-Submitted: auto-replied'] },
];
const ORDER: Kind = { subject: 'An order', rules: [RULES.orders], vouched: true };

function kindsOf(user: User): Kind[] {
  return user === AUTOMATIC_USER ? [...KINDS, ORDER, ORDER, ORDER, { ...ORDER, vouched: false }] : KINDS;
}

/** The flag on mail from before, which stays where it is: moved, it would be new in its mailbox. */
export const OLD = 'Old';

/** Mail that lay there before anything was watched: it must never be taken for new. */
export function oldMail(user: User, mailbox: string): string {
  return [
    'From: Long Ago <past@customers.example>',
    `To: ${user}@company.example`,
    `Subject: An old question in ${mailbox}`,
    `Message-ID: <old-${mailbox}-${user}@customers.example>`,
    'Date: Mon, 02 Mar 2026 10:00:00 +0000',
    '',
    'This came before the gateway did.',
    '',
  ].join('\r\n');
}

/** The number at the end of a subject; null for mail that is none of ours. */
export function numberIn(subject: string): number | null {
  const found = /#(\d+)$/.exec(subject.trim());
  return found ? Number(found[1]) : null;
}
