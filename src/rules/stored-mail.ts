// Mails of the ledger as the rules look at them, and as they did when each came in, as far as the ledger knows.
import type { ExpressionBuilder } from 'kysely';
import type { MailKind, MailMetadata } from '../contracts/mail.ts';
import { storedTrust } from '../mail/trust.ts';
import type { Database } from '../store/schema.ts';
import type { Reader } from '../store/store.ts';
import { ownMessageIds } from '../watch/ledger-lookups.ts';
import type { RuleInput } from './mail-view.ts';

export interface StoredMail {
  id: string;
  accountId: string;
  kind: MailKind;
  kindReason: string;
  /** The Date header, or the arrival where it has none; epoch milliseconds. */
  date: number;
  input: RuleInput;
}

export interface StoredRange {
  id?: string | undefined;
  accountId?: string | undefined;
  /** Only mail that came in from then on, epoch milliseconds. */
  since?: number | undefined;
  /** Only mail that came into the ledger before this id. */
  before?: string | undefined;
  limit: number;
  /** Whether the texts that the ledger has are read too. */
  withText: boolean;
}

/**
 * The newest first. Unknown of each are its flags as it came in (the server's, and changed since), and its text, where
 * nobody needed it yet: nothing is fetched.
 */
export async function storedMails(db: Reader, range: StoredRange): Promise<StoredMail[]> {
  const rows = await db
    .selectFrom('messages')
    .innerJoin('accounts', 'accounts.id', 'messages.account_id')
    .select(['messages.id', 'messages.account_id', 'accounts.label', 'messages.kind', 'messages.kind_reason'])
    .select(['messages.date', 'messages.arrived_at', 'messages.trust', 'messages.metadata'])
    .select((eb) => [
      eb.exists(earlierOfThread(eb)).as('is_known_thread'),
      firstPlace(eb).as('mailbox'),
      ...(range.withText ? [textOf(eb).as('text')] : []),
    ])
    .$if(range.id !== undefined, (query) => query.where('messages.id', '=', range.id ?? ''))
    .$if(range.accountId !== undefined, (query) =>
      query.where('messages.account_id', '=', range.accountId ?? ''),
    )
    .$if(range.since !== undefined, (query) => query.where('messages.arrived_at', '>=', range.since ?? 0))
    .$if(range.before !== undefined, (query) => query.where('messages.id', '<', range.before ?? ''))
    .orderBy('messages.id', 'desc')
    .limit(range.limit)
    .execute();
  const read = rows.map((row) => ({ row, metadata: JSON.parse(row.metadata) as MailMetadata }));
  const answersUs = await answersOfOurs(
    db,
    read.filter(({ row }) => !row.is_known_thread),
  );
  return read.map(({ row, metadata }) => {
    const trust = storedTrust(row.trust);
    const text = (row as { text?: string | null }).text ?? undefined;
    return {
      id: row.id,
      accountId: row.account_id,
      kind: row.kind as MailKind,
      kindReason: row.kind_reason,
      date: row.date,
      input: {
        account: row.label,
        mailbox: row.mailbox ?? 'INBOX',
        metadata,
        flags: [],
        isReply: Boolean(row.is_known_thread) || answersUs(metadata),
        trust: trust.level,
        kind: row.kind as MailKind,
        trustFlags: trust.flags,
        unproved: !trust.checked,
        arrivedAt: row.arrived_at,
        ...(text === undefined ? {} : { text }),
        unknown: text === undefined ? ['flags', 'text'] : ['flags'],
      },
    };
  });
}

/** A thread was known when a mail came in: of an earlier one that was seen, or of one that left from here. */
const earlierOfThread = (eb: ExpressionBuilder<Database, 'messages'>) =>
  eb
    .selectFrom('messages as earlier')
    .select('earlier.id')
    .whereRef('earlier.thread_id', '=', 'messages.thread_id')
    .whereRef('earlier.account_id', '=', 'messages.account_id')
    .whereRef('earlier.id', '<', 'messages.id');

/** Where it came in: the first place from which it went, or where it still lies. */
const firstPlace = (eb: ExpressionBuilder<Database, 'messages'>) =>
  eb
    .selectFrom('locations')
    .select('locations.mailbox')
    .whereRef('locations.message_id', '=', 'messages.id')
    .orderBy((of) => of('locations.gone_at', 'is', null))
    .orderBy('locations.gone_at')
    .orderBy('locations.uid')
    .limit(1);

const textOf = (eb: ExpressionBuilder<Database, 'messages'>) =>
  eb.selectFrom('contents').select('contents.text').whereRef('contents.message_id', '=', 'messages.id');

async function answersOfOurs(
  db: Reader,
  mails: readonly { metadata: MailMetadata }[],
): Promise<(metadata: MailMetadata) => boolean> {
  const refersTo = ({ in_reply_to: to, references }: MailMetadata): string[] =>
    to === null ? references : [to, ...references];
  const ours = await ownMessageIds(
    db,
    mails.flatMap(({ metadata }) => refersTo(metadata)),
  );
  return (metadata) => ours.size > 0 && refersTo(metadata).some((id) => ours.has(id));
}
