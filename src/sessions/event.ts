// The event that a session receives: the message, its thread, and where and with what power to act.
import type { Account } from '../accounts/accounts.ts';
import type { DraftContent } from '../contracts/draft.ts';
import type { HiddenNote, HiddenSummary, MailContent, MessageDetail } from '../contracts/mail.ts';
import type { SessionEvent } from '../contracts/session.ts';
import { keptQuery } from '../store/kept-query.ts';
import type { Store } from '../store/store.ts';
import type { Arrival } from '../watch/arrival.ts';
import { attachmentViews, type Messages, unpackedViews } from '../watch/messages.ts';

const THREAD_MESSAGES = 20; // the latest; the rest can be asked for
type ThreadEntry = SessionEvent['data']['thread'][number];
type EventMessage = SessionEvent['data']['message'];

export interface EventParts {
  store: Store;
  messages: Pick<Messages, 'detail'>;
  urls: () => { api: string; mcp: string };
}

/** A mail that was just taken in, with its text. */
export interface ArrivedMail {
  arrival: Arrival;
  content: MailContent;
}

export interface EventSubject {
  type: SessionEvent['type'];
  at: number;
  session: { id: string; agent: string; rule: string; threadId: string };
  turn: number;
  token: string;
  account: Pick<Account, 'id' | 'settings'>;
  /** The message's id, or itself where it has just come in: nothing need be read again. */
  message: string | ArrivedMail;
  extra: Pick<SessionEvent['data'], 'feedback' | 'question' | 'draft_id'>;
}

/** @throws PosternError `message_gone` when the text was never read and is no longer on the server */
export async function buildEvent(parts: EventParts, subject: EventSubject): Promise<SessionEvent> {
  const { account, session } = subject;
  const message =
    typeof subject.message === 'string'
      ? eventMessageOf(await parts.messages.detail(subject.message))
      : arrivedMessage(subject.message);
  return {
    type: subject.type,
    timestamp: new Date(subject.at).toISOString(),
    data: {
      session: {
        id: session.id,
        agent: session.agent,
        turn: subject.turn,
        ...parts.urls(),
        token: subject.token,
      },
      account: { id: account.id, label: account.settings.label, address: account.settings.address },
      rule: session.rule,
      message,
      thread: await threadOf(parts.store, session.threadId, message.id),
      ...subject.extra,
    },
  };
}

/** The same as the ledger tells of it. */
function arrivedMessage({ arrival, content }: ArrivedMail): EventMessage {
  const { id, threadId, arrivedAt, metadata, kind, trust } = arrival;
  const { message_id, from, reply_to, to, cc, subject, date, headers } = metadata;
  const { text, reply_text, html, truncated, hidden, language, invitation } = content;
  return {
    id,
    thread_id: threadId,
    message_id,
    from,
    reply_to,
    to,
    cc,
    subject,
    date: new Date(date ?? arrivedAt).toISOString(),
    kind,
    text,
    reply_text,
    html,
    truncated,
    hidden: summaryOf(hidden),
    language,
    invitation,
    attachments: [...attachmentViews(id, metadata), ...unpackedViews(id, content.unpacked)],
    headers,
    trust,
  };
}

function eventMessageOf(message: MessageDetail): EventMessage {
  const { id, thread_id, message_id, from, reply_to, to, cc, subject, date, kind } = message;
  const { text, reply_text, html, truncated, hidden, language, invitation, attachments, headers, trust } =
    message;
  return {
    id,
    thread_id,
    message_id,
    from,
    reply_to,
    to,
    cc,
    subject,
    date,
    kind,
    text,
    reply_text,
    html,
    truncated,
    hidden: summaryOf(hidden),
    language,
    invitation,
    attachments,
    headers,
    trust,
  };
}

/** Not what was hidden: an agent would read it with the rest, and it was written for that. */
const summaryOf = (hidden: HiddenNote | null): HiddenSummary | null =>
  hidden && { characters: hidden.characters, kinds: hidden.kinds };

const receivedIn = keptQuery((db, threadId: string, except: string) =>
  db
    .selectFrom('messages')
    .leftJoin('contents', 'contents.message_id', 'messages.id')
    .select(['messages.id', 'messages.metadata', 'messages.date', 'contents.text'])
    .where('messages.thread_id', '=', threadId)
    .where('messages.id', '<>', except)
    .where('messages.kind', '<>', 'own') // they are among the sent ones
    .orderBy('messages.date', 'desc')
    .limit(THREAD_MESSAGES),
);

const sentIn = keptQuery((db, threadId: string) =>
  db
    .selectFrom('submissions')
    .innerJoin('drafts', 'drafts.id', 'submissions.draft_id')
    .innerJoin('draft_versions', (join) =>
      join
        .onRef('draft_versions.draft_id', '=', 'drafts.id')
        .onRef('draft_versions.version', '=', 'drafts.version'),
    )
    .select(['submissions.id', 'draft_versions.content', 'submissions.dated_at'])
    .where('drafts.thread_id', '=', threadId)
    .where('submissions.state', 'in', ['sent', 'bounced'])
    .orderBy('submissions.dated_at', 'desc')
    .limit(THREAD_MESSAGES),
);

/** The other mails of the thread, those that this gateway sent among them, oldest first. */
async function threadOf(store: Store, threadId: string, except: string): Promise<ThreadEntry[]> {
  const received = await receivedIn(store.db, threadId, except);
  const sent = await sentIn(store.db, threadId);
  const entries: (ThreadEntry & { at: number })[] = [];
  for (const row of received) {
    const { message_id, from, to, subject } = JSON.parse(row.metadata) as MessageDetail;
    entries.push({
      id: row.id,
      message_id,
      from,
      to,
      subject,
      date: new Date(row.date).toISOString(),
      text: row.text,
      own: false,
      at: row.date,
    });
  }
  for (const row of sent) {
    const { message_id, from, to, subject, text } = JSON.parse(row.content) as DraftContent;
    entries.push({
      id: row.id,
      message_id,
      from,
      to,
      subject,
      date: new Date(row.dated_at).toISOString(),
      text,
      own: true,
      at: row.dated_at,
    });
  }
  return entries
    .sort((a, b) => a.at - b.at)
    .slice(-THREAD_MESSAGES)
    .map(({ at: _, ...entry }) => entry);
}
