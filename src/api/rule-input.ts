// A mail as the rules look at it: one that is in the ledger, or the bytes of any other.
import { type MailMetadata, mailMetadata, trust } from '../contracts/mail.ts';
import { notFound } from '../kernel/errors.ts';
import type { ParsedMail } from '../mail/parse.ts';
import { trustOf } from '../mail/trust.ts';
import type { RuleInput } from '../rules/mail-view.ts';
import type { Rooms } from './rooms.ts';

/** @throws PosternError `not_found` */
export async function storedRuleInput(rooms: Rooms, id: string): Promise<RuleInput> {
  const { db } = rooms.store;
  const row = await db
    .selectFrom('messages')
    .select(['account_id', 'metadata', 'trust', 'thread_id', 'created_at'])
    .where('id', '=', id)
    .executeTakeFirst();
  if (!row) throw notFound('message', id);
  const place = await db
    .selectFrom('locations')
    .select('mailbox')
    .where('message_id', '=', id)
    .orderBy('uid')
    .limit(1)
    .executeTakeFirst();
  const earlier = await db
    .selectFrom('messages')
    .select('id')
    .where('account_id', '=', row.account_id)
    .where('thread_id', '=', row.thread_id)
    .where('id', '<', id)
    .limit(1)
    .executeTakeFirst();
  const account = await rooms.accounts.get(row.account_id);
  const metadata = mailMetadata.parse(JSON.parse(row.metadata));
  return {
    account: account.settings.label,
    mailbox: place?.mailbox ?? 'INBOX',
    metadata,
    flags: [], // the ledger does not keep them: they are the server's, and change
    isReply: earlier !== undefined || pointsBack(metadata),
    trust: trust.parse(JSON.parse(row.trust)).level,
  };
}

export interface RawPlace {
  /** The account's label. */
  account: string;
  authservId: string | null;
  mailbox?: string;
}

export function rawRuleInput(mail: Pick<ParsedMail, 'metadata'>, place: RawPlace): RuleInput {
  return {
    account: place.account,
    mailbox: place.mailbox ?? 'INBOX',
    metadata: mail.metadata,
    flags: [],
    isReply: pointsBack(mail.metadata),
    trust: trustOf(mail.metadata, place.authservId).level,
  };
}

const pointsBack = (metadata: MailMetadata): boolean =>
  metadata.in_reply_to !== null || metadata.references.length > 0;
