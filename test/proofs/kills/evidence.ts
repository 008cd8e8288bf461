// What is there at the end: the ledger as its REST API tells it, what the SMTP server took, and what the agents noted.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { DraftView, SubmissionView } from '../../../src/contracts/draft.ts';
import type { MessageView } from '../../../src/contracts/mail.ts';
import type { DeadLetterView, Page } from '../../../src/contracts/page.ts';
import type { SessionView, TurnView } from '../../../src/contracts/session.ts';
import type { TestGateway } from '../../support/gateway.ts';
import type { Approver } from './approver.ts';
import { MAILBOXES, type Mail, numberIn, USERS } from './mails.ts';
import type { World } from './world.ts';

/** A mail that the SMTP server took, whether or not the gateway lived to hear so. */
export interface Arrived {
  messageId: string;
  /** As an approval names it, computed from what arrived: the envelope, and the bytes below the Date line. */
  digest: string;
  /** The first line is a Date header. */
  dated: boolean;
  /** SHA-256 of the bytes below it. */
  sha256: string;
  /** What the agent wrote that this answers: `ses_… turn 1`. */
  answers: string;
}

export interface AgentNote {
  session: string;
  turn: number;
  message: string;
  rule: string;
  agent: string;
}

export type Session = SessionView & { history: TurnView[] };

export interface Evidence {
  mails: readonly Mail[];
  messages: MessageView[];
  sessions: Session[];
  drafts: DraftView[];
  submissions: SubmissionView[];
  deadLetters: DeadLetterView[];
  arrived: Arrived[];
  /** SHA-256 of what GET /v1/drafts/{id}/raw gives, by draft. */
  rawOf: Map<string, string>;
  /** Message-IDs of the copies in the Sent mailboxes; more than once where there are several. */
  sentCopies: string[];
  /** The flags and labels on the server, by the mail's number; of a mail that was copied, those of all its copies. */
  flags: ReadonlyMap<number, ReadonlySet<string>>;
  agentNotes: AgentNote[];
  asked: ReadonlyMap<string, ReadonlySet<string>>;
  confirmed: ReadonlyMap<string, string>;
  rejected: ReadonlySet<string>;
}

export async function gather(world: World, mails: readonly Mail[], approver: Approver): Promise<Evidence> {
  const { gateway } = world;
  const drafts = await everything<DraftView>(gateway, '/v1/drafts');
  const sessions: Session[] = [];
  for (const { id } of await everything<SessionView>(gateway, '/v1/sessions'))
    sessions.push(await gateway.get<Session>(`/v1/sessions/${id}`));
  const rawOf = new Map<string, string>();
  for (const { id } of drafts) rawOf.set(id, sha256(await gateway.bytes(`/v1/drafts/${id}/raw`)));
  return {
    mails,
    messages: await everything<MessageView>(gateway, '/v1/messages'),
    sessions,
    drafts,
    submissions: await everything<SubmissionView>(gateway, '/v1/submissions'),
    deadLetters: await everything<DeadLetterView>(gateway, '/v1/dead-letters'),
    arrived: world.smtp.messages().map(arrivedAs),
    rawOf,
    sentCopies: await sentCopiesOf(world),
    flags: await flagsOf(world),
    agentNotes: await notesIn(world.agentLog),
    asked: approver.asked,
    confirmed: approver.confirmed,
    rejected: approver.rejected,
  };
}

export async function sentCopiesOf({ dovecot }: World): Promise<string[]> {
  const copies = await Promise.all(USERS.map((user) => dovecot.fetchAll(user, 'Sent')));
  return copies.flat().map(({ raw }) => messageIdIn(raw));
}

export async function flagsOf({ dovecot }: World): Promise<Map<number, Set<string>>> {
  const found = new Map<number, Set<string>>();
  for (const user of USERS)
    for (const mailbox of MAILBOXES)
      for (const { raw, flags } of await dovecot.fetchAll(user, mailbox)) {
        const number = numberIn(/^Subject: (.*)$/m.exec(raw.toString('latin1'))?.[1] ?? '');
        if (number !== null) found.set(number, new Set([...(found.get(number) ?? []), ...flags]));
      }
  return found;
}

/** Every page of a list. */
export async function everything<T>(gateway: TestGateway, path: string, filter = ''): Promise<T[]> {
  const all: T[] = [];
  let token: string | null = null;
  do {
    const from: string = token === null ? '' : `&page_token=${token}`;
    const page: Page<T> = await gateway.get<Page<T>>(`${path}?limit=1000&${filter}${from}`);
    all.push(...page.data);
    token = page.next_page_token;
  } while (token !== null);
  return all;
}

function arrivedAs({
  raw,
  envelopeFrom,
  recipients,
}: {
  raw: Buffer;
  envelopeFrom: string;
  recipients: string[];
}): Arrived {
  const below = raw.subarray(raw.indexOf('\r\n') + 2);
  // Written out here once more, so that a mistake in the gateway's own digest does not prove itself.
  const digest = createHash('sha256')
    .update(JSON.stringify({ from: envelopeFrom, to: recipients }))
    .update('\0')
    .update(below)
    .digest('hex');
  return {
    messageId: messageIdIn(raw),
    digest: `sha256:${digest}`,
    dated: /^Date: [^\r\n]+\r\n/.test(raw.toString('latin1', 0, 100)),
    sha256: sha256(below),
    answers: /This answers (ses_\w+ turn \d+)/.exec(raw.toString('latin1'))?.[1] ?? '',
  };
}

export const messageIdIn = (raw: Buffer): string =>
  /^Message-ID: (<[^>\r\n]+>)/im.exec(raw.toString('latin1'))?.[1] ?? '';

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

async function notesIn(path: string): Promise<AgentNote[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as AgentNote);
}
