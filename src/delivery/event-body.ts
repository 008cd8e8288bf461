// A mail as an event (contracts/mail-event.ts), written piece by piece. Text is read as it is needed, attachments are
// streamed, and nothing of the size of a mail is held in memory.
import type { MailContent, MailMetadata } from '../contracts/mail.ts';
import type { PostedEvent } from '../contracts/mail-event.ts';
import type { ImapConnection } from '../imap/connection.ts';
import type { Place } from '../imap/operations.ts';
import { MAX_HEADERS } from '../mail/headers.ts';
import { kindOf } from '../mail/kind.ts';
import { decodeBodies } from '../mail/parse.ts';
import { trustOf } from '../mail/trust.ts';
import type { Artifacts } from '../objects/artifacts.ts';
import { readHeadersAndTexts, writePart } from './event-parts.ts';
import type { EventMessage, EventOptions, EventSubject } from './event-subject.ts';
import { type Unwrapped, unwrapJournal } from './journal.ts';
import type { Spool } from './spool.ts';

/**
 * @param place where the message lies
 * @throws PosternError `message_gone`, `mail_cut_short`, `mail_too_large`, `mail_too_complex`
 */
export async function writeEvent(
  spool: Spool,
  artifacts: Pick<Artifacts, 'stage' | 'keep' | 'find'>,
  connection: ImapConnection,
  place: Place,
  subject: EventSubject,
  options: EventOptions,
): Promise<void> {
  const { metadata: outer } = subject.message;
  const unwrapped = options.journal ? await unwrapJournal(connection, place, outer) : null;
  const message = unwrapped ? messageInside(subject.message, unwrapped) : subject.message;
  const read = await readHeadersAndTexts(connection, place, message.metadata, options.limit);
  const content = await decodeBodies(read.understood, message.metadata);
  const isLeftOut = [...read.readable].some((part) => !read.texts.has(part));
  const truncated = content.truncated || isLeftOut || isCut(message.metadata);
  const journal = unwrapped && { ...unwrapped.envelope, report_message_id: outer.message_id };
  const head = JSON.stringify(headOf(subject, journal, message, { ...content, truncated }));
  await spool.write(`${head.slice(0, -'}}}'.length)},"parts":[`);
  const event = { id: subject.eventId, accountId: subject.account.id };
  for (const [index, part] of read.parts.entries()) {
    options.signal.throwIfAborted();
    if (index > 0) await spool.write(',');
    await writePart({ spool, artifacts, connection, place, event, options }, read, part);
  }
  await spool.write(']}}}');
}

/** Every mail has a part: of one without, the structure could not be read. And further headers are not told. */
const isCut = ({ parts, headers }: MailMetadata): boolean =>
  parts.length === 0 || Object.values(headers).reduce((sum, { length }) => sum + length, 0) >= MAX_HEADERS;

const NOBODY = { addresses: [], isOwnMessageId: () => false };

const messageInside = (report: EventMessage, { metadata }: Unwrapped): EventMessage => ({
  ...report,
  date: metadata.date ?? report.date,
  size: metadata.size,
  kind: kindOf(metadata, NOBODY).kind,
  // The journal vouches for nothing: it copies what goes in and out, forged senders too.
  trust: {
    ...trustOf(metadata, null),
    reason: 'the mail came inside of a journal report, and was not checked',
  },
  metadata,
});

type Head = Omit<PostedEvent, 'data'> & {
  data: Omit<PostedEvent['data'], 'message' | 'rule' | 'destination'> & {
    message: Omit<PostedEvent['data']['message'], 'parts'>;
  };
};

/** All but the parts, which are written behind it: `message` is the last in `data`, and `data` in the event. */
function headOf(
  { eventId, account, hostname, tags, arrivedAt, about }: EventSubject,
  journal: PostedEvent['data']['journal'],
  { id, threadId, date, size, kind, trust: believed, metadata }: EventMessage,
  { text, reply_text, html, hidden, unpacked, truncated }: MailContent,
): Head {
  return {
    type: 'message.received',
    timestamp: new Date(arrivedAt).toISOString(),
    routing: {
      event_id: eventId,
      event_time: arrivedAt,
      event_type: 'message.received',
      hostname,
      tags: [...tags],
    },
    data: {
      account,
      ...about,
      journal,
      message: {
        id,
        thread_id: threadId,
        message_id: metadata.message_id,
        from: metadata.from,
        reply_to: metadata.reply_to,
        to: metadata.to,
        cc: metadata.cc,
        subject: metadata.subject,
        date: new Date(date).toISOString(),
        size,
        kind,
        trust: believed,
        text,
        reply_text,
        html,
        hidden,
        unpacked,
        truncated,
        headers: metadata.headers,
      },
    },
  };
}
